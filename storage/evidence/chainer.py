"""The chainer: takes rows that no batch has yet, hashes them, signs the head, appends it.

One at a time can take the next number: it reads and hashes without a lock, and its short write goes through only if
the newest head is still the one that it has read. A worker that was paused meanwhile finds a newer head, and writes
nothing. Writers of the audit do not know of it: they only insert, and wait for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.dialects import postgresql, sqlite

from storage.audit_tables import audit_chained, audit_heads
from storage.connecting import reading
from storage.evidence import heads_sent, proofs
from storage.evidence.chain import (
    BEFORE_THE_FIRST,
    FORMAT,
    Head,
    Run,
    lines_of,
    newest_head,
    next_batch,
    rows_of,
    unbroken,
    waiting,
)
from storage.evidence.chain_check import Check, Report
from storage.evidence.row_encoding import digest
from storage.keyring_tables import insert_new
from storage.keys.keyring import Keyring
from storage.means import stamp

ROWS_MAX = 250  # rows in a batch: some 10 ms in the storage thread, where turns wait
RUNS_MAX = 20  # writers in a batch: a head fits into one datagram of syslog (RFC 5424 §6.1)


class Chain:
    """The chain as one process knows it; called in the storage thread."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._keyring = keyring
        self._newest = BEFORE_THE_FIRST
        self._waiting: list[Run] = []  # what was seen together with `_newest` and is not chained yet
        self._tombstones: tuple[datetime | None, int] = None, 0

    def append(self, now: datetime) -> int:
        """Chain one batch of rows and return how many; 0: none wait, or another chainer was faster."""
        waits, self._waiting = self._waiting, []  # forgotten when anything fails: what was read may be old
        with self._reading.begin() as connection:
            if not waits:
                self._newest, waits = newest_head(connection), waiting(connection)
            batch = _batch(connection, waits)
        head = self._signed(now, batch) if batch else None
        if head is None or not self._written(now, head, batch):
            return 0
        self._newest, self._waiting = head, waits
        return sum(map(len, batch.values()))

    def _signed(self, now: datetime, batch: Mapping[str, list[Row[Any]]]) -> Head:
        before = self._newest.document if self._newest.number else {"total": 0}
        count = sum(map(len, batch.values()))
        head = {
            "format": FORMAT,
            "batch": self._newest.number + 1,
            "at": stamp(now),
            "previous": self._newest.sha256 if self._newest.number else "",
            "ranges": [
                {"writer": writer, "first": rows[0].number, "last": rows[-1].number}
                for writer, rows in batch.items()
            ],
            "rows": count,
            "total": before["total"] + count,
            "tombstones": self._counted(now),
            "sha256": digest(row for rows in batch.values() for row in rows),
        }
        body = proofs.canonical(proofs.signed(self._keyring, proofs.HEAD, head))
        return Head(self._newest.number + 1, body.decode())

    def _counted(self, now: datetime) -> int:
        """Return how many tombstones there are; counted once for each `now`, however many batches it has."""
        if self._tombstones[0] != now:
            self._tombstones = now, self._keyring.tombstones()
        return self._tombstones[1]

    def _written(self, now: datetime, head: Head, batch: Mapping[str, list[Row[Any]]]) -> bool:
        """Append the head if its forerunner is still the newest; say whether it was so."""
        row = {"number": head.number, "at": now, "body": head.body}
        with self._engine.begin() as connection:
            inserted = insert_new(connection, audit_heads).returning(audit_heads.c.number)
            if newest_head(connection) != self._newest or not connection.execute(inserted, [row]).first():
                return False
            reached = [{"writer": name, "number": rows[-1].number} for name, rows in batch.items()]
            _reach(connection, reached)
        return True

    def check(self, now: datetime, kept: Iterable[str] = ()) -> Report:
        """Check the whole audit; `kept` are lines of a file of heads that lay off the host. Many short transactions."""
        return Check(self._engine, self._keyring, now).carry_out(kept)

    def claim(self, sink: str, now: datetime, limit: int) -> list[Head]:
        """Return the next heads for a sink (its address), leased to this process; none while another one sends."""
        with self._engine.begin() as connection:
            return heads_sent.claim(connection, heads_sent.sink_name(sink), now, limit)

    def taken(self, sink: str, head: Head) -> None:
        """Note that the sink has this head and all before it."""
        with self._engine.begin() as connection:
            heads_sent.taken(connection, heads_sent.sink_name(sink), head.number)

    def release(self, sink: str, now: datetime) -> None:
        """Let any process send to the sink."""
        with self._engine.begin() as connection:
            heads_sent.release(connection, heads_sent.sink_name(sink), now)

    def exported(self, after: int, since: datetime) -> tuple[int, list[dict[str, Any]]] | None:
        """Return the number of the next batch after this one, and its lines: the head and the rows; None: no more."""
        with self._reading.begin() as connection:
            head = next_batch(connection, after, since)
            return (head.number, list(lines_of(connection, head))) if head else None


def _batch(connection: Connection, waits: list[Run]) -> dict[str, list[Row[Any]]]:
    """Return rows by writer, as many as fit; what is taken waits no longer."""
    batch: dict[str, list[Row[Any]]] = {}
    room = ROWS_MAX
    while waits and room and len(batch) < RUNS_MAX:
        run = waits.pop(0)
        rows = unbroken(rows_of(connection, run, room), run.first)
        if rows:  # none: a row is missing, which the check will tell
            batch[run.writer] = rows
            room -= len(rows)
        if not room and rows[-1].number < run.last:
            waits.insert(0, run._replace(first=rows[-1].number + 1))
    return batch


def _reach(connection: Connection, reached: list[dict[str, Any]]) -> None:
    maker = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = maker(audit_chained)
    changed = {"number": statement.excluded.number}
    connection.execute(statement.on_conflict_do_update(index_elements=["writer"], set_=changed), reached)
