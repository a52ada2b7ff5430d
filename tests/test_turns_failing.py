"""Turns that cannot be carried out: each fails alone, and what a fault leaves half done is made up for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from asyncpg import CannotConnectNowError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from intake.conversation import Conversation, Stage
from intake.events import AskedToForget, Picked, Said
from intake.outcomes import Erase, KeepField, Step, Submit
from storage.codec import encode_state
from storage.errors import (
    ConsentRequired,
    KeyLost,
    NotFound,
    SubjectErased,
)
from storage.keys import keyring
from storage.means import KeysAtHand
from storage.records import Turn, TurnFailed
from storage.tables import conversations, doomed_keys, leads, messages, subjects
from storage.turn import group, repeats
from storage.turn.standing import lock, open_state, state_place
from tests.remembering import DETAILS, NEED, Memory, Visitor, done, failed


class _Fault(Exception):
    """What a driver raises."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


AWAY = (OperationalError("DELETE", {}, _Fault("")), ConnectionRefusedError(), CannotConnectNowError())


def test_a_poisonous_turn_fails_alone(memory: Memory) -> None:
    """What the step raises is this turn's result; the neighbours commit."""
    good, bad = Visitor(memory), Visitor(memory)
    memory.turns(good.opening(), bad.opening())

    def decide(turn: Turn, state: Conversation) -> Step:
        if turn.conversation == bad.conversation:
            raise ZeroDivisionError
        return memory.engine(turn, state)

    first, second = memory.turns(bad.turn(Said(NEED)), good.turn(Said(NEED)), decide=decide)

    assert isinstance(failed(first), ZeroDivisionError)
    assert done(second).ack == 2
    assert memory.count(messages, conversation=bad.conversation) == 1


def test_a_row_that_the_database_refuses_fails_alone(memory: Memory) -> None:
    """The group is rolled back and every turn tried by itself: the neighbours commit."""
    first, twin, good = Visitor(memory), Visitor(memory), Visitor(memory)
    memory.turns(first.opening(), good.opening())
    twin.subject = first.subject

    refused, said = memory.turns(twin.opening(), good.turn(Said(NEED)))

    assert isinstance(failed(refused), IntegrityError)
    assert done(said).ack == 2
    assert memory.count(conversations, subject=first.subject) == 1


def test_rows_that_cannot_be_written_fail_alone(memory: Memory) -> None:
    """A time without a zone, or a person who goes twice in one group: the neighbours commit."""
    good, timeless = Visitor(memory), Visitor(memory)
    memory.turns(good.opening(), timeless.opening())

    first, second = memory.turns(
        timeless.turn(Said(NEED), at=datetime(2026, 11, 23)),  # noqa: DTZ001  # the fault that is tried
        good.turn(Said(NEED)),
    )

    assert isinstance(failed(first), ValueError | StatementError)
    assert done(second).ack == 2


def test_somebody_with_two_conversations_goes_once(memory: Memory) -> None:
    """Both ask to be forgotten in one group: the first begins the erasure, the second meets it."""
    visitor, twin = Visitor(memory), Visitor(memory)
    memory.turns(visitor.opening(), twin.opening())
    memory.run(_give, memory, twin.conversation, visitor.subject)

    results = memory.turns(visitor.turn(AskedToForget("all")), twin.turn(AskedToForget("all")))

    faults = [result.error for result in results if isinstance(result, TurnFailed)]
    assert [type(fault) for fault in faults] == [SubjectErased]


def _give(memory: Memory, conversation: str, subject: str) -> None:
    """Let a conversation be another person's too, sealed for them."""
    means = memory.store._means
    with memory.rooms.engine.begin() as connection:
        old = lock(connection, [conversation])[conversation]
        keys = KeysAtHand(means)
        keys.make([(old.subject, old.scope), (subject, old.scope)])
        state = encode_state(open_state(keys, old))
        sealed = keys.seal(old.scope, state_place(subject, conversation, old.revision), state)
        mine = sa.update(conversations).where(conversations.c.id == conversation)
        connection.execute(mine.values(subject=subject, sealed_state=sealed))


def test_a_fault_of_the_database_while_planning_fails_all(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeat that cannot be read because the database went away is nobody's own fault."""
    visitor = Visitor(memory)
    visitor.opens()
    turn = visitor.turn(Said(NEED))
    memory.turns(turn)
    monkeypatch.setattr(repeats, "_rows", _always(OperationalError("SELECT", {}, _Fault(""))))

    with pytest.raises(OperationalError):
        memory.turns(turn)


def test_an_unknown_conversation_is_not_found(memory: Memory) -> None:
    """A turn for a conversation that never was fails alone."""
    assert isinstance(failed(memory.turns(Visitor(memory).turn(Said("hm")))[0]), NotFound)


def test_a_second_step_that_fails_fails_the_turn(memory: Memory) -> None:
    """Where even the fresh reference leads to a fault, the turn fails and nothing is handed over."""
    first, second = Visitor(memory), Visitor(memory)
    taken = first.sends()
    second.reviews()

    met: list[str] = []

    def decide(turn: Turn, state: Conversation) -> Step:
        met.append(state.reference)
        if len(met) > 1:
            raise ZeroDivisionError
        return memory.engine(turn, replace(state, reference=taken))

    assert isinstance(
        failed(memory.turns(second.turn(Picked("review:send")), decide=decide)[0]), ZeroDivisionError
    )
    assert memory.count(leads) == 1


def test_a_lost_key_fails_its_turn(memory: Memory) -> None:
    """Without the conversation's key nothing can be opened, and nothing is written."""
    lost, good = Visitor(memory), Visitor(memory)
    memory.turns(lost.opening(), good.opening())
    memory.run(
        memory.rooms.keyring.destroy,
        lost.subject,
        [f"s1.{lost.conversation}"],
        tombstone=False,
        at=memory.now(),
    )

    first, second = memory.turns(lost.turn(Said(NEED)), good.turn(Said(NEED)))

    assert isinstance(failed(first), KeyLost)
    assert done(second).ack == 2


def test_nobody_comes_back_under_an_erased_id(memory: Memory) -> None:
    """A key is refused for an erased person; the neighbours of that opening get theirs."""
    erased, good = Visitor(memory), Visitor(memory)
    memory.run(memory.rooms.keyring.destroy, erased.subject, None, tombstone=True, at=memory.now())

    first, second = memory.turns(erased.opening(), good.opening())

    assert isinstance(failed(first), SubjectErased)
    assert done(second).last == 1
    assert memory.count(subjects) == 1


def test_a_lost_race_is_run_again(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock rolls the group back; the second attempt commits it."""
    visitor, raced = Visitor(memory), [True]
    visitor.opens()
    whole = group.Group.carry_out

    def carry_out(self: group.Group) -> Any:
        found = whole(self)
        if raced.pop() if raced else False:
            raise DBAPIError("COMMIT", {}, _Fault("40P01"))
        return found

    monkeypatch.setattr(group.Group, "carry_out", carry_out)

    assert visitor.says(NEED).ack == 2


def test_a_race_that_is_lost_for_ever_fails_its_turns(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some attempts every turn is tried alone, and its fault is its result."""
    visitor, other = Visitor(memory), Visitor(memory)
    memory.turns(visitor.opening(), other.opening())
    monkeypatch.setattr(group.Group, "carry_out", _always(DBAPIError("COMMIT", {}, _Fault("40001"))))

    first, second = memory.turns(visitor.turn(Said(NEED)), other.turn(Said(NEED)))

    assert isinstance(failed(first), DBAPIError)
    assert isinstance(failed(second), DBAPIError)


def test_a_database_that_is_away_fails_all(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is split where nobody can be served; when it goes away in the middle, the rest fail one by one."""
    visitor, other = Visitor(memory), Visitor(memory)
    memory.turns(visitor.opening(), other.opening())
    away = OperationalError("BEGIN", {}, _Fault(""))
    monkeypatch.setattr(group.Group, "carry_out", _always(away))

    with pytest.raises(OperationalError):
        memory.turns(visitor.turn(Said(NEED)), other.turn(Said(NEED)))


def test_a_database_that_goes_away_between_two_turns_is_each_ones_result(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The neighbours of a split group may be committed already: nothing is raised over their heads."""
    visitor, other = Visitor(memory), Visitor(memory)
    memory.turns(visitor.opening(), other.opening())
    faults = [OperationalError("BEGIN", {}, _Fault("")), IntegrityError("INSERT", {}, _Fault(""))]
    whole = group.Group.carry_out

    def carry_out(self: group.Group) -> Any:
        if faults:
            raise faults.pop()
        return whole(self)

    monkeypatch.setattr(group.Group, "carry_out", carry_out)

    first, second = memory.turns(visitor.turn(Said(NEED)), other.turn(Said(NEED)))

    assert isinstance(failed(first), OperationalError)
    assert done(second).ack == 2


@pytest.mark.parametrize("fault", AWAY, ids=lambda fault: type(fault).__name__)
def test_a_keyring_that_goes_away_after_the_commit_spoils_no_turn(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """The turn is durable; the key that was to go is written down for the sweep."""
    visitor = Visitor(memory)
    visitor.asks()
    monkeypatch.setattr(keyring.Keyring, "discard", _always(fault))

    refused = visitor.picks("consent:refuse")

    assert refused.state.stage is Stage.ENDED
    assert memory.count(doomed_keys, subject=visitor.subject) == 1


def test_a_conversation_cannot_go_on_under_what_it_erases(memory: Memory) -> None:
    """A step that erases the scope it stays in is refused, whole."""
    visitor = Visitor(memory)
    visitor.consents()

    fault = failed(visitor.steps(Erase("draft", number=1)))

    assert "cannot go on" in str(fault)


def test_no_value_is_kept_without_consent(memory: Memory) -> None:
    """S5: a direct write without consent raises; the rows stay absent."""
    visitor = Visitor(memory)
    visitor.asks()
    before = memory.count(messages)

    fault = failed(visitor.steps(KeepField(name="phone", value=DETAILS["phone"])))

    assert isinstance(fault, ConsentRequired)
    assert memory.count(messages) == before


def test_no_lead_is_sent_without_consent(memory: Memory) -> None:
    """A lead needs a live consent to be contacted."""
    visitor = Visitor(memory)
    visitor.asks()

    assert isinstance(failed(visitor.steps(Submit("AF-9999", "gateway"))), ConsentRequired)
    assert memory.count(leads) == 0


def _always(fault: Exception) -> Any:
    def fail(*given: Any, **named: Any) -> None:
        raise fault

    return fail
