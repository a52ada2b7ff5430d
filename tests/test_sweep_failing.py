"""Retention where something fails: it is one person's, and keeps nothing of anybody else (S12)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from intake.events import AskedToForget
from storage.errors import KekAway, StorageError
from storage.keyring_tables import scope_keys
from storage.people import erasure
from storage.tables import conversations, leads, subjects
from storage.turn import erasing
from tests.remembering import Memory, Visitor
from tests.rotating import changes_data, changes_keyring

SECOND = timedelta(seconds=1)


def _sweep(memory: Memory, at: datetime) -> None:
    memory.rooms.clock.now = at
    memory.run(memory.store.sweep, at)


@pytest.mark.parametrize("damage", ["key", "wrap", "state"])
def test_a_conversation_that_cannot_be_opened_holds_nothing_back(memory: Memory, damage: str) -> None:
    """S12: what is due goes to the day, of its person and of everybody else; what that person may keep stays."""
    visitor, other = Visitor(memory), Visitor(memory)
    visitor.sends()
    memory.later(days=2)
    visitor.picks("command:new")
    visitor.says("And a second matter about valves?")
    visitor.picks("followup:yes")
    visitor.picks("review:send")
    ends: list[Any] = [row["keeps_until"] for row in memory.rooms.rows(leads)]
    ended, kept = sorted(ends)
    memory.rooms.clock.now = ended - timedelta(days=1)
    other.asks()
    _damage(memory, visitor, damage)

    _sweep(memory, ended + SECOND)

    assert memory.count(subjects, subject=other.subject) == 0
    assert [row["keeps_until"] for row in memory.rooms.rows(leads)] == [kept]
    _sweep(memory, kept + SECOND)
    assert memory.rooms.rows(subjects) == []


def _damage(memory: Memory, visitor: Visitor, damage: str) -> None:
    """Let nobody open the state of a visitor's conversation any more: without its key, or with one of both broken."""
    (scope,) = [row["scope"] for row in memory.rooms.rows(conversations) if row["subject"] == visitor.subject]
    this = (scope_keys.c.subject == visitor.subject) & (scope_keys.c.scope == scope)
    if damage == "key":
        changes_keyring(memory, sa.delete(scope_keys).where(this))
    elif damage == "wrap":
        changes_keyring(memory, sa.update(scope_keys).where(this).values(wrapped=b"broken"))
    else:
        mine = conversations.c.subject == visitor.subject
        changes_data(memory, sa.update(conversations).where(mine).values(sealed_state=b"broken"))


def test_an_erasure_that_fails_keeps_no_other(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """S12: the fault of one is raised for the log when all the rest is done, and is tried again by the next sweep."""
    waiting, first, second = Visitor(memory), Visitor(memory), Visitor(memory)
    memory.turns(waiting.opening(), first.opening(), second.opening())
    broken = waiting.does(AskedToForget("all")).erasure
    begin, finish = erasing.begin_due, erasure.finish

    def begins(means: Any, connection: Any, subject: str, *given: Any) -> str:
        if subject == first.subject:
            raise ZeroDivisionError
        begun: str = begin(means, connection, subject, *given)
        return begun

    def finishes(means: Any, one: str) -> Any:
        if one == broken:
            raise StorageError("not now")
        return finish(means, one)

    monkeypatch.setattr(erasing, "begin_due", begins)
    monkeypatch.setattr(erasure, "finish", finishes)
    with pytest.raises(StorageError, match="not now"):
        _sweep(memory, memory.now() + memory.rules.retention.session)
    left = {row["subject"] for row in memory.rooms.rows(subjects)}

    monkeypatch.undo()
    _sweep(memory, memory.now() + SECOND)

    assert left == {waiting.subject, first.subject}
    assert memory.rooms.rows(subjects) == []


@pytest.mark.parametrize("fault", [KekAway("it does not answer"), ConnectionRefusedError()])
def test_what_is_away_for_everybody_ends_the_sweep(
    fault: Exception, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked again for each person while turns wait."""
    first, second = Visitor(memory), Visitor(memory)
    memory.turns(first.opening(), second.opening())
    asked: list[str] = []

    def begins(means: Any, connection: Any, subject: str, *given: Any) -> str:
        asked.append(subject)
        raise fault

    monkeypatch.setattr(erasing, "begin_due", begins)
    with pytest.raises(type(fault)):
        _sweep(memory, memory.now() + memory.rules.retention.session)

    assert len(asked) == 1
