"""The question grows by what is typed instead of yes or no: in the engine, and in what is kept."""

from __future__ import annotations

from intake.conversation import Stage
from intake.events import Said
from intake.outcomes import KeepField
from tests.remembering import NEED, Memory, Visitor, done
from tests.talk import Talk


def test_what_is_typed_at_the_followup_question_joins_the_question() -> None:
    """A further sentence is heard kindly, masked as before consent (S5), and the follow-up asked again."""
    talk = Talk().say("Which protocols?").say("We have forty valves. Call +86 138 0000 0000.")

    assert talk.keys == ["masked.notice", "need.added", "followup.ask"]
    assert talk.effects[-1] == KeepField(name="need", value="We have forty valves. Call [•••].", joins=True)
    assert talk.state.stage is Stage.FOLLOWUP
    assert talk.pick("followup:yes").state.stage is Stage.CONSENT


def test_a_question_does_not_grow_beyond_its_limit() -> None:
    """With what is added it is as long as it may be, however often it is added to or corrected."""
    talk = Talk().say("x" * 1_000).say("y" * 999)
    full = talk.say("z").keys
    talk.say("correct").pick("correct:need").say("short")

    again = talk.say("y" * 1_994).keys

    assert (full, again) == (["rejected.text.too_long"], ["need.added", "followup.ask"])
    assert talk.say("z").keys == ["rejected.text.too_long"]
    assert len(talk.did(KeepField)) == 4


def test_a_greeting_adds_nothing_to_the_question() -> None:
    """ "Hello" at the follow-up question is answered by the question."""
    talk = Talk().say("Which protocols?").say("hello")

    assert talk.keys == ["followup.ask"]
    assert len(talk.did(KeepField)) == 1


def test_what_is_added_stands_behind_the_question(memory: Memory) -> None:
    """Also twice in one group; the question goes into the consultation whole."""
    visitor = Visitor(memory)
    visitor.opens()
    visitor.says(NEED)
    for said in memory.turns(visitor.turn(Said("We have forty.")), visitor.turn(Said("All of brass."))):
        assert done(said).state.stage == "followup"
    visitor.picks("followup:yes")
    visitor.picks("consent:agree")

    record = memory.run(memory.store.record, visitor.subject, purpose="own_view")

    assert [kept.value for kept in record.fields] == [f"{NEED}\nWe have forty.\nAll of brass."]
