"""After a rotation keys and look-ups move on, a little at a time, by any process; nobody is lost or comes back."""

from __future__ import annotations

import os
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillWaiting
from dataclasses import replace

import pytest
import sqlalchemy as sa

from storage.keyring_tables import scope_keys
from storage.rekeying import reindexing, renewal
from storage.rekeying.renewal import SETTLING
from tests.remembering import DETAILS, Memory, Visitor
from tests.rotating import (
    changes_keyring,
    found_under,
    keyring_rows,
    moves,
    opened,
    rotates,
    rotation_of,
    wrapping,
)

PHONE, EMAIL = DETAILS["phone"], DETAILS["email"]
on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


def test_everything_moves_and_opens_as_before(memory: Memory) -> None:
    """S10: every key comes under the new epoch, every look-up too, beside the old one; whoever was found is found."""
    ada = Visitor(memory)
    ada.sends()
    bo = Visitor(memory, channel="telegram", chat=4711)
    bo.asks()
    old = found_under(memory, 1)
    rotates(memory)

    moves(memory)

    assert wrapping(memory) == {2}
    assert found_under(memory, 1) == old
    assert found_under(memory, 2).keys() == old.keys() == {"phone", "email", "telegram_chat"}
    assert memory.run(memory.store.find, "phone", PHONE) == [ada.subject]
    assert memory.run(memory.store.find, "email", EMAIL) == [ada.subject]
    assert memory.run(memory.store.telegram_conversation, 4711) == bo.conversation
    assert opened(memory, ada, "phone") == {"phone": PHONE}
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
    monkeypatch.setattr(renewal, "AT_ONCE", 2)
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

    memory.run(renewal.rewrap, replace(memory.store.means, random=erase_meanwhile), set())
    assert erasing[0].result(30)

    assert [row for row in keyring_rows(memory, scope_keys) if row["subject"] == visitor.subject] == []
    assert moves(memory)
    assert [row for row in keyring_rows(memory, scope_keys) if row["subject"] == visitor.subject] == []


@pytest.mark.parametrize("everything", [True, False])
def test_keys_that_were_put_back_do_not_move(memory: Memory, everything: bool) -> None:
    """S24: whoever kept an erased person's wraps puts them back: the rotation destroys them, and they open nothing."""
    gone, other = Visitor(memory), Visitor(memory)
    gone.sends()
    other.sends()
    names = {row["scope"] for row in keyring_rows(memory, scope_keys) if row["subject"] == gone.subject}
    barred = names if everything else {"profile.1"}
    kept = [
        {**row, "settled": True}
        for row in keyring_rows(memory, scope_keys)
        if row["subject"] == gone.subject and row["scope"] in barred
    ]
    scopes = None if everything else ["profile.1"]
    memory.run(memory.rooms.keyring.destroy, gone.subject, scopes, tombstone=True, at=memory.now())
    changes_keyring(memory, sa.insert(scope_keys).values(kept))
    rotates(memory)

    moves(memory)

    left = {row["scope"] for row in keyring_rows(memory, scope_keys) if row["subject"] == gone.subject}
    assert left == names - barred
    assert wrapping(memory) == {2}
    assert opened(memory, other, "phone") == {"phone": PHONE}


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
    assert opened(memory, other, "phone") == {"phone": PHONE}
