"""What is sealed opens where it was put and nowhere else: every value of a database tried in every other place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from intake.events import Said
from storage import outbox, tables
from storage.errors import CannotUnseal, KeyLost, UnknownSuite
from storage.keys.cache import Versions
from storage.keys.sealing import HEADER, SUITE, DataKey, key_version, seal, unseal
from storage.means import KeysAtHand
from storage.turn.erasing import opened_chat
from tests.envelopes import SEALED, Envelope, envelopes
from tests.remembering import DETAILS, Memory, Visitor, done, remembering
from tests.sealed_people import colleagues, populate

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
COPIED = ("erasures", "sealed_task")  # goes into the outbox as it is, and is sealed to its place there


@pytest.fixture
def memory(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """A store with something in every sealed column."""
    with remembering(data_url, keyring_url, tmp_path) as made:
        populate(made)
        yield made


def _all(memory: Memory) -> list[Envelope]:
    def read() -> list[Envelope]:
        with memory.rooms.engine.connect() as connection:
            return list(envelopes(connection))

    return list(memory.run(read))


def _keys(memory: Memory, found: list[Envelope]) -> Mapping[tuple[str, str], Versions]:
    keys: Mapping[tuple[str, str], Versions] = memory.run(
        memory.rooms.keyring.keys, {(one.subject, one.scope) for one in found}, fresh=True
    )
    return keys


def _opens(keys: Mapping[tuple[str, str], Versions], target: Envelope, sealed: bytes) -> bool:
    try:
        unseal(keys.get((target.subject, target.scope), {}), target.place, sealed)
    except (CannotUnseal, KeyLost):
        return False
    return True


def test_no_sealed_value_opens_in_the_place_of_another(memory: Memory) -> None:
    """S10: another field, row, person, scope, table or revision: of all pairs not one opens; in its own place each."""
    before = _all(memory)
    writer = next(row for row in memory.rooms.rows(tables.conversations) if row["channel"] == "web")
    web = Visitor(memory)
    web.subject, web.conversation = str(writer["subject"]), str(writer["id"])
    web.says("one more thing")
    now = _all(memory)
    pool = list({(one.place, one.sealed): one for one in (*before, *now)}.values())
    keys = _keys(memory, pool)

    assert {(one.place.table, one.place.column) for one in pool} == {*SEALED} - {COPIED}
    assert (
        memory.count(tables.erasures)
        == sum(bool(row["sealed_task"]) for row in memory.rooms.rows(tables.erasures))
        == 1
    )
    assert all(_opens(keys, one, one.sealed) for one in pool)
    moved = [
        (one.place, other.place)
        for one, other in permutations(pool, 2)
        if one.place != other.place and _opens(keys, other, one.sealed)
    ]
    assert moved == []
    states = [one for one in pool if one.place.row == web.conversation and one.place.column == "sealed_state"]
    assert len({one.place.revision for one in states}) == 2


def test_no_value_opens_under_another_version_of_its_key(memory: Memory) -> None:
    """The version is bound too: what one has sealed is not taken for another's, nor the reverse."""
    value = next(
        one for one in _all(memory) if one.place.table == "fields" and one.scope.startswith("profile")
    )
    new = DataKey.of(2, os.urandom(32))
    resealed = seal(new, value.place, b"new", os.urandom(12))
    keys = _keys(memory, [value])
    keys = {name: {**versions, 2: new} for name, versions in keys.items()}

    assert (key_version(value.sealed), key_version(resealed)) == (1, 2)
    assert _opens(keys, value, value.sealed)
    assert _opens(keys, value, resealed)
    for sealed, other in ((value.sealed, 2), (resealed, 1)):
        renamed = HEADER.pack(b"AF", SUITE, other) + sealed[HEADER.size :]
        assert not _opens(keys, value, renamed)


@on_sqlite
def test_every_bit_of_every_kind_of_envelope_counts(memory: Memory) -> None:
    """One envelope of each sealed column, each of its bits flipped: none opens."""
    sample = {(one.place.table, one.place.column): one for one in _all(memory)}.values()
    keys = _keys(memory, list(sample))

    for one in sample:
        bits = int.from_bytes(one.sealed)
        for bit in range(len(one.sealed) * 8):
            assert not _opens(keys, one, (bits ^ 1 << bit).to_bytes(len(one.sealed))), (one.place, bit)


@on_sqlite
def test_what_is_no_whole_envelope_says_so(memory: Memory) -> None:
    """Cut anywhere, extended, empty, of another suite or magic: a clear error with the place, and never a value."""
    sample = {(one.place.table, one.place.column): one for one in _all(memory)}.values()
    keys = _keys(memory, list(sample))

    for one in sample:
        cut = [one.sealed[:length] for length in range(len(one.sealed))]
        longer = [one.sealed + more for more in (b"\0", bytes(64), one.sealed)]
        for broken in (*cut, *longer):
            with pytest.raises(
                CannotUnseal, match=r"no envelope|not a whole envelope|damaged, moved or rolled back"
            ):
                unseal(keys[one.subject, one.scope], one.place, broken)
        for foreign in (b"AF\x00", b"AF\x02", b"AF\xff", b"AG\x01", b"\0\0\0"):
            with pytest.raises(UnknownSuite, match=r"suite \d+ is not known|does not begin like one"):
                unseal(keys[one.subject, one.scope], one.place, foreign + one.sealed[3:])


Reader = Callable[[Memory, Mapping[str, Any]], object]


def _repeats(memory: Memory, row: Mapping[str, Any]) -> object:
    visitor = Visitor(memory)
    visitor.conversation = row["conversation"]
    return done(memory.turns(visitor.turn(Said("hm"), key=row["event_key"]))[0])


def _goes_on(memory: Memory, row: Mapping[str, Any]) -> object:
    visitor = Visitor(memory)
    visitor.conversation = row["id"]
    return visitor.says("hm")


def _waits(memory: Memory, row: Mapping[str, Any]) -> object:
    return _goes_on(memory, {"id": row["conversation"]})


def _carried(memory: Memory, row: Mapping[str, Any]) -> object:
    task = outbox.Task(id=row["id"], kind=row["kind"], subject="", at=memory.now(), sealed=row["sealed"])
    return memory.run(outbox.Outbox(memory.rooms.engine, memory.rooms.keyring).carried, task)


def _comes_in(memory: Memory, row: Mapping[str, Any]) -> object:
    token, now = os.urandom(16).hex(), memory.now()

    def admit() -> None:
        hashed = hashlib.sha256(token.encode()).digest()
        opened = {"token_hash": hashed, "staff": row["id"], "created_at": now, "expires_at": now}
        with memory.rooms.engine.begin() as connection:
            connection.execute(sa.insert(tables.staff_sessions).values(opened))

    memory.run(admit)
    return memory.run(colleagues(memory).session, token, now - timedelta(seconds=1))


READERS: Mapping[tuple[str, str], Reader] = {  # how the desk comes to open each column
    ("conversations", "sealed_state"): _goes_on,
    ("messages", "sealed_body"): lambda memory, row: memory.run(
        memory.store.transcript, row["conversation"], 0
    ),
    ("messages", "sealed_digest"): _repeats,
    ("fields", "sealed_value"): lambda memory, row: memory.run(
        memory.store.record, row["subject"], purpose="own_view"
    ),
    ("consents", "sealed_evidence"): lambda memory, row: memory.run(memory.store.receipts, row["subject"]),
    ("codes", "sealed_values"): _waits,
    ("chats", "sealed_chat"): lambda memory, row: memory.run(
        opened_chat, KeysAtHand(memory.store.means), row["subject"], row["conversation"], row["sealed_chat"]
    ),
    ("outbox", "sealed"): _carried,
    ("staff", "sealed_email"): _comes_in,
}


def test_the_store_refuses_what_was_exchanged_in_its_tables(memory: Memory) -> None:
    """Two rows of a table exchange their envelopes: whoever reads there is told, and gets nothing of either."""
    assert set(READERS) == {*SEALED} - {COPIED}
    for (name, column), read in READERS.items():
        table = tables.metadata.tables[name]
        rows = [row for row in memory.rooms.rows(table) if _is_read(memory, row, column)]
        one, other = rows[0], rows[-1]
        memory.run(_exchange, memory, table, column, one, other)

        with pytest.raises(CannotUnseal) as refused:
            read(memory, {**one, column: other[column]})

        assert "damaged, moved or rolled back" in str(refused.value)
        assert not [value for value in DETAILS.values() if value in str(refused.value)]
        memory.run(
            _exchange, memory, table, column, {**one, column: other[column]}, {**other, column: one[column]}
        )
        assert read(memory, one) is not None


def _is_read(memory: Memory, row: Mapping[str, Any], column: str) -> bool:
    going = {person["subject"] for person in memory.rooms.rows(tables.subjects) if person["status"] != "live"}
    scope = row.get("scope", "profile.1")
    return bool(row[column]) and row.get("subject") not in going and scope.startswith(("profile", "c1"))


def _exchange(memory: Memory, table: sa.Table, column: str, *rows: Mapping[str, Any]) -> None:
    assert rows[0][column] != rows[1][column]
    with memory.rooms.engine.begin() as connection:
        for row, other in (rows, rows[::-1]):
            mine = sa.and_(*(key == row[key.name] for key in table.primary_key))
            connection.execute(sa.update(table).where(mine).values({column: other[column]}))
