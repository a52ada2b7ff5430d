"""Data keys move under the newest epoch, some at a time, so that older epochs can be retired. Nothing is opened twice.

A key's new wrap replaces the one that was read, or nothing (compare and swap): what is destroyed meanwhile stays
destroyed. Several processes share the work. Where one stops, whenever it does, any other goes on: the rows say it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from storage import key_rows
from storage.epochs import Epoch, live_numbers
from storage.errors import CannotUnseal
from storage.key_rows import KeyName
from storage.keyring_tables import keep_out
from storage.means import Means
from storage.sealing import NONCE_BYTES

AT_ONCE = 100  # keys; a few milliseconds, since turns wait in the same thread


def rewrap(means: Means, damaged: set[KeyName]) -> int:
    """Wrap some keys anew by the newest epoch; return how many were looked at, 0 when none is left.

    Args: damaged: keys whose wrap does not open, which are passed over; those that are found are added.
    """
    keyring = means.keyring
    with keyring.engine.begin() as connection:
        keep_out(connection, others=False)  # from here on no epoch is retired
        numbers = live_numbers(connection)
        newest = keyring.epochs.newest(connection)
        older = [number for number in numbers if number < newest.number]
        found = key_rows.wrapped_by(connection, older, AT_ONCE + len(damaged))
        rows = [row for row in found if _name(row) not in damaged]
        wraps = [(row, wrap) for row in rows if (wrap := _rewrapped(means, newest, row, damaged))]
        key_rows.rewrap(connection, newest.number, wraps)
    return len(rows)


def _rewrapped(means: Means, newest: Epoch, row: Row[Any], damaged: set[KeyName]) -> bytes:
    old = means.keyring.epochs.get(row.epoch)
    try:
        return old.rewrap(newest, *_name(row), row.wrapped, means.random(NONCE_BYTES))
    except CannotUnseal:
        damaged.add(_name(row))
        return b""


def _name(row: Row[Any]) -> KeyName:
    return KeyName(row.subject, row.scope, row.version)
