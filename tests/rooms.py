"""A bare storage for tests of single rooms: both databases with their tables, an open keyring, one thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

import sqlalchemy as sa

from storage.connecting import StorageThread, data_engine, is_async
from storage.keys.kek_address import provider_for
from storage.keys.keyring import Keyring

P = ParamSpec("P")
T = TypeVar("T")


class Clock:
    """A clock that a test moves. `meanwhile`: what happens elsewhere while somebody looks at it, one look each."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        self.meanwhile: list[Callable[[], object]] = []

    def __call__(self) -> datetime:
        """Return the time."""
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return self.now

    def tick(self, **later: float) -> datetime:
        """Move on and return the time."""
        self.now += timedelta(**later)
        return self.now


@dataclass(frozen=True)
class Rooms:
    """What a test of one room works in; everything runs in `thread`, as in the desk."""

    engine: sa.Engine
    keyring: Keyring
    clock: Clock
    thread: StorageThread

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something of the storage in its thread."""
        return self.thread.submit(lambda: call(*args, **kwargs)).result()

    def rows(self, table: sa.Table) -> list[dict[str, object]]:
        """Return what a table holds."""
        return self.run(self._rows, table)

    def _rows(self, table: sa.Table) -> list[dict[str, object]]:
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(table))]


@contextmanager
def bare_rooms(data_url: str, keyring_url: str, folder: Path, clock: Clock | None = None) -> Iterator[Rooms]:
    """Yield rooms over databases with every table, and close them. With the clock of others: one more process."""
    thread = StorageThread("test-storage", greenlets=is_async(data_url))
    engine, keys = data_engine(data_url), data_engine(keyring_url)
    clock = clock or Clock()
    provider = provider_for(f"file:{folder}/keys/kek.json", random=os.urandom)
    rooms = Rooms(engine, Keyring(keys, provider, clock=clock, random=os.urandom), clock, thread)
    try:
        rooms.run(rooms.keyring.open)
        yield rooms
    finally:
        rooms.run(engine.dispose)
        rooms.run(keys.dispose)
        thread.close()
