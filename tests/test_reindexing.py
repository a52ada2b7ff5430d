"""Look-ups are written anew under the newest epoch: of the living and the free, and nobody waits for them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from storage.keyring_tables import scope_keys
from storage.rekeying.renewal import BUSY_AGAIN, LOOK_AGAIN
from storage.rekeying.rotation import Rotation
from storage.tables import chats, fields, index_rows, subjects
from storage.turn.erasing import NOTHING
from tests.remembering import DETAILS, Memory, Visitor
from tests.rotating import changes_data, changes_keyring, found_under, moves, retires, rotates, rotation_of

PHONE, EMAIL = DETAILS["phone"], DETAILS["email"]
on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


def test_whoever_is_being_erased_is_left_alone(memory: Memory) -> None:
    """From the first step of an erasure on no look-up of theirs is written (S24)."""
    gone, live = Visitor(memory), Visitor(memory)
    gone.sends()
    live.sends()
    rotates(memory)
    erasure = memory.run(memory.store.begin_erasure, gone.subject, memory.now(), reason="officer")

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
    assert found_under(memory, 1).keys() == {"phone", "email"}
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
