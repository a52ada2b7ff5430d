"""The visit record as the engine decides on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intake.asking import correctable
from intake.conversation import Stage
from intake.events import Visited
from intake.outcomes import Erase, KeepField
from tests.talk import Talk, rules, to_consent, to_fields, to_review

TOLD = (("browser", "Firefox"), ("pages", "/products"))
NAMES = ("browser", "pages")


def allowed() -> Talk:
    """Return a talk at the review card whose visit record is kept."""
    talk = to_consent().pick("consent:agree", purposes=("visit",)).pick("whose:own").meet(Visited(TOLD))
    talk.say("Li Na", "Example Valves Ltd", "+86 138 0000 0000", "li.na@example.com", "Engineer")
    return talk.pick("field:skip")


@pytest.mark.parametrize("make", [Talk, to_consent, to_fields])
def test_nothing_of_the_visit_is_kept_without_its_purpose(make: Callable[[], Talk]) -> None:
    """S3, S5: before the card, on it, and after agreeing to something else only."""
    talk = make()
    before = talk.state

    talk.meet(Visited(TOLD))

    assert (talk.last.refused, talk.state, talk.last.effects) == ("consent_required", before, ())


def test_the_record_holds_exactly_what_was_told() -> None:
    """S3: one value for each item, nothing said; told again, each is replaced."""
    talk = to_consent().pick("consent:agree", purposes=("visit",)).meet(Visited(TOLD))

    assert talk.did(KeepField) == [
        KeepField(name="need", value="How do your gateways reach the cloud?"),
        *(KeepField(name=name, value=value) for name, value in TOLD),
    ]
    assert (talk.last.replies, talk.last.heard, talk.state.visit) == ((), None, True)
    again = talk.meet(Visited((("pages", "/"), ("browser", "Firefox")))).last.effects
    assert all(isinstance(one, KeepField) and one.replaces for one in again)
    assert talk.state.kept == ("need", *NAMES)


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("phone", "+86 138 0000 0000", "rejected/phone/unknown_field"),
        ("need", "Pumps?", "rejected/need/unknown_field"),
        ("browser", " ", "rejected/browser/text.empty"),
        ("browser", "x" * 201, "rejected/browser/text.too_long"),
        ("pages", "/a\u202eb", "rejected/pages/text.hidden_characters"),
    ],
)
def test_a_wrong_item_keeps_none(name: str, value: str, refused: str) -> None:
    """S3: a detail of the person is no item; all of it or nothing."""
    talk = to_consent().pick("consent:agree", purposes=("visit",))
    before = talk.state

    talk.meet(Visited((("operating_system", "Linux"), (name, value))))

    assert (talk.last.refused, talk.state, talk.last.effects) == (refused, before, ())


def test_view_shows_the_visit_and_no_card_asks_about_it() -> None:
    """S21: the record lists its items; review and correction list the person's details alone."""
    talk = allowed()

    assert talk.state.stage is Stage.REVIEW
    assert not set(NAMES) & set(talk.expects.fields)
    assert not set(NAMES) & set(correctable(talk.state, rules()))
    talk.say("view")
    assert talk.last.replies[0].expects.fields[-2:] == NAMES


@pytest.mark.parametrize("words", [("delete", "delete:visit"), ("withdraw", "withdraw:visit")])
def test_an_erased_visit_leaves_the_names_of_the_rest(words: tuple[str, str]) -> None:
    """S23: by erasing it or by withdrawing its purpose; the details stay, and it can be kept anew."""
    talk = allowed()
    rest = to_review().state.kept

    talk.say(words[0]).pick(words[1])

    assert (talk.did(Erase), talk.state.visit) == ([Erase("visit")], False)
    assert set(talk.state.kept) == set(rest)


def test_a_dropped_draft_leaves_the_visit() -> None:
    """S23: the consultation goes alone, so the record can still be viewed and replaced."""
    talk = allowed().pick("review:cancel")

    assert (talk.state.visit, talk.state.kept) == (True, NAMES)


@pytest.mark.parametrize("decision", ["consent:agree", "consent:refuse"])
def test_a_card_without_the_visit_ends_an_earlier_one(decision: str) -> None:
    """S3: who is asked again and does not allow it any more has no visit record."""
    talk = allowed().say("withdraw").pick("withdraw:contact").say("new consultation", "Do you sell pumps?")
    assert talk.pick("followup:yes").expects.kind == "consent"
    assert talk.state.visit

    talk.pick(decision)

    assert talk.last.effects[-1] == Erase("visit")
    assert (talk.state.visit, "visit" in talk.state.agreed) == (False, False)
    assert not set(NAMES) & set(talk.state.kept)
