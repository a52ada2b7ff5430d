"""A new version of the policy: announced before its date; once a major one holds, consent is asked again (S27, S28)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.asking import open_question
from intake.conversation import Aside, Conversation, Stage
from intake.events import Corrected, Opened, Said, SharedContact, Visited
from intake.outcomes import (
    Erase,
    Heard,
    JoinLead,
    KeepField,
    OpenConsultation,
    RecordConsent,
    ShredSession,
    Step,
    Submit,
    Withdraw,
)
from intake.policy import coming, newer, outdated
from intake.rules import PolicyVersion
from storage.errors import ConsentRequired
from storage.records import Turn
from tests.remembering import Memory, Visitor, done, failed
from tests.talk import NOON, Talk, rules, to_consent, to_fields, to_review, to_sent

OLD = rules().policies["2026-11"]
MAJOR = replace(
    OLD, version="next", published_on=date(2026, 11, 20), effective_on=date(2026, 11, 22), major=("use",)
)
LATER = replace(MAJOR, effective_on=date(2026, 12, 24))


def changed(talk: Talk, *versions: PolicyVersion) -> Talk:
    """Go on after these versions were published."""
    return talk.with_policies({one.version: one for one in (OLD, *(versions or (MAJOR,)))})


def kept(talk: Talk) -> list[str]:
    """Return the details that were kept so far."""
    return [one.name for one in talk.did(KeepField) if one.name != "need"]


@pytest.mark.parametrize(
    ("talk", "answer"),
    [
        (lambda: to_consent().pick("consent:agree"), lambda talk: talk.pick("whose:own")),
        (
            lambda: to_consent().pick("consent:agree", "whose:other"),
            lambda talk: talk.pick("whose:authorised"),
        ),
        (to_fields, lambda talk: talk.say("Li Na")),
        (
            lambda: to_fields().say("Li Na", "Example Ltd"),
            lambda talk: talk.meet(SharedContact("+86 138 0000 0000")),
        ),
        (to_review, lambda talk: talk.pick("review:send")),
        (to_review, lambda talk: talk.pick("review:change:phone")),
    ],
)
def test_nothing_is_collected_before_consent_was_given_again(
    talk: Callable[[], Talk], answer: Callable[[Talk], Talk]
) -> None:
    """S28: at every question the card comes first; agreeing leads back to the question that stood there."""
    before = changed(talk())
    stood, had = before.state.stage, kept(before)

    asked = answer(before)

    typed = ["policy.not_kept"] if asked.last.heard == Heard(private=True) else []
    assert (asked.keys, asked.state.stage) == ([*typed, "consent.again"], Stage.CONSENT)
    assert (kept(asked), asked.did(Submit)) == (had, [])
    assert asked.expects.since == OLD.version
    agreed = asked.pick("consent:agree")
    assert (agreed.state.stage, agreed.state.policy) == (stood, "next")
    assert agreed.did(RecordConsent)[-1].policy == "next"
    assert answer(agreed).state.stage is not Stage.CONSENT


def test_only_what_was_agreed_to_is_asked_again() -> None:
    """S28, L5: the card has the purposes that were agreed to; what was refused stays refused and is not asked."""
    talk = changed(to_consent().pick("consent:agree", purposes=("news",)).pick("whose:own")).say("Li Na")

    assert talk.expects.purposes == ("contact", "news")
    talk.pick("consent:agree", purposes=("affiliates",))
    assert talk.last.refused == "unknown_purpose"
    talk.pick("consent:policy").pick("consent:agree")

    assert talk.state.agreed == ("contact",)
    assert "affiliates" in talk.state.refused
    assert talk.did(RecordConsent)[-1].decisions == (("contact", True), ("news", False))
    assert talk.did(Withdraw) == [Withdraw(("news",))]  # what was done under it stops


def test_a_minor_version_asks_nobody_again() -> None:
    """S28: only the major changes do; nor does one that is still to come."""
    minor = replace(MAJOR, major=())

    for versions in ((minor,), (LATER,)):
        assert kept(changed(to_fields(), *versions).say("Li Na")) == ["name"]


def test_an_older_version_that_is_configured_no_more_counts_as_oldest() -> None:
    """S28: whoever takes an old folder away does not make its consents young."""
    under = replace(rules(), policies={"next": MAJOR})

    assert outdated(under, "2026-11", NOON)
    assert newer(under, "2026-11", "next") == (MAJOR,)
    assert not outdated(under, "next", NOON)


def test_refusing_the_new_version_ends_like_a_withdrawal() -> None:
    """S28, L3: nothing more is collected, what was given is used no more, and it is not asked again."""
    talk = changed(to_review()).pick("review:send", "consent:refuse")

    assert (talk.keys, talk.state.stage) == (["policy.refused"], Stage.ENDED)
    assert talk.did(Withdraw)[0].purposes == ("contact",)
    assert talk.did(RecordConsent)[-1].decisions == (("contact", False),)
    assert "contact" in talk.state.refused
    assert talk.say("Then only this: which protocols?").keys == ["faq"]
    assert talk.pick("command:new").say("A pump stopped.").pick("followup:yes").expects.since == ""


@pytest.mark.parametrize(
    ("talk", "way_out", "key"),
    [
        (to_review, "review:cancel", "erased.draft"),
        (lambda: to_consent().pick("consent:agree", "whose:other"), "whose:not", "whose.not"),
        (to_review, "command:delete", "delete.ask"),
        (to_review, "command:withdraw", "withdraw.ask"),
        (to_review, "command:view", "view"),
    ],
)
def test_rights_and_ways_out_stay_open_under_an_old_consent(
    talk: Callable[[], Talk], way_out: str, key: str
) -> None:
    """S21, S24: who reads, withdraws, deletes or gives up is not asked to agree first."""
    assert changed(talk()).pick(way_out).keys[0] == key


def test_the_question_itself_is_no_detail_and_may_be_corrected() -> None:
    """S5: it needs no consent, so it needs none anew."""
    for talk in (to_review(), to_sent()):
        stood = talk.state.stage

        changed(talk).pick("command:correct", "correct:need").say("How do valves reach the cloud?")

        assert (talk.keys[0], talk.state.stage) == ("corrected", stood)


@pytest.mark.parametrize(("back", "key"), [("consent:agree", "free.ask"), ("command:cancel", "cancel.aside")])
def test_a_correction_after_sending_comes_back_to_the_sent_lead(back: str, key: str) -> None:
    """S28: the card comes before the new value; agreed to or left, the lead stands where it stood."""
    talk = changed(to_sent()).pick("command:correct", "correct:phone")
    assert (talk.state.stage, talk.state.aside, talk.expects.kind) == (Stage.CONSENT, Aside.NONE, "consent")

    talk.pick(back)

    assert (talk.keys[0], talk.state.stage, talk.state.behind) == (key, Stage.SENT, None)


@pytest.mark.parametrize(("say", "stage"), [((), Stage.TOPIC), (("And your pumps?",), Stage.FOLLOWUP)])
def test_leaving_a_card_that_stood_before_a_correction_ends_nothing(
    say: tuple[str, ...], stage: Stage
) -> None:
    """Whoever began anew and cancels at the card of a correction stands where they stood."""
    talk = changed(to_sent().pick("command:new").say(*say))
    talk.pick("command:correct", "correct:phone", "command:cancel")

    assert (talk.keys[0], talk.state.stage, talk.state.behind) == ("cancel.aside", stage, None)


def test_a_correction_is_not_asked_for_before_the_card() -> None:
    """S28: nobody types a value that is then not kept; what is said after sending waits for the card as well."""
    corrected = changed(to_sent()).pick("command:correct", "correct:phone")
    said = changed(to_sent()).say("My other number is +86 138 0000 0009")

    assert corrected.keys == ["consent.again"]
    assert (said.keys, said.did(JoinLead)) == (["policy.not_kept", "consent.again"], [])
    assert said.pick("consent:agree").state.stage is Stage.SENT


def test_a_new_address_that_waits_for_its_code_waits_for_the_card() -> None:
    """S28: a policy that came into force meanwhile comes first."""
    talk = to_sent()
    talk.state = replace(talk.state, aside=Aside.CODE, aside_field="address:email")

    assert changed(talk).say("123456").keys == ["policy.not_kept", "consent.again"]


def test_a_question_is_masked_again_under_an_old_consent() -> None:
    """S5, S28: what is personal in a new question is kept only under a consent of today."""
    talk = changed(to_sent().pick("command:new")).say("Call me at +86 138 0000 0009, please.")

    assert "0009" not in talk.did(KeepField)[-1].value


@pytest.mark.parametrize("channel", ["web", "telegram"])
@pytest.mark.parametrize("start", [to_fields, to_review, to_sent])
@given(data=st.data())
def test_no_way_past_the_card_loses_what_is_kept(
    start: Callable[[str], Talk], channel: str, data: st.DataObject
) -> None:
    """S24, S28: whatever is pressed and typed, no key in use is shredded and no lead dropped as a draft."""
    talk = changed(start(channel))
    for _ in range(12):
        before, offered = talk.state, talk.expects.options
        ways = [
            *offered,
            "command:correct",
            "command:cancel",
            "command:view",
            "command:new",
            "command:withdraw",
        ]
        choice = data.draw(st.sampled_from([*ways, "say +86 138 0000 0001", "say Engineer"]))
        talk = talk.say(choice[4:]) if choice.startswith("say ") else talk.pick(choice)

        for effect in talk.last.effects:
            moving = isinstance(effect, OpenConsultation) and effect.session
            assert not ((moving or isinstance(effect, ShredSession)) and before.consultation)
            assert not (isinstance(effect, Erase) and effect.scope == "draft" and before.sent)
        assert talk.state.behind not in (Stage.CONSENT, Stage.ABROAD)


def test_a_card_left_for_good_is_forgotten() -> None:
    """Withdrawing, or giving up the consultation, at the card leaves nothing of it behind."""
    withdrawn = changed(to_fields()).say("Li Na").pick("command:withdraw", "withdraw:contact")
    dropped = changed(to_fields()).say("Li Na").pick("command:cancel", "delete:draft")

    for talk in (withdrawn, dropped):
        assert (talk.state.stage, talk.state.behind) == (Stage.ENDED, None)


def test_details_of_an_earlier_consultation_are_used_again_only_under_the_new_version() -> None:
    """S28: "as last time" waits for the card too; then the consultation goes on where it would have."""
    talk = changed(to_sent().pick("command:new").say("And your pumps?"))

    asked = talk.pick("followup:yes")

    assert asked.keys == ["consent.again"]
    assert asked.pick("consent:agree").state.stage is Stage.REVIEW
    assert changed(to_sent().pick("command:new").say("And your pumps?")).pick("followup:no").keys == [
        "followup.no"
    ]


def test_on_telegram_its_being_abroad_is_asked_again_too() -> None:
    """S28, L2: first whether Telegram may be used, then the card, then the question that stood there."""
    talk = changed(to_fields("telegram")).say("Li Na")
    assert talk.keys == ["policy.not_kept", "policy.changed", "abroad.ask"]

    talk.pick("abroad:agree")
    assert talk.expects.since == OLD.version

    assert talk.pick("consent:agree").state.stage is Stage.FIELD
    assert kept(talk.say("Li Na")) == ["name"]
    refused = changed(to_fields("telegram")).say("Li Na").pick("abroad:refuse")
    assert (refused.keys, refused.state.stage) == (["policy.refused"], Stage.ENDED)
    assert "telegram_abroad" in refused.state.refused


def test_outside_the_chat_an_old_consent_collects_nothing_either() -> None:
    """S28, S3: not by `PATCH /me`, not of the visit. The officer mends what is kept for its person all the same."""
    talk = changed(to_consent().pick("consent:agree", purposes=("visit",)).pick("whose:own"))
    told = (("name", "Li Na"),)

    refused = [
        talk.meet(event).last.refused for event in (Corrected(told), Visited((("browser", "Firefox"),)))
    ]

    assert refused == ["consent_required", "consent_required"]
    assert talk.meet(Corrected(told, officer=True)).last.refused == "consent_required"  # it was never given
    given = changed(to_review())
    assert given.meet(Corrected(told, officer=True)).last.refused == ""


def test_a_field_with_its_own_consent_is_asked_for_it_again() -> None:
    """L2, S28: that consent was given under the old version too; where nothing was kept under it, it is asked anew."""
    talk = _own_consent_asked().pick("separate:agree")

    changed(talk).say("Engineer").pick("consent:agree")

    assert (talk.keys, talk.state.separate) == (["separate.ask"], ())
    assert kept(talk.pick("separate:agree").say("Engineer"))[-1] == "position"


def test_what_is_kept_under_its_own_consent_may_still_be_corrected() -> None:
    """S21, S28: after the card; that consent holds for what is kept, and can be withdrawn as before."""
    talk = _own_consent_asked().pick("separate:agree").say("Engineer")

    changed(talk).pick("command:correct", "correct:position", "consent:agree")
    talk.pick("command:correct", "correct:position").say("Plant engineer")

    assert (talk.keys[0], talk.did(KeepField)[-1].replaces) == ("corrected", True)
    assert "withdraw:field:position" in talk.pick("command:withdraw").expects.options


def _own_consent_asked() -> Talk:
    """Return a talk at the question whether the position may be kept, which needs a consent of its own."""
    marked = replace(rules().fields["position"], separate_consent=True)
    talk = to_consent(under=replace(rules(), fields={**rules().fields, "position": marked}))
    talk.pick("consent:agree", "whose:own")
    return talk.say("Li Na", "Example Ltd", "+86 138 0000 0000", "li.na@example.com")


def test_a_version_to_come_is_announced_in_time() -> None:
    """S27: from its publication until it takes effect; on Telegram in the greeting, on request everywhere."""
    web, telegram = changed(Talk(), LATER), changed(Talk("telegram"), LATER)

    greetings = [talk.meet(Opened("gateway")).last.replies[0].params for talk in (web, telegram)]
    asked = [talk.pick("command:policy").last.replies[0].params for talk in (web, telegram)]

    assert greetings == [{}, {"coming": "next"}]
    assert asked == [{"coming": "next"}] * 2
    assert Talk().pick("command:policy").last.replies[0].params == {}
    assert (
        coming(replace(rules(), policies={"next": replace(LATER, published_on=date(2026, 12, 1))}), NOON)
        is None
    )


def test_a_new_version_at_the_card_itself_shows_the_newest() -> None:
    """S28: who agrees to the card of a version that was replaced meanwhile gets the next card, and all that is new."""
    talk = changed(to_fields()).say("Li Na")
    newest = replace(MAJOR, version="newest", effective_on=date(2026, 11, 23))

    changed(talk, MAJOR, newest).pick("consent:agree")

    assert talk.last.refused == "consent_stale"
    assert (talk.state.card, open_question(talk.state, talk.rules).expects.since) == ("newest", OLD.version)


def _agree(*purposes: str) -> RecordConsent:
    decisions = tuple((purpose, True) for purpose in purposes)
    return RecordConsent(
        decisions=decisions, policy="2026-11", notice_sha256="ab" * 32, locale="en", method="card"
    )


def _keeping(effect: KeepField, _: Turn, state: Conversation) -> Step:
    return Step(state=state, effects=(effect,))


def test_a_consent_older_than_a_major_version_keeps_no_field(memory: Memory) -> None:
    """S28: below the conversation, as without consent; a consent under the new version, or the officer, may."""
    old = memory.rules.policies["2026-11"]
    major = replace(old, version="next", effective_on=old.effective_on + timedelta(days=1), major=("use",))
    memory = memory.with_rules(policies={"2026-11": old, "next": major})
    visitor, other = Visitor(memory), Visitor(memory)
    visitor.asks()
    other.asks()
    name, item = (
        KeepField(name="name", value="Li"),
        KeepField(name=next(iter(memory.rules.visit)), value="Linux"),
    )
    newly = replace(_agree("contact", "visit"), policy="next")

    refused = [visitor.steps(_agree("contact"), name), other.steps(_agree("visit"), item)]

    assert [type(failed(one)) for one in refused] == [ConsentRequired] * 2
    assert not done(visitor.steps(newly, name, item)).refused
    done(other.steps(_agree("contact")))
    mending = (name, replace(name, replaces=True))
    by_officer = [
        memory.turns(
            other.turn(Said("x"), actor="officer"),
            decide=partial(_keeping, effect),
        )[0]
        for effect in mending
    ]
    assert type(failed(by_officer[0])) is ConsentRequired
    assert not done(by_officer[1]).refused
