"""An audit of several writers, its chain, and ways to tamper with both: what tests of the chain begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from storage.audit_tables import AUDIT_TABLES, audit_heads
from storage.evidence.audit import Entry, Writer, write
from storage.evidence.chain import Head
from storage.evidence.chain_check import Report
from storage.evidence.chainer import Chain
from storage.keys.keyring import Keyring
from storage.keys.signatures import Use
from tests.rooms import Rooms, bare_rooms

PERSON = "5" * 32


class Interrupted:
    """A keyring of which something happens amid the next signature, when a chainer has read and not yet written."""

    def __init__(self, keyring: Keyring, happens: Callable[[], object]) -> None:
        self._keyring = keyring
        self._happens: list[Callable[[], object]] = [happens]

    def tombstones(self) -> int:
        """Count them."""
        return self._keyring.tombstones()

    def sign(self, use: Use, domain: str, payload: bytes) -> tuple[str, bytes]:
        """Let it happen, once, then sign."""
        while self._happens:
            self._happens.pop()()
        return self._keyring.sign(use, domain, payload)


@dataclass(frozen=True)
class Audit:
    """Rooms with an audit and a chainer."""

    rooms: Rooms
    chain: Chain

    def another_chain(self, happens: Callable[[], object] | None = None) -> Chain:
        """Return the chainer of a second worker, interrupted amid its first batch if something is to happen there."""
        keyring: Any = Interrupted(self.rooms.keyring, happens) if happens else self.rooms.keyring
        return Chain(self.rooms.engine, keyring)

    def note(self, writer: str, count: int = 1, **more: Any) -> None:
        """Have a writer append rows."""
        self.rooms.run(self.noting, writer, count, **more)

    def noting(self, writer: str, count: int = 1, **more: Any) -> None:
        """The same, for whoever is in the storage thread already."""
        entry = {
            "at": self.rooms.clock.now,
            "actor": "staff:1",
            "action": "opened",
            "subject": PERSON,
            **more,
        }
        with self.rooms.engine.begin() as connection:
            write(connection, Writer(writer), [Entry(**entry) for _ in range(count)])

    def append(self, chain: Chain | None = None) -> list[int]:
        """Chain all that waits and return how many rows each batch got."""
        sizes: list[int] = []
        while count := self.rooms.run((chain or self.chain).append, self.rooms.clock.now):
            sizes.append(count)
        return sizes

    def check(self, *kept: str) -> Report:
        """Check the audit, against heads that were kept elsewhere if any are given."""
        return self.rooms.run(self.chain.check, self.rooms.clock.now, kept)

    def heads(self) -> list[Head]:
        """Return every head, in order."""
        rows = sorted(self.rooms.rows(audit_heads), key=lambda row: str(row["number"]).zfill(9))
        return [Head(int(str(row["number"])), str(row["body"])) for row in rows]

    def tamper(self, *statements: sa.Executable) -> None:
        """Change the database as somebody would who may write to it."""
        self.rooms.run(self._change, statements)

    def faults_after(self, *statements: sa.Executable, kept: Sequence[str] = ()) -> list[str]:
        """Return what a check finds after such changes; then all is as before."""
        before = {table: self.rooms.rows(table) for table in AUDIT_TABLES}
        self.tamper(*statements)
        faults = self.check(*kept).faults
        for table, rows in before.items():
            self.tamper(table.delete(), *([table.insert().values(rows)] if rows else []))
        return faults

    def _change(self, statements: Sequence[sa.Executable]) -> None:
        with self.rooms.engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def auditing(data_url: str, keyring_url: str, folder: Path) -> Iterator[Audit]:
    """Yield an empty audit, and close it."""
    with bare_rooms(data_url, keyring_url, folder) as rooms:
        yield Audit(rooms, Chain(rooms.engine, rooms.keyring))


def three_batches(audit: Audit) -> None:
    """Let two writers note nine rows in three batches: ant 1–3 and bee 1–2, ant 4–5, bee 3–4."""
    for notes in ((("ant", 3), ("bee", 2)), (("ant", 2),), (("bee", 2),)):
        for writer, count in notes:
            audit.note(writer, count)
        audit.append()
        audit.rooms.clock.tick(minutes=1)
