"""The outbox: every task is carried out at least once, for three days, and leaves nothing behind."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage import outbox as outbox_module
from storage.errors import StorageError
from storage.outbox import FIRST_RETRY, GIVE_UP, LEASE, LONGEST_RETRY, Counts, Outbox, Task, enqueue, lasting
from storage.tables import outbox as outbox_rows
from tests.rooms import Rooms, bare_rooms


@pytest.fixture
def rooms(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Rooms]:
    """Both databases, open."""
    with bare_rooms(data_url, keyring_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def outbox(rooms: Rooms) -> Outbox:
    """The worker's side."""
    return Outbox(rooms.engine, rooms.keyring)


def _put(rooms: Rooms, *tasks: Task) -> None:
    def write() -> None:
        with rooms.engine.begin() as connection:
            enqueue(connection, tasks)

    rooms.run(write)


def _task(rooms: Rooms, number: int = 1) -> Task:
    return Task(
        id=f"{number:032x}",
        kind="lead.created",
        subject="5" * 32,
        at=rooms.clock(),
        recipient="sales",
        conversation="c" * 32,
        reference="AF-2345-6789",
        fields=("phone", "email"),
    )


def _lasting(rooms: Rooms) -> Task:
    plain = Task(id="e" * 32, kind="person.erased", subject="5" * 32, at=rooms.clock(), recipient="sales")
    task = rooms.run(lasting, rooms.keyring, os.urandom, plain, {"reference": "AF-2345-6789"})
    _put(rooms, task)
    return task


def test_a_task_comes_back_as_it_was_put(rooms: Rooms, outbox: Outbox) -> None:
    """A claimed task says what happened to which lead and whom to tell, counted as its first attempt."""
    put = _task(rooms)
    _put(rooms, put)

    (claimed,) = rooms.run(outbox.claim, rooms.clock())

    assert claimed.attempts == 1
    assert (claimed.kind, claimed.recipient, claimed.reference) == (put.kind, put.recipient, put.reference)
    assert (claimed.subject, claimed.conversation, claimed.fields) == (
        put.subject,
        put.conversation,
        put.fields,
    )
    assert claimed.at == put.at
    assert not claimed.lasting


def test_nothing_to_tell_writes_nothing(rooms: Rooms, outbox: Outbox) -> None:
    """A turn without recipients leaves the outbox empty."""
    _put(rooms)

    assert rooms.run(outbox.claim, rooms.clock()) == []


def test_a_claimed_task_is_nobody_elses(rooms: Rooms, outbox: Outbox) -> None:
    """Two workers never hold the same task, and each gets the oldest first."""
    for number in (1, 2, 3):
        _put(rooms, _task(rooms, number))
        rooms.clock.tick(seconds=1)

    first = rooms.run(outbox.claim, rooms.clock(), 2)
    second = rooms.run(Outbox(rooms.engine, rooms.keyring).claim, rooms.clock(), 2)

    assert [task.id[-1] for task in first] == ["1", "2"]
    assert [task.id[-1] for task in second] == ["3"]


def test_a_task_of_a_worker_that_died_is_due_again(rooms: Rooms, outbox: Outbox) -> None:
    """When the lease is over the task is claimed anew, under the same id."""
    _put(rooms, _task(rooms))
    rooms.run(outbox.claim, rooms.clock())

    rooms.clock.tick(seconds=LEASE.total_seconds() - 1)
    assert rooms.run(outbox.claim, rooms.clock()) == []

    rooms.clock.tick(seconds=1)
    (again,) = rooms.run(outbox.claim, rooms.clock())
    assert (again.id, again.attempts) == (_task(rooms).id, 2)


def test_a_task_that_is_done_is_gone(rooms: Rooms, outbox: Outbox) -> None:
    """What was delivered leaves no row."""
    _put(rooms, _task(rooms))
    (task,) = rooms.run(outbox.claim, rooms.clock())

    rooms.run(outbox.done, task)

    assert rooms.rows(outbox_rows) == []


def test_retries_wait_longer_and_longer(rooms: Rooms, outbox: Outbox) -> None:
    """The pause doubles from the first one to the longest, and only the fault's class is noted."""
    _put(rooms, _task(rooms))
    pauses = []

    for _ in range(12):
        (task,) = rooms.run(outbox.claim, rooms.clock())
        assert rooms.run(outbox.retry, task, rooms.clock(), "DeliveryFailed")
        (row,) = rooms.rows(outbox_rows)
        pauses.append(row["due_at"] - rooms.clock())  # type: ignore[operator]  # rows are of many types
        rooms.clock.now = row["due_at"]  # type: ignore[assignment]  # rows are of many types

    assert pauses[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert pauses[-1] == LONGEST_RETRY
    assert row["error"] == "DeliveryFailed"


def test_after_three_days_a_task_is_dead(rooms: Rooms, outbox: Outbox) -> None:
    """It is tried until three days have passed and then kept for the operator to see, never tried again."""
    _put(rooms, _task(rooms))
    began, again = rooms.clock(), True

    while again:
        (task,) = rooms.run(outbox.claim, rooms.clock())
        again = rooms.run(outbox.retry, task, rooms.clock(), "TimeoutError")
        (row,) = rooms.rows(outbox_rows)
        if again:
            rooms.clock.now = row["due_at"]  # type: ignore[assignment]  # rows are of many types

    assert GIVE_UP - LONGEST_RETRY <= rooms.clock() - began <= GIVE_UP
    assert rooms.run(outbox.counts) == Counts(pending=0, dead=1)
    assert rooms.run(outbox.claim, rooms.clock() + timedelta(days=30)) == []


def test_a_slow_worker_does_not_put_off_what_another_holds(rooms: Rooms, outbox: Outbox) -> None:
    """The worker whose lease ran out reports its failure, and the newer lease stands."""
    _put(rooms, _task(rooms))
    (slow,) = rooms.run(outbox.claim, rooms.clock())
    rooms.clock.tick(minutes=3)
    rooms.run(outbox.claim, rooms.clock())

    rooms.run(outbox.retry, slow, rooms.clock(), "TimeoutError")

    (row,) = rooms.rows(outbox_rows)
    assert (row["attempts"], row["error"], row["due_at"]) == (2, "", rooms.clock() + LEASE)


def test_a_slow_worker_does_not_kill_what_another_holds(rooms: Rooms, outbox: Outbox) -> None:
    """Giving up counts only for who holds the newest lease: the task key of the other is not destroyed."""
    _lasting(rooms)
    (slow,) = rooms.run(outbox.claim, rooms.clock())
    rooms.clock.tick(days=4)
    (newer,) = rooms.run(outbox.claim, rooms.clock())

    rooms.run(outbox.retry, slow, rooms.clock(), "TimeoutError")

    assert rooms.run(outbox.carried, newer) == {"reference": "AF-2345-6789"}


def test_counts_tell_pending_from_dead(rooms: Rooms, outbox: Outbox) -> None:
    """The metrics see what waits and what was given up."""
    _put(rooms, _task(rooms, 1), _task(rooms, 2))
    rooms.clock.tick(days=4)
    task, _ = rooms.run(outbox.claim, rooms.clock())

    rooms.run(outbox.retry, task, rooms.clock(), "TimeoutError")

    assert rooms.run(outbox.counts) == Counts(pending=1, dead=1)


def test_a_lasting_task_carries_its_minimum_sealed(rooms: Rooms, outbox: Outbox) -> None:
    """It belongs to no person any more, and its row shows nothing of what it carries (S10, L8)."""
    _lasting(rooms)

    (claimed,) = rooms.run(outbox.claim, rooms.clock())

    assert claimed.lasting
    assert claimed.subject == claimed.id
    assert rooms.run(outbox.carried, claimed) == {"reference": "AF-2345-6789"}
    assert b"AF-2345" not in claimed.sealed


def test_a_lasting_task_takes_its_key_with_it(rooms: Rooms, outbox: Outbox) -> None:
    """When it is done, its row in an old backup can never be opened."""
    _lasting(rooms)
    (claimed,) = rooms.run(outbox.claim, rooms.clock())

    rooms.run(outbox.done, claimed)

    with pytest.raises(StorageError):
        rooms.run(outbox.carried, claimed)
    assert rooms.run(rooms.keyring.keys, [(claimed.id, outbox_module.TASK_SCOPE)]) == {}


def test_a_dead_lasting_task_is_shredded(rooms: Rooms, outbox: Outbox) -> None:
    """The dead-letter list keeps that it failed, not what it carried."""
    _lasting(rooms)
    rooms.clock.tick(days=4)
    (claimed,) = rooms.run(outbox.claim, rooms.clock())

    assert not rooms.run(outbox.retry, claimed, rooms.clock(), "TimeoutError")

    (row,) = rooms.rows(outbox_rows)
    assert row["sealed"] == b""
    assert rooms.run(rooms.keyring.keys, [(claimed.id, outbox_module.TASK_SCOPE)]) == {}


def test_tasks_print_no_payload() -> None:
    """A task in a log shows ids, kinds and names."""
    task = Task(id="1" * 32, kind="person.erased", subject="1" * 32, at=None, sealed=b"SECRET")  # type: ignore[arg-type]  # no time needed to print

    assert "SECRET" not in repr(task)
