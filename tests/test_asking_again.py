"""A new version of the policy: announced before its date; once a major one holds, consent is asked again (S27, S28)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest

from intake.asking import open_question
from intake.conversation import Conversation, Stage
from intake.events import Corrected, Opened, Said, SharedContact, Visited
from intake.outcomes import (
    Heard,
    KeepField,
    RecordConsent,
    Step,
    Submit,
    Withdraw,
)
from intake.policy import coming, in_force, newer, outdated
from storage.errors import ConsentRequired
from storage.records import Turn
from tests.changed_policy import LATER, MAJOR, OLD, changed, kept
from tests.remembering import Memory, Visitor, done, failed
from tests.talk import NOON, Talk, rules, to_consent, to_fields, to_review, to_sent


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


def test_versions_follow_each_other_by_date() -> None:
    """S27: in whatever order they are configured, the newest whose date has come is in force."""
    under = replace(rules(), policies={one.version: one for one in (MAJOR, OLD)})

    assert in_force(under, NOON) == MAJOR
    assert newer(under, OLD.version, MAJOR.version) == (MAJOR,)


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
