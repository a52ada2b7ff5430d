"""Where a process gets time, ids and randomness from: the real ones stand here; tests give their own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a fresh id: 32 hexadecimal characters of a random UUID."""
    return uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A clock, a maker of ids and a source of random bytes."""

    clock: Callable[[], datetime] = utc_now
    new_id: Callable[[], str] = new_id
    random: Callable[[int], bytes] = secrets.token_bytes
