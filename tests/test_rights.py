"""The words that work at every stage: view, correct, delete, withdraw and the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from intake.conversation import Aside, Stage
from intake.engine import ASIDES
from intake.events import (
    AskedToForget,
    AskedToWithdraw,
    Corrected,
    SharedContact,
)
from intake.outcomes import (
    CallColleague,
    Erase,
    KeepField,
    ShredSession,
    Withdraw,
)
from intake.rights import COMMANDS
from tests.stages import FREE, STAGES, separately
from tests.talk import Talk, to_consent, to_fields, to_review, to_sent


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works_at_every_stage(stage: str, command: str) -> None:
    """S21: a command is answered at every stage, and the open question stands again at the end."""
    talk = STAGES[stage]()
    before = talk.state

    talk.pick(f"command:{command}")

    assert talk.last.refused == ""
    assert talk.last.replies
    if command not in ("cancel", "new"):
        assert talk.state.stage == before.stage
        assert talk.last.replies[-1].expects == talk.expects


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("words", ["查看", "view", "/view", "Show my data"])
def test_view_shows_the_record_and_asks_the_open_question_again(stage: str, words: str) -> None:
    """S21: view, typed in any language, is a record followed by the question that was open."""
    talk = STAGES[stage]()
    question = talk.expects

    talk.say(words)

    assert talk.last.replies[-2].expects.kind == "record"
    assert talk.last.replies[-1].expects == question


@pytest.mark.parametrize("stage", STAGES)
def test_everything_can_be_erased_from_every_stage(stage: str) -> None:
    """S24: delete asks once, and choosing the scope confirms."""
    talk = STAGES[stage]().say("delete")

    talk.pick("delete:all")

    assert talk.did(Erase) == [Erase("all")]


@pytest.mark.parametrize("stage", sorted({*STAGES} - FREE - {"topic", "need", "followup", "field"}))
def test_an_unexpected_message_is_explained_and_the_question_asked_again(stage: str) -> None:
    """An unexpected message from a person is never an error."""
    talk = STAGES[stage]()
    question = talk.expects

    talk.say("the weather is fine over the valve house")

    assert talk.keys == ["unexpected"]
    assert talk.last.replies[-1].expects == question


def test_leaving_a_change_goes_back_to_the_card() -> None:
    """Cancel inside a change leaves the change, not the consultation."""
    talk = to_review().pick("review:change:company", "command:cancel")

    assert (talk.state.stage, talk.did(Erase)) == (Stage.REVIEW, [])


def test_cancel_at_review_erases() -> None:
    """Cancel erases; for somebody who never sent a lead, the details too."""
    talk = to_review().pick("review:cancel")

    assert talk.did(Erase) == [Erase("draft", number=1, profile=True)]
    assert talk.state.kept == ()


def test_cancel_before_consent_shreds_the_session() -> None:
    """What was said before consent goes when the person leaves."""
    talk = to_consent().say("cancel")

    assert (talk.keys, talk.did(ShredSession)) == (["cancelled"], [ShredSession(1)])


def test_cancel_of_a_second_draft_leaves_the_first_lead_alone() -> None:
    """Only the unsent consultation goes; details belong to the lead that was sent."""
    talk = to_sent().say("start over", "And cables?").pick("command:cancel", "delete:draft")

    assert talk.did(Erase) == [Erase("draft", number=2, profile=False)]
    assert "name" in talk.state.kept
    assert "need" not in talk.state.kept


def test_correct_names_its_field_in_one_phrase() -> None:
    """S21: "correct phone" goes straight to the new value, validated like the first time."""
    talk = to_sent().say("correct phone")
    assert talk.expects.name == "phone"

    assert talk.say("12").keys[0].startswith("rejected.phone.")
    talk.say("+86 138 0000 0001")

    assert talk.keys == ["corrected", "free.ask"]
    assert talk.did(KeepField)[-1].value == "+8613800000001"
    assert talk.state.aside == Aside.NONE


@pytest.mark.parametrize("choose", ["correct:industry", "industry"])
def test_correct_offers_what_was_given_or_skipped(choose: str) -> None:
    """A skipped field can be filled in later while consent lives."""
    talk = to_sent().say("correct")
    assert "correct:industry" in talk.expects.options

    _ = talk.pick(choose) if ":" in choose else talk.say(choose)
    talk.pick("field:industry:energy")

    assert talk.effects[-1] == KeepField(name="industry", value="energy")


def test_correcting_the_open_question_passes_it() -> None:
    """What is answered is not asked again."""
    talk = to_fields().say("Li Na", "Example Valves Ltd").pick("field:skip")
    talk.say("correct phone", "+86 138 0000 0000")

    assert talk.expects.name == "email"
    talk = to_fields().meet(Corrected((("name", "Li Na"),)))
    assert talk.expects.name == "company"


def test_there_is_nothing_to_correct_before_anything_was_given() -> None:
    """Kindly said, and the open question asked again."""
    assert Talk().say("correct").keys == ["correct.nothing", "topic.ask"]


def test_a_pending_command_can_be_left() -> None:
    """Cancel closes the aside and asks the open question again."""
    assert to_fields().say("delete", "cancel").keys == ["delete.cancelled", "field.ask"]
    assert to_fields().say("delete").pick("delete:cancel").keys == ["delete.cancelled", "field.ask"]
    assert to_fields().say("language", "cancel").keys == ["cancel.aside", "field.ask"]


def test_an_aside_explains_an_unexpected_message() -> None:
    """The confirm question stands until it is answered."""
    talk = to_fields().say("delete", "hm, let me think about the valve")

    assert (talk.keys, talk.state.aside) == (["unexpected"], Aside.DELETE)


def test_delete_offers_what_exists() -> None:
    """S23: everything, this consultation, the visit record, each only where there is one."""
    assert Talk().say("delete").expects.options == ("delete:all", "delete:cancel")
    talk = to_sent()
    talk.state = replace(talk.state, visit=True)
    options = talk.say("delete").expects.options
    assert options == ("delete:all", "delete:lead", "delete:visit", "delete:cancel")


def test_deleting_the_consultation_leaves_the_rest() -> None:
    """S23: the lead goes, the details stay, and the chat goes on in a new session scope."""
    talk = to_sent().say("delete").pick("delete:lead")

    assert talk.did(Erase) == [Erase("lead", number=1)]
    assert (talk.state.stage, talk.state.scope) == (Stage.ENDED, "s2")
    assert "phone" in talk.state.kept
    assert "need" not in talk.state.kept


def test_deleting_the_visit_record_leaves_the_rest() -> None:
    """S23: the open question stands again."""
    talk = to_fields()
    talk.state = replace(talk.state, visit=True)

    talk.say("delete").pick("delete:visit")

    assert (talk.did(Erase), talk.state.visit) == ([Erase("visit")], False)
    assert talk.expects.name == "name"


def test_withdrawing_takes_no_more_steps_than_agreeing() -> None:
    """L3: agreeing took two picks (follow-up, agree); withdrawing takes two, or one phrase."""
    talk = to_sent().pick("command:withdraw", "withdraw:contact")

    assert talk.did(Withdraw) == [Withdraw(("contact",))]
    assert (talk.keys, talk.state.stage) == (["withdrawn.contact"], Stage.ENDED)
    assert "contact" not in talk.state.agreed


def test_withdrawing_an_optional_purpose_goes_on() -> None:
    """Only news ends; the open question is asked again."""
    talk = to_consent().pick("consent:agree", purposes=("news", "visit")).say("withdraw news")

    assert (talk.keys, talk.did(Withdraw)) == (["withdrawn", "whose.ask"], [Withdraw(("news",))])
    talk.state = replace(talk.state, visit=True)
    talk.say("withdraw").pick("withdraw:visit")
    assert talk.did(Erase) == [Erase("visit")]


def test_there_is_nothing_to_withdraw_before_consent() -> None:
    """Kindly said."""
    assert Talk().say("withdraw").keys == ["withdraw.nothing", "topic.ask"]


def test_the_language_changes_at_any_moment() -> None:
    """By name, or by choosing."""
    assert to_fields().say("中文").state.locale == "zh-CN"
    assert to_fields().say("language").pick("language:zh-CN").state.locale == "zh-CN"


def test_a_human_is_called_only_when_sales_may_know() -> None:
    """Sales sees nothing before "send": before it, the company's own contact is given."""
    assert to_fields().say("talk to a human").did(CallColleague) == []
    assert to_sent().say("talk to a human").did(CallColleague) == [CallColleague("AF-TEST-0001")]


def test_receipts_exist_after_a_decision() -> None:
    """L14: agreed or refused, there is a receipt."""
    assert Talk().say("receipts").keys[0] == "receipts.nothing"
    assert to_consent().pick("consent:refuse").say("receipts").keys[0] == "receipts"


def test_new_in_the_middle_points_to_the_open_question() -> None:
    """A consultation under way is not thrown away by a word."""
    assert to_fields().say("start over").keys == ["new.open", "field.ask"]
    assert Talk().say("start over").keys == ["topic.ask"]


def test_a_second_consultation_without_details_asks_whose() -> None:
    """Consent is live but no detail is kept: on to the fields without a second card."""
    talk = to_review().pick("review:cancel").say("start over", "And cables?").pick("followup:yes")

    assert talk.expects.name == "whose"


def test_a_shared_contact_can_be_the_corrected_value() -> None:
    """The button works for a correction too."""
    talk = to_sent("telegram").say("correct phone").meet(SharedContact("+8613800000001"))

    assert talk.keys[0] == "corrected"


def test_values_are_replaced_outside_the_chat_all_or_none() -> None:
    """S21: PATCH validates like the chat does, and changes nothing unless everything is right."""
    talk = to_sent()

    talk.meet(Corrected((("company", "Example Pumps Ltd"), ("phone", "12"))))
    assert talk.last.refused.startswith("rejected/phone/phone.")
    assert talk.last.effects == ()

    talk.meet(Corrected((("company", "Example Pumps Ltd"), ("need", "Pumps?"))))
    assert talk.keys == ["corrected", "corrected", "free.ask"]


@pytest.mark.parametrize(
    ("make", "name", "refused"),
    [
        (Talk, "phone", "consent_required"),
        (Talk, "need", "consent_required"),
        (to_sent, "shoe_size", "rejected/shoe_size/unknown_field"),
        (lambda: separately().pick("whose:own"), "name", "consent_required"),
        (lambda: to_consent().pick("consent:agree"), "phone", "consent_required"),
        (lambda: to_consent().pick("consent:agree", "whose:other"), "phone", "consent_required"),
        (to_sent, "gender", "consent_required"),
    ],
)
def test_no_value_is_written_outside_the_chat_without_consent(
    make: Callable[[], Talk], name: str, refused: str
) -> None:
    """S5, S6: no consent, a field that the card did not name, or nobody's yet: refused."""
    assert make().meet(Corrected(((name, "+86 138 0000 0000"),))).last.refused == refused


def test_rights_are_exercised_outside_the_chat_too() -> None:
    """Erasure and withdrawal act at once through the rights API."""
    assert to_sent().meet(AskedToForget("all")).did(Erase) == [Erase("all")]
    assert to_sent().meet(AskedToForget("visit")).last.refused == "not_offered"
    assert to_sent().meet(AskedToWithdraw(("contact",))).did(Withdraw) == [Withdraw(("contact",))]
    assert to_sent().meet(AskedToWithdraw(("news",))).last.effects == ()
    assert to_sent().meet(AskedToWithdraw(("gossip",))).last.refused == "unknown_purpose"


def test_every_aside_can_be_answered() -> None:
    """No pending command is without a row."""
    assert {aside for aside, _ in ASIDES} == {*Aside} - {Aside.NONE}
