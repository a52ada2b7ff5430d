"""Keys that a crash left over: destroyed, and no key that is needed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from intake.events import Corrected
from intake.outcomes import KeepField
from storage.errors import NotFound
from storage.keyring_tables import scope_keys
from storage.keys.cache import Name
from storage.outbox import Outbox, Task, enqueue, lasting
from storage.people import orphans
from storage.tables import (
    doomed_keys,
    outbox,
)
from tests.remembering import Memory, Visitor, failed
from tests.rotating import changes_data, changes_keyring, keyring_rows
from tests.selling import Person, selling_desk

SECOND = timedelta(seconds=1)
NEW = "+8613900000001"


def _sweep(memory: Memory, at: datetime) -> int:
    memory.rooms.clock.now = at
    gone: int = memory.run(memory.store.sweep, at)
    return gone


async def test_what_turns_left_is_destroyed_without_a_sweep(
    data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """Consent and correction move values to other keys; the desk destroys the old ones, its memory of them too."""
    async with selling_desk(tmp_path, data_url, keyring_url) as desk:
        person = Person(desk)
        await person.sends()
        await person.corrects("phone", NEW)
        await desk.turns.drain()

        left = await desk.call(_doomed, desk.storage.engine)
        assert {scope.partition(".")[0] for _, scope in left} == {"s1", "profile"}
        assert await desk.call(desk.storage.keyring.keys, left) == {}


def _doomed(engine: sa.Engine) -> list[Name]:
    with engine.begin() as connection:
        rows = connection.execute(sa.select(doomed_keys.c.subject, doomed_keys.c.scope))
        return [(row.subject, row.scope) for row in rows]


def test_doomed_keys_are_destroyed(memory: Memory) -> None:
    """What a crash kept from being destroyed after the commit is made up for, and forgotten."""
    visitor = Visitor(memory)
    visitor.asks()
    scope = f"s1.{visitor.conversation}"
    visitor.picks("consent:refuse")
    memory.run(memory.rooms.keyring.create, [(visitor.subject, scope)])

    _sweep(memory, memory.now())

    assert memory.run(memory.rooms.keyring.keys, [(visitor.subject, scope)], fresh=True) == {}
    assert memory.rooms.rows(doomed_keys) == []


def test_a_doomed_key_that_does_not_open_is_destroyed_as_well(memory: Memory) -> None:
    """S24: and it keeps no other doomed key, and no later sweep, from coming to its end."""
    damaged, sound = Visitor(memory), Visitor(memory)
    for visitor in (damaged, sound):
        visitor.asks()
        visitor.picks("consent:refuse")
    names = [(visitor.subject, f"s1.{visitor.conversation}") for visitor in (damaged, sound)]
    memory.run(memory.rooms.keyring.create, names)
    keys = scope_keys.c.subject == damaged.subject
    changes_keyring(memory, sa.update(scope_keys).where(keys).values(wrapped=b"?"))
    assert {(row["subject"], row["scope"]) for row in memory.rooms.rows(doomed_keys)} == {*names}

    _sweep(memory, memory.now())

    assert memory.rooms.rows(doomed_keys) == []
    assert not {*names} & {(key["subject"], key["scope"]) for key in keyring_rows(memory, scope_keys)}


def test_a_planted_row_destroys_no_key_that_is_needed(memory: Memory) -> None:
    """Who writes to the data cannot bring to nothing what backups hold: people, tasks, colleagues keep their keys."""
    visitor, task, colleague = (
        Visitor(memory),
        Task(id="7" * 32, kind="x", subject="", at=memory.now()),
        "8" * 32,
    )
    visitor.sends()
    memory.run(_enqueue_lasting, memory, task)
    memory.run(memory.rooms.keyring.create, [(colleague, "staff")])
    keys = {(key["subject"], key["scope"]) for key in keyring_rows(memory, scope_keys)}
    assert {(visitor.subject, "profile.1"), (visitor.subject, "consents"), (task.id, "task")} < keys
    planted = [{"subject": subject, "scope": scope} for subject, scope in keys]
    changes_data(memory, sa.insert(doomed_keys).values(planted))

    _sweep(memory, memory.now())

    assert {(key["subject"], key["scope"]) for key in keyring_rows(memory, scope_keys)} == keys
    assert memory.rooms.rows(doomed_keys) == []
    assert visitor.says("hm").last


def _enqueue_lasting(memory: Memory, task: Task) -> None:
    kept = lasting(memory.rooms.keyring, memory.store.means.random, task, {"reference": "AF-1"})
    with memory.rooms.engine.begin() as connection:
        enqueue(connection, [kept])


def test_orphan_keys_go_after_an_hour(memory: Memory) -> None:
    """A key whose data was never written goes; keys with data stay, and are not looked at again."""
    visitor, talker = Visitor(memory), Visitor(memory, channel="telegram", chat=4711)
    visitor.sends()
    talker.opens()
    keyring, nobody = memory.rooms.keyring, "f" * 32
    memory.run(keyring.create, [(nobody, "s1.x"), (nobody, "chat"), (nobody, "staff"), (nobody, "task")])

    _sweep(memory, memory.now() + timedelta(minutes=59))
    assert len(memory.run(keyring.keys, [(nobody, "s1.x")], fresh=True)) == 1
    _sweep(memory, memory.now() + timedelta(minutes=2))

    left = memory.run(
        keyring.keys, [(nobody, scope) for scope in ("s1.x", "chat", "staff", "task")], fresh=True
    )
    assert set(left) == {(nobody, "staff")}
    assert [name.scope for name in memory.run(keyring.orphans, memory.now())] == ["staff"]
    assert visitor.says("hm").last
    assert talker.says("hm").last

    memory.run(keyring.create, [(nobody, "s1.y")])
    _sweep(memory, memory.now() + timedelta(hours=2))
    assert memory.run(keyring.keys, [(nobody, "s1.y")], fresh=True) == {}


def test_a_key_that_a_failed_turn_asked_for_again_is_no_orphan(memory: Memory, second: Memory) -> None:
    """A correction fails, and an hour later again; then another process sweeps, and then it is accepted: it opens."""
    visitor = Visitor(memory)
    visitor.sends()
    fails = KeepField(name="phone", value=NEW, replaces=True), KeepField(name="no-such", value="x")
    assert isinstance(failed(visitor.steps(*fails)), NotFound)
    memory.later(minutes=61)
    assert isinstance(failed(visitor.steps(*fails)), NotFound)

    second.run(second.store.sweep, second.now())
    visitor.does(Corrected((("phone", NEW),)))

    assert second.run(second.store.find, "phone", NEW) == [visitor.subject]


def test_a_key_that_is_asked_for_while_the_sweep_looks_stays(memory: Memory) -> None:
    """The sweep has listed it and found no data: whoever asked in between keeps it, the rest go."""
    keyring, asked, left = memory.rooms.keyring, ("f" * 32, "s1.x"), ("f" * 32, "s1.y")
    memory.run(keyring.create, [asked, left])
    older_than = memory.later(hours=1)
    listed = memory.run(keyring.orphans, older_than)

    memory.run(keyring.create, [asked])

    assert memory.run(keyring.discard_orphans, listed, older_than) == 1
    assert set(memory.run(keyring.keys, [asked, left], fresh=True)) == {asked}


@pytest.mark.parametrize("late", [False, True])
def test_the_key_of_a_task_goes_though_its_worker_died(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """S24: it waited for hours, so its key is settled; done or given up, the key outlives no crash."""
    bare = Task(id="e" * 32, kind="person.erased", subject="", at=memory.now(), recipient="crm")
    task = memory.run(lasting, memory.rooms.keyring, lambda size: b"n" * size, bare, {"reference": "AF-1"})
    memory.run(_enqueue, memory, task)
    _sweep(memory, memory.now() + timedelta(hours=2))
    memory.later(days=4 if late else 0)
    box = Outbox(memory.rooms.engine, memory.rooms.keyring)
    (claimed,) = memory.run(box.claim, memory.now())
    with monkeypatch.context() as crash:
        crash.setattr(memory.rooms.keyring, "destroy", _crash)
        with pytest.raises(KeyboardInterrupt):
            memory.run(box.retry, claimed, memory.now(), "E") if late else memory.run(box.done, claimed)

    _sweep(memory, memory.now() + timedelta(minutes=1))

    assert memory.run(memory.rooms.keyring.keys, [(task.id, "task")], fresh=True) == {}
    assert memory.rooms.rows(doomed_keys) == []


def _crash(*given: Any, **named: Any) -> None:
    raise KeyboardInterrupt


def test_keys_of_waiting_tasks_stay(memory: Memory) -> None:
    """A lasting task can be opened however long it waits; so can one that an unfinished erasure holds."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.opens()
    bare = Task(id="e" * 32, kind="person.erased", subject="", at=memory.now(), recipient="crm")
    task = memory.run(lasting, memory.rooms.keyring, lambda size: b"n" * size, bare, {"reference": "AF-1"})
    memory.run(_enqueue, memory, task)
    visitor.says("delete")
    erasure = visitor.picks("delete:all").erasure
    memory.later(hours=2)

    memory.run(orphans.sweep, memory.store._means, memory.now())
    memory.run(memory.store.finish_erasure, erasure)

    box = Outbox(memory.rooms.engine, memory.rooms.keyring)
    opened = [memory.run(box.carried, one) for one in memory.run(box.claim, memory.now())]
    assert sorted(len(one) for one in opened) == [1, 5]
    assert memory.count(outbox) == 2


def _enqueue(memory: Memory, task: Task) -> None:
    with memory.rooms.engine.begin() as connection:
        enqueue(connection, [task])
