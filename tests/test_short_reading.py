"""Short readings: the driver's own answer, the same as the library's, and faults that tell no parameter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from storage.short_reading import SHORT, ShortReading
from storage.tables import staff
from tests.rooms import Rooms, bare_rooms

_BY_ROLE = sa.select(staff.c.id, staff.c.role, staff.c.sealed_email).where(
    staff.c.id.in_(sa.bindparam("ids", expanding=True)),
    staff.c.role == sa.bindparam("role"),
    staff.c.disabled_at.is_(None),
)
PEOPLE = [f"{number:032x}" for number in range(SHORT + 10)]


@pytest.fixture
def rooms(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Rooms]:
    """A database with many colleagues."""
    with bare_rooms(data_url, keyring_url, tmp_path) as made:
        made.run(_add, made)
        yield made


def _add(rooms: Rooms) -> None:
    rows = [
        {"id": one, "role": "sales", "sealed_email": one.encode(), "created_at": rooms.clock.now}
        for one in PEOPLE
    ]
    with rooms.engine.begin() as connection:
        connection.execute(sa.insert(staff), rows)


def _read(rooms: Rooms, reading: ShortReading, ids: list[str], role: str = "sales") -> list[tuple[Any, ...]]:
    with rooms.engine.begin() as connection:
        return sorted(tuple(row) for row in reading.rows(connection, ids, role=role))


@pytest.mark.parametrize("count", [0, 1, 2, SHORT, SHORT + 1, SHORT + 10])
def test_it_reads_what_the_library_reads(rooms: Rooms, count: int) -> None:
    """None, some, and more than are worth it: the listed rows and no other, however often it is asked."""
    reading, ids = ShortReading(_BY_ROLE, "ids"), PEOPLE[:count]

    for _ in range(2):
        assert rooms.run(_read, rooms, reading, ids) == [(one, "sales", one.encode()) for one in ids]
        assert rooms.run(_read, rooms, reading, ids, "privacy") == []


def test_a_fault_of_the_database_tells_no_parameter(rooms: Rooms) -> None:
    """It is the library's own fault, told from a mistake of ours, and holds nothing of what was asked."""
    missing = sa.table("missing", sa.column("id", sa.String))
    reading = ShortReading(
        sa.select(missing.c.id).where(missing.c.id.in_(sa.bindparam("ids", expanding=True))), "ids"
    )

    with pytest.raises(DBAPIError) as fault:
        rooms.run(_read_bare, rooms, reading, "a canary")

    assert "missing" in str(fault.value)
    assert "canary" not in f"{fault.value}{fault.value!r}"
    assert rooms.run(_read, rooms, ShortReading(_BY_ROLE, "ids"), PEOPLE[:1])


def _read_bare(rooms: Rooms, reading: ShortReading, one: str) -> None:
    with rooms.engine.begin() as connection:
        reading.rows(connection, [one])
