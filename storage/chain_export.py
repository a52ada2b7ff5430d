"""The audit for somebody else: batch by batch, each with the head that proves it. Names only; there are no values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage.audit_tables import audit_heads
from storage.chain import Head, Run, rows_of
from storage.row_encoding import parts


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
