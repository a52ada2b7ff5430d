"""What a consultation writes, turn by turn: read from the desk's own database, so that a floor can write the same."""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from config.load import load
from intake.conversation import Conversation
from intake.engine import step
from intake.events import Event, Opened, Picked, Said
from storage.records import Opening, Turn, TurnDone
from storage.storage import Storage
from storage.tables import metadata, terms
from tests.bench.load import ANSWERS
from tests.house import CONFIG

PERSON, FRESH = "person", "fresh"  # what differs from one consultation to the next
UNIQUE = frozenset({"id", "reference", "event_key", "token_hash", "number"})  # columns that no two rows share

Rows = dict[tuple[Any, ...], tuple[Any, ...]]  # by primary key
Changes = dict[str, list[tuple[Any, ...]]]  # statement -> what it is given, once for each row


def _unique(value: Any, number: int) -> Any:
    """Return a value of the same type and length that no other row has."""
    if isinstance(value, int):
        return number
    return number.to_bytes(len(value), "big") if isinstance(value, bytes) else f"{number:0{len(value)}x}"


@dataclass(frozen=True, slots=True)
class Write:
    """One row that a turn wrote: the statement, its values, and the places among them that differ for each person."""

    statement: str
    values: tuple[Any, ...]
    differs: tuple[tuple[int, str], ...]

    def of(self, person: str, number: int) -> tuple[Any, ...]:
        """Return the values for another person, whose id is a conversation's too; `number` makes the rest unique."""
        written = list(self.values)
        for place, what in self.differs:
            written[place] = _unique(written[place], number) if what == FRESH else person
        return tuple(written)


def consultation() -> list[list[Write]]:
    """Return what the opening and then every turn of a consultation wrote to the data database."""
    with tempfile.TemporaryDirectory() as folder:
        return list(_recorded(Path(folder)))


def _recorded(folder: Path) -> Iterator[list[Write]]:
    rules = load(CONFIG).rules
    data, keys = f"sqlite:///{folder}/desk.db", f"sqlite:///{folder}/keyring.db"
    storage = Storage.open(data, keys, f"file:{folder}/kek.json", rules, migrate=True)
    # those are the company's
    tables = {table.name: table for table in metadata.sorted_tables if table is not terms}
    before = _read(folder, tables)
    try:
        for turn in _turns():
            batch = [turn]
            [done] = storage.thread.submit(
                storage.store.turns, batch, lambda turn, state: step(state, turn.event, turn.at, rules)
            ).result()
            assert isinstance(done, TurnDone), done
            assert not done.refused, done.refused
            after = _read(folder, tables)
            yield [
                write
                for name, table in tables.items()
                for write in _changed(table, before[name], after[name], done.subject, done.conversation)
            ]
            before = after
    finally:
        storage.close()


def _turns() -> Iterator[Turn]:
    now = datetime.now(UTC)
    opening = Opening(
        subject=secrets.token_hex(16),
        token_hash=os.urandom(32),
        expires_at=now + timedelta(hours=24),
        state=Conversation(channel="web", site="default", locale="en"),
        chat=0,
    )
    said: list[Event] = [Picked(value=text) if kind == "pick" else Said(text) for kind, text in ANSWERS]
    conversation = secrets.token_hex(16)
    for number, event in enumerate([Opened(), *said]):
        yield Turn(
            conversation=conversation,
            event=event,
            at=now,
            key=os.urandom(16),
            client_id=f"c{number}",
            digest=os.urandom(16),
            opening=None if number else opening,
        )


def _read(folder: Path, tables: dict[str, Table]) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    with closing(sqlite3.connect(folder / "desk.db")) as connection:
        for name, table in tables.items():
            places = [place for place, column in enumerate(table.c) if column.primary_key]
            rows = connection.execute(f"SELECT {', '.join(table.c.keys())} FROM {name}")
            found[name] = {tuple(row[place] for place in places): row for row in rows}
    return found


def _changed(table: Table, before: Rows, after: Rows, person: str, conversation: str) -> Iterator[Write]:
    """Yield the writes that lead from one reading of a table to the next."""
    names = table.c.keys()
    keys = [column.name for column in table.c if column.primary_key]
    where = " AND ".join(f"{name} = ?" for name in keys)
    for key, row in after.items():
        if key not in before:
            marks = ", ".join("?" * len(names))
            yield _write(f"INSERT INTO {table.name} VALUES ({marks})", names, row, person, conversation)
        elif row != (old := before[key]):
            other = [name for name, was, now in zip(names, old, row, strict=True) if was != now]
            given = [*(row[names.index(name)] for name in other), *key]
            changes = ", ".join(f"{name} = ?" for name in other)
            statement = f"UPDATE {table.name} SET {changes} WHERE {where}"
            yield _write(statement, [*other, *keys], given, person, conversation)
    for key in before.keys() - after.keys():
        yield _write(f"DELETE FROM {table.name} WHERE {where}", keys, key, person, conversation)


def _write(statement: str, names: Sequence[str], row: Sequence[Any], person: str, conversation: str) -> Write:
    differs: list[tuple[int, str]] = []
    for place, (name, value) in enumerate(zip(names, row, strict=True)):
        if value in (person, conversation):
            differs.append((place, PERSON))
        elif name in UNIQUE and value is not None:
            differs.append((place, FRESH))
    return Write(statement, tuple(row), tuple(differs))


def together(writes: Sequence[Sequence[Write]], persons: Sequence[str], first: int) -> Changes:
    """Return what the turns of several people write, by statement; `first`: the next number to make unique."""
    found: Changes = defaultdict(list)
    number = first
    for mine, person in zip(writes, persons, strict=True):
        for write in mine:
            found[write.statement].append(write.of(person, number))
            number += 1
    return found
