"""The chain over the audit: rows that writers numbered for themselves, hashed in batches whose signed heads follow
each other. `docs/audit.md` has the encoding with a vector.

    head n = { batch n, hash of head n−1, ranges of writers' rows, hash of those rows, counts } + signature
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, func, select

from storage.audit_tables import audit, audit_chained, audit_heads
from storage.evidence.row_encoding import parts

FORMAT = "askfirst-audit-head-1"


class Run(NamedTuple):
    """Rows of one writer, `first` to `last`, none missing."""

    writer: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Head:
    """A head as it is stored: its number, and the signed document as canonical JSON."""

    number: int
    body: str

    @property
    def document(self) -> dict[str, Any]:
        """Return the signed document. Raises ValueError when it is none."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    @property
    def sha256(self) -> str:
        """Return the hash by which the next head names this one."""
        return sha256(self.body.encode()).hexdigest()


BEFORE_THE_FIRST = Head(0, "")


def newest_head(connection: Connection) -> Head:
    """Return the newest head; number 0 where there is none."""
    newest = select(audit_heads.c.number, audit_heads.c.body).order_by(audit_heads.c.number.desc()).limit(1)
    found = connection.execute(newest).first()
    return Head(*found) if found else BEFORE_THE_FIRST


def waiting(connection: Connection) -> list[Run]:
    """Return, for each writer with rows that are not chained, from where to where."""
    written = _writers()
    last = (
        select(func.max(audit.c.number))
        .where(audit.c.writer == written.c.writer)
        .correlate(written)
        .scalar_subquery()
    )
    chained = func.coalesce(audit_chained.c.number, 0)
    query = (
        select(written.c.writer, (chained + 1).label("first"), last.label("last"))
        .select_from(written.outerjoin(audit_chained, audit_chained.c.writer == written.c.writer))
        .where(written.c.writer.is_not(None), last > chained)
    )
    return [Run(*row) for row in connection.execute(query.order_by(written.c.writer))]


def _writers() -> Any:
    """Return the query of all writers: one step through the index for each, whatever number of rows they wrote."""
    found = select(func.min(audit.c.writer).label("writer")).cte("writers", recursive=True)
    following = (
        select(func.min(audit.c.writer))
        .where(audit.c.writer > found.c.writer)
        .correlate(found)
        .scalar_subquery()
    )
    return found.union_all(select(following).where(found.c.writer.is_not(None)))


def rows_of(connection: Connection, run: Run, limit: int) -> list[Row[Any]]:
    """Return the first rows of a run."""
    query = select(audit).where(audit.c.writer == run.writer, audit.c.number.between(run.first, run.last))
    return list(connection.execute(query.order_by(audit.c.number).limit(limit)))


def unbroken(rows: list[Row[Any]], first: int) -> list[Row[Any]]:
    """Return the rows before the first gap."""
    return [row for place, row in enumerate(rows) if row.number == first + place]


def heads_after(connection: Connection, number: int, limit: int) -> list[Head]:
    """Return the heads that follow a number, in order."""
    query = select(audit_heads.c.number, audit_heads.c.body).where(audit_heads.c.number > number)
    return [Head(*row) for row in connection.execute(query.order_by(audit_heads.c.number).limit(limit))]


def next_batch(connection: Connection, after: int, since: datetime) -> Head | None:
    """Return the first head after this number and not before this time, or None.

    A head is younger than its rows: from the first head since a day on, every row of that day is there.
    """
    following = select(audit_heads.c.number, audit_heads.c.body).where(
        audit_heads.c.number > after, audit_heads.c.at >= since
    )
    found = connection.execute(following.order_by(audit_heads.c.number).limit(1)).first()
    return Head(*found) if found else None


def lines_of(connection: Connection, head: Head) -> Iterator[dict[str, Any]]:
    """Yield a head, then its rows in the order in which they were hashed."""
    yield {"head": head.document}
    for one in head.document["ranges"]:
        run = Run(**one)
        for row in rows_of(connection, run, run.last - run.first + 1):
            yield {"row": parts(row)}
