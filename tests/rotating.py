"""Rotations and retirements, as tests of them begin: the whole way, or some steps of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from storage.keyring_tables import epochs, scope_keys
from storage.rekeying.rotation import Rotation
from storage.tables import index_rows
from tests.remembering import DETAILS, Memory, Visitor

ROBIN = "Robin Operator"


def rotation_of(memory: Memory) -> Rotation:
    """Return the rotation of a memory; its calls go through `memory.run`."""
    return Rotation(memory.store.means)


def rotates(memory: Memory) -> int:
    """Begin an epoch and let the minutes pass in which other processes learn of it."""
    number: int = memory.run(rotation_of(memory).rotate, "command")
    memory.later(minutes=3)
    return number


def moves(memory: Memory) -> int:
    """Move everything under the newest epoch; return in how many steps."""
    rotation, steps = rotation_of(memory), 1
    while memory.run(rotation.go_on):
        steps += 1
    return steps


def retires(memory: Memory, number: int) -> datetime | None:
    """Retire an epoch whole; return when its KEK will be gone, None when it is."""
    rotation = rotation_of(memory)
    memory.run(rotation.retire, number, ROBIN)
    gone_from: datetime | None = memory.run(rotation.destroy_kek, number)
    moves(memory)
    return gone_from


def keyring_rows(memory: Memory, table: sa.Table) -> list[dict[str, Any]]:
    """Return what a table of the keyring holds."""

    def read() -> list[dict[str, Any]]:
        with memory.rooms.keyring.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(table))]

    found: list[dict[str, Any]] = memory.run(read)
    return found


def changes_keyring(memory: Memory, statement: sa.Executable) -> None:
    """Change the keyring behind its back."""

    def change() -> None:
        with memory.rooms.keyring.engine.begin() as connection:
            connection.execute(statement)

    memory.run(change)


def changes_data(memory: Memory, statement: sa.Executable) -> None:
    """Change the data behind the store's back."""

    def change() -> None:
        with memory.rooms.engine.begin() as connection:
            connection.execute(statement)

    memory.run(change)


def wrapping(memory: Memory) -> set[int]:
    """Return the epochs that wrap data keys."""
    return {row["epoch"] for row in keyring_rows(memory, scope_keys)}


def found_under(memory: Memory, epoch: int) -> dict[str, bytes]:
    """Return the codes of look-ups under an epoch, by field."""
    rows: list[dict[str, Any]] = memory.rooms.rows(index_rows)
    return {row["field"]: bytes(row["mac"]) for row in rows if row["epoch"] == epoch}


def opened(memory: Memory, visitor: Visitor, *names: str) -> dict[str, str]:
    """Return a person's details as a colleague opens them."""
    asked: dict[str, Any] = {"purpose": "contact", "actor": "staff:1"}
    found: dict[str, str] = memory.run(
        memory.store.open_fields, visitor.subject, names or list(DETAILS), **asked
    )
    return found


def kek_of(memory: Memory, number: int) -> str:
    """Return the KEK of an epoch."""
    [kek] = [row["kek"] for row in keyring_rows(memory, epochs) if row["epoch"] == number]
    return str(kek)
