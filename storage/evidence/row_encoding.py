"""One row of the audit as the bytes that are hashed; `docs/audit.md` has it with a vector."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row

from storage.keys.sealing import framed

FORMAT = "askfirst audit row 1"
PARTS = ("writer", "number", "at", "actor", "action", "subject", "purpose", "fields", "policy", "records")


def moment(at: datetime) -> str:
    """Return a time as it is hashed and exported: RFC 3339, UTC, to the microsecond."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parts(row: Row[Any]) -> dict[str, str | int]:
    """Return what a row says, by name."""
    return dict(zip(PARTS, _written(row), strict=True))


def encoded(row: Row[Any]) -> bytes:
    """Return a row, each part after its length: so no two rows read alike."""
    return framed(FORMAT, *_written(row))


def _written(row: Row[Any]) -> tuple[Any, ...]:
    writer, number, at, *rest = tuple(row)  # in the order of the table's columns, which is that of PARTS
    return writer, number, moment(at), *rest


def digest(rows: Iterable[Row[Any]]) -> str:
    """Return the SHA-256 of rows in this order, in hexadecimal."""
    whole = sha256()
    for row in rows:
        whole.update(encoded(row))
    return whole.hexdigest()
