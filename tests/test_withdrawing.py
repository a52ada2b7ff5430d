"""What ends with a consent: the questions on Telegram, a detail that has a consent of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from intake.conversation import Stage
from intake.events import AskedToWithdraw, Corrected
from intake.outcomes import DropField, KeepField, Withdraw
from storage.errors import ConsentRequired
from storage.tables import fields as field_rows
from storage.tables import outbox
from tests.remembering import DETAILS, Memory, Visitor, failed
from tests.stages import separately
from tests.talk import Talk, to_sent


@pytest.mark.parametrize("stage", ["followup", "whose", "field", "review", "sent"])
@pytest.mark.parametrize("words", ["withdraw telegram", "撤回境外"])
def test_withdrawing_telegram_abroad_ends_the_questions_there(stage: str, words: str) -> None:
    """L2, L3: without it no detail is asked on Telegram any more, nor taken as a correction."""
    talk = to_sent("telegram")
    talk.state = replace(talk.state, stage=Stage(stage), field="phone" if stage == "field" else "")

    talk.say(words)

    assert talk.keys == ["withdrawn.abroad"]
    assert talk.did(Withdraw) == [Withdraw(("telegram_abroad",))]
    assert (talk.state.stage, talk.expects.kind) == (Stage.ENDED, "none")
    assert talk.say("correct").expects.options == ("correct:need", "command:cancel")


def test_correct_after_withdrawal_says_why_not() -> None:
    """L3: a detail that nobody may use any more is not corrected, and the answer says so; the question can be."""
    talk = to_sent().say("withdraw contact")

    assert talk.say("correct name").keys[0] == "correct.withdrawn"
    assert talk.say("correct").expects.options == ("correct:need", "command:cancel")


@pytest.mark.parametrize(
    "withdraw",
    [
        lambda talk: talk.say("withdraw name"),
        lambda talk: talk.say("withdraw").pick("withdraw:field:name"),
        lambda talk: talk.meet(AskedToWithdraw(("field:name",))),
    ],
)
def test_a_fields_own_consent_can_be_withdrawn(withdraw: Callable[[Talk], Talk]) -> None:
    """L2, L3: in one phrase, by choosing, or over HTTP; its value goes, and it is not asked again (L5)."""
    talk = separately().pick("whose:own", "separate:agree").say("Li Na")

    withdraw(talk)

    assert talk.effects[-2:] == [Withdraw(("field:name",)), DropField("name")]
    assert "name" not in (*talk.state.kept, *talk.state.separate)
    assert talk.expects.name == "company"
    assert talk.say("correct").expects.options == ("correct:need", "command:cancel")


def test_an_own_consent_is_withdrawn_while_its_field_is_asked() -> None:
    """The question that is not allowed any more gives way to the next one."""
    talk = separately().pick("whose:own", "separate:agree").say("withdraw name")

    assert (talk.keys, talk.expects.name) == (["withdrawn", "field.ask"], "company")
    assert talk.did(DropField) == []
    assert talk.meet(AskedToWithdraw(("field:name",))).last.effects == ()


def test_a_detail_by_telegram_needs_the_consent_to_its_being_abroad(memory: Memory) -> None:
    """L2, L3: withdrawn, no detail that is typed there is kept; what is replaced outside the chat is."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.reviews()
    visitor.says("withdraw telegram")

    typed = visitor.steps(KeepField(name="phone", value="+8613800000001"))
    outside = visitor.does(Corrected((("phone", "+8613900000000"),)))

    assert isinstance(failed(typed), ConsentRequired)
    assert not outside.refused


def test_a_value_whose_own_consent_is_withdrawn_is_gone(memory: Memory) -> None:
    """L2, L3, L8: it is dropped with its look-up rows, and who had received it is told."""
    separate = replace(memory.rules.fields["name"], separate_consent=True)
    memory = memory.with_rules(fields={**memory.rules.fields, "name": separate})
    visitor = Visitor(memory)
    visitor.consents()
    visitor.picks("whose:own")
    visitor.picks("separate:agree")
    for value in DETAILS.values():
        visitor.says(value)
    visitor.picks("field:skip")
    visitor.was_told_to("crm", visitor.picks("review:send").state.sent)

    visitor.says("withdraw name")

    assert memory.count(field_rows, name="name") == 0
    told = [row for row in memory.rooms.rows(outbox) if row["kind"] == "person.corrected"]
    assert [(row["recipient"], row["fields"]) for row in told] == [("crm", "name")]
