"""After an end: the next question, what is said of consent, and cancelling, which asks once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from intake.conversation import Stage
from intake.events import Corrected
from intake.outcomes import Erase, JoinLead, KeepField, OpenConsultation
from tests.remembering import CRM
from tests.talk import Talk, rules, to_consent, to_fields, to_sent

NEXT = "Do your gateways speak OPC UA over TLS to plant historians?"


@pytest.mark.parametrize("words", ["cancel", "取消", "/cancel"])
def test_cancelling_what_was_given_asks_once(words: str) -> None:
    """Deleting asks once, whichever word it is asked with; no leaves everything as it was."""
    talk = to_fields().say("Li Na").say(words)
    assert (talk.keys, talk.expects.options) == (["cancel.ask"], ("delete:draft", "delete:cancel"))
    assert talk.did(Erase) == []

    assert talk.say("no").keys == ["delete.cancelled", "field.ask"]
    assert talk.say(words, "yes").keys == ["erased.draft"]
    assert talk.did(Erase) == [Erase("draft", number=1, profile=True)]
    assert (talk.state.stage, talk.state.aside, talk.state.aside_field) == (Stage.ENDED, "", "")


def test_whoever_cancels_twice_means_it() -> None:
    """The word that asked confirms too."""
    assert to_fields().say("cancel", "cancel").keys == ["erased.draft"]
    assert to_fields().pick("command:cancel", "delete:draft").keys == ["erased.draft"]


def test_cancelling_before_anything_was_given_asks_nothing() -> None:
    """A second consultation without a question holds nothing that could be lost."""
    talk = to_sent().say("start over").pick("topic:gateway").say("cancel")

    assert talk.keys == ["erased.draft"]


@pytest.mark.parametrize("answered", [False, True])
def test_the_next_question_after_no_is_a_new_one(answered: bool) -> None:
    """A prepared answer where there is one, and the follow-up offered again."""
    talk = Talk().say(NEXT).pick("followup:no")

    talk.say("Which protocols are supported?" if answered else NEXT)

    assert talk.keys == (["faq", "followup.ask"] if answered else ["followup.unanswered"])
    assert (talk.state.stage, talk.state.scope) == (Stage.FOLLOWUP, "s2")
    assert talk.pick("followup:yes").expects.kind == "consent"


def test_the_next_question_after_anothers_details_is_a_new_one() -> None:
    """Contact is agreed to still: a new consultation is opened, and it is said on which consent it rests."""
    talk = to_consent().pick("consent:agree", "whose:other", "whose:not").say(NEXT)
    assert talk.last.effects[0] == OpenConsultation(0, 2)
    assert talk.last.effects[1] == KeepField(name="need", value=NEXT)

    talk.pick("followup:yes")

    assert talk.keys == ["new.consent", "whose.ask"]
    assert talk.last.replies[0].params == {"policy": "2026-11"}


def test_the_next_question_after_a_refusal_is_answered_but_nobody_nags() -> None:
    """L5: one ask a policy version; it is said how to begin a consultation."""
    talk = to_consent().pick("consent:refuse")

    assert talk.say(NEXT).keys == ["ended.chat"]
    assert talk.say("Which protocols are supported?").keys == ["faq"]
    assert talk.say("+86 138 0000 0000").keys == ["masked.notice", "ended.chat"]
    assert talk.say("new", NEXT).keys == ["followup.unanswered"]


def test_another_policy_may_be_asked_about() -> None:
    """L5: the refusal was of the version that was shown."""
    talk = to_consent().pick("consent:refuse")
    [old] = rules().policies.values()
    new = replace(old, version="2026-12", effective_on=old.effective_on + timedelta(days=1))
    talk.with_policies({**rules().policies, "2026-12": new})

    assert talk.say(NEXT).keys == ["followup.unanswered"]


def test_on_telegram_a_refusal_of_its_being_abroad_stands() -> None:
    """L2, L5: no detail there, so no follow-up is offered; the website's chat is named."""
    talk = Talk("telegram").say(NEXT).pick("followup:yes", "abroad:refuse")

    assert talk.say(NEXT).keys == ["abroad.refused"]


@pytest.mark.parametrize("words", ["thanks!", "Thank you", "ok", "谢谢", "再见", "你好"])
def test_thanks_are_no_question(words: str) -> None:
    """Who takes leave is not asked whether a colleague should get back about it."""
    assert Talk().say(NEXT).pick("followup:no").say(words).keys == ["ended.ask"]


def test_a_message_after_sending_joins_the_lead_and_is_answered() -> None:
    """What is added reaches the colleague, prepared answer or not."""
    talk = to_sent().say("Which protocols are supported?")

    assert (talk.keys, talk.did(JoinLead)) == (["faq", "joined"], [JoinLead("AF-TEST-0001")])
    assert to_sent().say("\u202e").keys == ["rejected.text.hidden_characters"]
    assert Talk().say(NEXT).pick("followup:no").say("\u202e").keys == ["rejected.text.hidden_characters"]


def test_another_person_is_asked_about_as_another_person() -> None:
    """S6: the questions and the card say whose details they are."""
    talk = to_consent().pick("consent:agree", "whose:other", "whose:authorised")
    assert talk.keys == ["other.ask"]

    talk.say("Li Na", "Example Valves Ltd", "+86 138 0000 0000", "skip").say("skip", "skip")

    assert talk.keys == ["review.ask.other"]


def test_a_correction_says_only_what_is_so() -> None:
    """L8: that others are told is said where others may have received it; what is new is no correction."""
    told = to_sent()
    told.rules = replace(rules(), recipients={"crm": CRM})

    assert told.meet(Corrected((("phone", "+86 138 0000 0001"),))).keys[0] == "corrected.told"
    assert told.meet(Corrected((("company", "Example Pumps Ltd"),))).keys[0] == "corrected"
    assert told.meet(Corrected((("need", "Which pumps?"),))).keys[0] == "corrected.told"
    assert to_sent().meet(Corrected((("phone", "+86 138 0000 0001"),))).keys[0] == "corrected"
    assert to_sent().say("correct industry").pick("field:industry:energy").keys[0] == "added"
