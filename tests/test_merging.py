"""What outlives a restore: decisions, disclosures, the audit, colleagues' doors, numbers, and whoever moved on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from intake.events import AskedToWithdraw, Corrected, Said
from storage.copies import merging
from storage.copies.merging import RULES
from storage.errors import ConsentRequired
from storage.keyring_tables import scope_keys
from storage.outbox import Outbox, Task, enqueue, lasting
from storage.people.disclosures import disclosed
from storage.storage import Storage
from storage.tables import (
    audit,
    disclosures,
    leads,
    metadata,
    outbox,
)
from tests.premises import Premises
from tests.remembering import Memory, Visitor, done
from tests.rotating import changes_keyring


def _write(memory: Memory, call: Any) -> None:
    """Do something in a transaction of its own."""

    def within() -> None:
        with memory.rooms.engine.begin() as connection:
            call(connection)

    memory.run(within)


def _task(memory: Memory, visitor: Visitor, name: str, **more: Any) -> Task:
    return Task(id=name * 32, kind="lead.created", subject=visitor.subject, at=memory.now(), **more)


def _lasting(memory: Memory, name: str) -> Task:
    bare = Task(id=name * 32, kind="person.erased", subject="", at=memory.now(), recipient="crm")
    task: Task = memory.run(
        lasting, memory.rooms.keyring, lambda size: b"n" * size, bare, {"reference": "AF-1"}
    )
    return task


def _told(memory: Memory, visitor: Visitor, name: str) -> None:
    given: dict[str, Any] = {"recipient": "crm", "event": "lead.created", "reference": "AF-1", "fields": ()}
    _write(
        memory,
        lambda connection: disclosed(
            connection, name=name * 32, subject=visitor.subject, at=memory.now(), **given
        ),
    )


def test_every_table_says_what_a_restore_does_with_it() -> None:
    """A new table is not forgotten."""
    assert set(RULES) == set(metadata.tables)


def test_a_withdrawal_is_not_undone(premises: Premises) -> None:
    """L3: who withdrew since stays withdrawn; sales stay out, and what they say next does not fail."""
    with premises.memory() as memory:
        gone, news = Visitor(memory), Visitor(memory)
        reference = gone.sends()
        news.sends("news")
    folder = premises.back_up()
    with premises.memory() as memory:
        gone.memory = news.memory = memory
        gone.does(AskedToWithdraw(("contact",)))
        news.does(AskedToWithdraw(("news",)))
        kept_until = [row["keeps_until"] for row in memory.rooms.rows(leads)]

    premises.restore(folder)

    with premises.memory() as memory:
        gone.memory = news.memory = memory
        rows = memory.rooms.rows(leads)
        assert [row["keeps_until"] for row in rows] == kept_until
        assert {row["status"] for row in rows if row["reference"] == reference} == {"withdrawn"}
        with pytest.raises(ConsentRequired):
            memory.run(
                memory.store.open_fields, gone.subject, ["phone"], purpose="call_back", actor="staff:1"
            )
        assert "contact" not in gone.says("And now?").state.agreed
        after = news.says("More").state
        assert (after.agreed, "news" in after.refused) == (("contact",), True)
        assert news.does(Corrected((("phone", "+8613900000001"),))).ack == 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_lead_goes_on_as_colleagues_left_it(premises: Premises) -> None:
    """Status and owner are as they are now; who consented since is a consultant."""
    with premises.memory() as memory:
        visitor, asking = Visitor(memory), Visitor(memory)
        reference = visitor.sends()
        asking.asks()
    folder = premises.back_up()
    with premises.storage() as storage:
        storage.thread.submit(
            lambda: storage.leads.change(reference, "staff:7", status="closed", assignee="1" * 32)
        ).result()

    premises.restore(folder)

    with premises.storage() as storage:
        lead = storage.thread.submit(storage.leads.one, reference).result()
    assert (lead.status, lead.assignee) == ("closed", "1" * 32)


@pytest.mark.parametrize("lost", [False, True], ids=["data there", "disk lost"])
def test_the_chain_of_the_audit_goes_on(premises: Premises, *, lost: bool) -> None:
    """L9: `audit verify` finds no fault; heads that were sent off the host tell what the disk took along."""
    premises.one_person()
    with premises.storage() as storage:
        _do(storage, storage.chain.append, premises.clock())
    folder = premises.back_up()
    premises.one_person()
    with premises.storage() as storage:
        _do(storage, storage.chain.append, premises.clock())
        sent = [head.body for head in _do(storage, storage.chain.claim, "file:x", premises.clock(), 9)]
    if lost:
        premises.lose_data()

    premises.restore(folder)

    with premises.storage() as storage:
        while _do(storage, storage.chain.append, premises.clock()):
            pass
        assert _do(storage, storage.chain.check, premises.clock()).faults == []
        assert bool(_do(storage, storage.chain.check, premises.clock(), sent).faults) is lost


def test_the_audit_is_appended_to(premises: Premises) -> None:
    """L9: every line since the backup stays, and one says that, and what, was restored."""
    with premises.memory() as memory:
        Visitor(memory).sends()
    folder = premises.back_up()
    with premises.memory() as memory:
        Visitor(memory).sends()
        before = memory.rooms.rows(audit)

    premises.restore(folder)

    with premises.memory() as memory:
        now = memory.rooms.rows(audit)
    assert [line for line in before if line not in now] == []
    [restored] = [line for line in now if line not in before]
    assert (restored["action"], restored["actor"]) == ("restored", "command")
    assert restored["purpose"] == "backup of 2026-11-23T09:00:00Z"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_colleagues_stay_in_or_out(premises: Premises) -> None:
    """S11: who was disabled since stays so; a used link and an ended session of then are void, today's hold."""
    at = premises.clock()
    now = at + timedelta(minutes=1)
    with premises.storage() as storage:
        for name in ("gone", "here"):
            _do(storage, storage.staff.add, f"{name}@example.com", "sales", at)
        link = _do(storage, storage.staff.link, "gone@example.com", at)
        ended = _entered(storage, "here@example.com", at)
    folder = premises.back_up()
    with premises.storage() as storage:
        _do(storage, storage.staff.leave, ended)
        _do(storage, storage.staff.disable, "gone@example.com", now)
        held = _entered(storage, "here@example.com", now)
        _do(storage, storage.staff.add, "new@example.com", "sales", now)

    premises.restore(folder)

    with premises.storage() as storage:
        assert _do(storage, storage.staff.enter, link, now) is None
        assert _do(storage, storage.staff.session, ended, now) is None
        assert _do(storage, storage.staff.session, held, now) is not None
        known = {one.email: one.disabled_at for one in _do(storage, storage.staff.colleagues)}
    assert known == {"gone@example.com": now, "here@example.com": None, "new@example.com": None}


def _do(storage: Storage, call: Callable[..., Any], *given: object) -> Any:
    return storage.thread.submit(call, *given).result()


def _entered(storage: Storage, email: str, at: datetime) -> str:
    token: str = _do(storage, storage.staff.enter, _do(storage, storage.staff.link, email, at), at)
    return token


def test_nothing_is_delivered_twice(premises: Premises) -> None:
    """What was delivered since does not come back; what waits now, waits; what concerned lost people is dropped."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
        _write(memory, lambda connection: connection.execute(sa.delete(outbox)))
        _write(memory, lambda connection: enqueue(connection, [_task(memory, visitor, "a")]))
        _told(memory, visitor, "a")
    folder = premises.back_up()
    with premises.memory() as memory:
        lost = Visitor(memory)
        lost.sends()
        _write(memory, lambda connection: connection.execute(sa.delete(outbox)))
        waiting = [_task(memory, visitor, "b"), _task(memory, lost, "c"), _lasting(memory, "d")]
        _write(memory, lambda connection: enqueue(connection, waiting))
        _told(memory, visitor, "b")
        _told(memory, lost, "c")
        _write(
            memory,
            lambda connection: disclosed(
                connection,
                name="d" * 32,
                subject="d" * 32,
                recipient="crm",
                event="person.erased",
                reference="",
                fields=(),
                at=memory.now(),
            ),
        )

    premises.restore(folder)

    with premises.memory() as memory:
        assert {str(row["id"])[0] for row in memory.rooms.rows(outbox)} == {"b", "d"}
        assert {str(row["id"])[0] for row in memory.rooms.rows(disclosures)} == {"a", "b", "d"}
        box = Outbox(memory.rooms.engine, memory.rooms.keyring)
        carried = [
            memory.run(box.carried, task) for task in memory.run(box.claim, memory.now()) if task.lasting
        ]
    assert carried == [{"reference": "AF-1"}]


def test_without_the_current_data_tasks_wait_for_the_operator(premises: Premises) -> None:
    """Nobody knows whether they were delivered: dead, named so; what has a key of its own goes on, or was done."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
        _write(memory, lambda connection: connection.execute(sa.delete(outbox)))
        waiting = [_task(memory, visitor, "a"), *(_lasting(memory, name) for name in "bcd")]
        _write(memory, lambda connection: enqueue(connection, waiting))
    folder = premises.back_up()
    with premises.memory() as memory:
        box = Outbox(memory.rooms.engine, memory.rooms.keyring)
        memory.run(box.done, waiting[2])
        damaged = scope_keys.c.subject == "d" * 32
        changes_keyring(memory, sa.update(scope_keys).where(damaged).values(wrapped=b"?"))
    premises.lose_data()
    premises.terminal.refusal("db", "upgrade")  # has made the tables, which count for nothing

    premises.restore(folder)

    with premises.memory() as memory:
        rows = {str(row["id"])[0]: row for row in memory.rooms.rows(outbox)}
        assert set(rows) == {"a", "b", "d"}
        assert (rows["a"]["error"], rows["a"]["dead_at"] is None) == (merging.RESTORED, False)
        assert (rows["b"]["error"], rows["b"]["dead_at"]) == ("", None)


def test_numbers_of_messages_are_not_given_out_again(premises: Premises) -> None:
    """Contract: what was said since stays as erased; a repeat of it is no second turn, and the next number follows."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        last = visitor.opens().last
    folder = premises.back_up()
    with premises.memory() as memory:
        visitor.memory = memory
        turn = visitor.turn(Said("said since the backup"))
        since = done(memory.turns(turn)[0])
        memory.run(memory.store.record_poisoned_update, 7, "ValueError")

    premises.restore(folder)

    with premises.memory() as memory:
        visitor.memory = memory
        shown = memory.run(memory.store.transcript, visitor.conversation, 0)
        assert [message.seq for message in shown.messages] == list(range(1, since.last + 1))
        assert [message.seq for message in shown.messages if message.body] == list(range(1, last + 1))
        again = done(memory.turns(turn)[0])
        assert (again.repeated, again.last) == (True, since.last)
        assert visitor.says("said again").ack == since.last + 1
        assert memory.run(memory.store.update_seen, 7)
