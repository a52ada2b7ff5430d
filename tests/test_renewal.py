"""After a rotation keys and look-ups move on, a little at a time, by any process; nobody is lost or comes back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillWaiting
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import reindexing, rewrapping
from storage.keyring_tables import scope_keys
from storage.reindexing import NOTHING
from storage.renewal import BUSY_AGAIN, LOOK_AGAIN, SETTLING
from storage.rotation import Rotation
from storage.tables import chats, fields, index_rows, subjects
from tests.remembering import DETAILS, Memory, Visitor, remembering
from tests.rotating import (
    changes_data,
    changes_keyring,
    keyring_rows,
    moves,
    retires,
    rotates,
    rotation_of,
    wrapping,
)

PHONE, EMAIL = DETAILS["phone"], DETAILS["email"]
on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@pytest.fixture
def second(memory: Memory, data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """A second process on the same databases."""
    with remembering(data_url, keyring_url, tmp_path, memory.rooms.clock) as made:
        yield made


def _found_under(memory: Memory, epoch: int) -> dict[str, bytes]:
    return {
        f"{row['field']}": bytes(row["mac"])  # type: ignore[call-overload]  # a mac
        for row in memory.rooms.rows(index_rows)
        if row["epoch"] == epoch
    }


def _opened(memory: Memory, visitor: Visitor) -> dict[str, str]:
    asked = {"purpose": "contact", "actor": "staff:1"}
    return dict(memory.run(memory.store.open_fields, visitor.subject, ["phone"], **asked))


def test_everything_moves_and_opens_as_before(memory: Memory) -> None:
    """Every key comes under the new epoch, every look-up too, beside the old one; whoever was found is found."""
    ada = Visitor(memory)
    ada.sends()
    bo = Visitor(memory, channel="telegram", chat=4711)
    bo.asks()
    old = _found_under(memory, 1)
    rotates(memory)

    moves(memory)

    assert wrapping(memory) == {2}
    assert _found_under(memory, 1) == old
    assert _found_under(memory, 2).keys() == old.keys() == {"phone", "email", "telegram_chat"}
    assert memory.run(memory.store.find, "phone", PHONE) == [ada.subject]
    assert memory.run(memory.store.find, "email", EMAIL) == [ada.subject]
    assert memory.run(memory.store.telegram_conversation, 4711) == bo.conversation
    assert _opened(memory, ada) == {"phone": PHONE}
    assert [one.left for one in memory.run(rotation_of(memory).status).epochs] == [0, 0]


def test_nothing_moves_before_every_process_knows_the_epoch(memory: Memory) -> None:
    """No turn elsewhere meets a key that it would have to ask the provider for."""
    Visitor(memory).sends()
    rotation = rotation_of(memory)
    memory.run(rotation.rotate, "command")

    memory.later(seconds=SETTLING.seconds - 1)
    assert memory.run(rotation.go_on) is False
    assert wrapping(memory) == {1}

    memory.later(seconds=1)
    assert memory.run(rotation.go_on) is True
    assert wrapping(memory) == {2}


def test_a_process_that_does_not_hold_the_newest_epoch_leaves_the_work(
    memory: Memory, second: Memory
) -> None:
    """It goes on with what it holds; whoever has opened the epoch moves what is left."""
    Visitor(memory).sends()
    rotates(memory)

    assert second.run(rotation_of(second).go_on) is False

    second.run(second.rooms.keyring.epochs.open)
    moves(second)
    assert wrapping(memory) == {2}


def test_two_processes_share_the_work_and_any_goes_on(
    memory: Memory, second: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small steps, each wherever the other has stopped."""
    monkeypatch.setattr(rewrapping, "AT_ONCE", 2)
    monkeypatch.setattr(reindexing, "LOOKED_AT", 3)
    monkeypatch.setattr(reindexing, "WRITTEN", 2)
    people = [Visitor(memory) for _ in range(7)]
    for visitor in people:
        visitor.sends()
    rotates(memory)
    second.run(second.rooms.keyring.epochs.open)
    one, other = rotation_of(memory), rotation_of(second)

    steps = 0
    while any([memory.run(one.go_on), second.run(other.go_on)]):
        steps += 1

    assert steps > 5
    assert wrapping(memory) == {2}
    assert [row.left for row in memory.run(one.status).epochs] == [0, 0]
    assert memory.run(memory.store.find, "phone", PHONE) == sorted(one.subject for one in people)


def test_what_is_destroyed_while_it_moves_stays_destroyed(memory: Memory, second: Memory) -> None:
    """An erasure that comes between reading a key and replacing its wrap waits, or has won: nobody comes back (S24)."""
    visitor = Visitor(memory)
    visitor.sends()
    rotates(memory)
    erasing: list[Future[tuple[str, ...]]] = []

    def erase() -> tuple[str, ...]:
        return second.rooms.keyring.destroy(visitor.subject, None, tombstone=True, at=memory.now())

    def erase_meanwhile(size: int) -> bytes:
        if not erasing:
            erasing.append(second.rooms.thread.submit(erase))
            with pytest.raises(StillWaiting):
                erasing[0].result(0.3)  # seconds; without the lock it takes a few milliseconds
        return os.urandom(size)

    memory.run(rewrapping.rewrap, replace(memory.store.means, random=erase_meanwhile), set())
    assert erasing[0].result(30)

    assert [row for row in keyring_rows(memory, scope_keys) if row["subject"] == visitor.subject] == []
    assert moves(memory)
    assert [row for row in keyring_rows(memory, scope_keys) if row["subject"] == visitor.subject] == []


def test_a_damaged_key_does_not_keep_the_others(memory: Memory) -> None:
    """It stays where it is, and shows in the status; a process that starts later finds the same."""
    one, other = Visitor(memory), Visitor(memory)
    one.sends()
    other.sends()
    broken = (scope_keys.c.subject == one.subject) & (scope_keys.c.scope == "profile.1")
    changes_keyring(memory, sa.update(scope_keys).where(broken).values(wrapped=b"broken"))
    rotates(memory)

    for _ in range(2):
        moves(memory)

    left = [(row["subject"], row["scope"]) for row in keyring_rows(memory, scope_keys) if row["epoch"] == 1]
    assert left == [(one.subject, "profile.1")]
    assert [row.left for row in memory.run(rotation_of(memory).status).epochs] == [1, 0]
    assert _opened(memory, other) == {"phone": PHONE}


def test_whoever_is_being_erased_is_left_alone(memory: Memory) -> None:
    """From the first step of an erasure on no look-up of theirs is written (S24)."""
    gone, live = Visitor(memory), Visitor(memory)
    gone.sends()
    live.sends()
    rotates(memory)
    erasure = memory.run(memory.store.begin_erasure, gone.subject, "all", memory.now(), reason="officer")

    moves(memory)

    assert {row["subject"] for row in memory.rooms.rows(index_rows) if row["epoch"] == 2} == {live.subject}
    assert memory.run(rotation_of(memory).status).left == 0
    memory.run(memory.store.finish_erasure, erasure)
    moves(memory)
    assert memory.count(index_rows, subject=gone.subject) == 0


def test_a_value_that_cannot_be_opened_holds_nothing_up(memory: Memory) -> None:
    """Its key is gone, its row or its field: nobody is found by it, so it gets a code that matches nothing."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.sends()
    other = Visitor(memory)
    other.sends()
    changes_keyring(memory, sa.delete(scope_keys).where(scope_keys.c.subject == visitor.subject))
    changes_data(memory, sa.delete(fields).where(fields.c.subject == other.subject, fields.c.name == "email"))
    unknown = {"subject": other.subject, "field": "fax", "epoch": 1, "mac": b"m" * 16}
    changes_data(memory, sa.insert(index_rows).values(unknown))
    rotates(memory)

    moves(memory)

    macs = {
        (row["subject"], row["field"]): row["mac"]
        for row in memory.rooms.rows(index_rows)
        if row["epoch"] == 2
    }
    found = {name for name, mac in macs.items() if mac != NOTHING}
    assert len(macs) == 6
    assert found == {(other.subject, "phone")}
    assert memory.run(rotation_of(memory).status).epochs[0].lookups_left == 0
    retires(memory, 1)
    assert memory.run(memory.store.telegram_conversation, 4711) is None


def test_one_damaged_key_does_not_hide_the_others(memory: Memory) -> None:
    """Values of everybody else are written anew, and the damaged one counts as one that cannot be opened."""
    one, other = Visitor(memory), Visitor(memory, channel="telegram", chat=4711)
    one.sends()
    other.sends()
    rotates(memory)
    changes_keyring(
        memory,
        sa.update(scope_keys)
        .where(scope_keys.c.subject == one.subject, scope_keys.c.scope == "profile.1")
        .values(wrapped=b"broken"),
    )
    changes_data(memory, sa.update(chats).values(sealed_chat=b"broken"))

    moves(memory)

    macs = {
        (row["subject"], row["field"]): row["mac"]
        for row in memory.rooms.rows(index_rows)
        if row["epoch"] == 2
    }
    assert {name for name, mac in macs.items() if mac != NOTHING} == {
        (other.subject, "phone"),
        (other.subject, "email"),
    }


def test_a_look_up_of_a_process_that_was_late_is_made_up_for(memory: Memory, second: Memory) -> None:
    """What it wrote under an older epoch, or a retired one, is found under the newest within the hour."""
    rotation = rotation_of(memory)
    Visitor(memory).sends()
    memory.run(rotation.rotate, "command")
    memory.later(minutes=3)
    while memory.run(rotation.go_on):
        pass
    late = Visitor(second)
    late.sends()
    assert _found_under(memory, 1).keys() == {"phone", "email"}
    assert {row["epoch"] for row in memory.rooms.rows(index_rows) if row["subject"] == late.subject} == {1}

    memory.later(seconds=LOOK_AGAIN.seconds - 1)
    _go_on(memory, rotation)
    assert {row["epoch"] for row in memory.rooms.rows(index_rows) if row["subject"] == late.subject} == {1}
    memory.later(seconds=1)
    _go_on(memory, rotation)
    assert {row["epoch"] for row in memory.rooms.rows(index_rows) if row["subject"] == late.subject} == {1, 2}

    retires(memory, 1)
    assert {row["epoch"] for row in memory.rooms.rows(index_rows)} == {2}
    assert late.subject in memory.run(memory.store.find, "phone", PHONE)


def _go_on(memory: Memory, rotation: Rotation) -> None:
    while memory.run(rotation.go_on):
        pass


@on_postgresql
def test_whoever_is_busy_comes_a_minute_later(memory: Memory, second: Memory) -> None:
    """A person in the middle of a turn is not waited for, and not forgotten."""
    busy, free = Visitor(memory), Visitor(memory)
    busy.sends()
    free.sends()
    rotates(memory)
    rotation = rotation_of(memory)

    def hold_and_move() -> None:
        with second.rooms.engine.begin() as connection:
            mine = sa.select(subjects).where(subjects.c.subject == busy.subject)
            connection.execute(mine.with_for_update())
            _go_on(memory, rotation)

    second.run(hold_and_move)
    assert {row["subject"] for row in memory.rooms.rows(index_rows) if row["epoch"] == 2} == {free.subject}
    memory.later(seconds=BUSY_AGAIN.seconds)
    _go_on(memory, rotation)
    assert memory.count(index_rows, epoch=2, subject=busy.subject) == 2


def test_a_desk_that_never_rotated_has_nothing_to_look_at(memory: Memory) -> None:
    """No pass over everybody is made for nothing."""
    Visitor(memory).sends()
    memory.later(hours=2)

    assert moves(memory) == 1
    assert {row["epoch"] for row in memory.rooms.rows(index_rows)} == {1}
