"""What a rotation and a retirement leave to be done, a few milliseconds at a time, by any process that has the time.

Data keys move under the newest epoch, look-ups are written anew under it, those of retired epochs go, certificates
get their addendum. Nothing of it is written down but its results: after a crash any process goes on.

Nothing is opened twice. A key's new wrap replaces the one that was read, or nothing (compare and swap): what is
destroyed meanwhile stays destroyed. Several processes share the work.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from storage.connecting import reading
from storage.errors import CannotUnseal
from storage.evidence import certificates
from storage.keyring_tables import epochs, keep_out
from storage.keys import rows
from storage.keys.cache import MAX_AGE
from storage.keys.epochs import Epoch, live_numbers
from storage.keys.rows import KeyName
from storage.keys.sealing import NONCE_BYTES
from storage.means import Means
from storage.rekeying.reindexing import reindex

AT_ONCE = 100  # keys; a few milliseconds, since turns wait in the same thread
SETTLING = MAX_AGE  # by then every process has opened a new epoch: no turn meets a key that it must ask for
LOOK_AGAIN = timedelta(hours=1)  # for look-ups that a process wrote which did not know the newest epoch yet
BUSY_AGAIN = timedelta(minutes=1)  # for people whom somebody else was busy with


class _Now(NamedTuple):
    """The epochs at this moment: the newest, when it began, which ones live, whether it is the only one ever."""

    newest: int
    began_at: datetime
    live: tuple[int, ...]
    only: bool  # there never was another


class Renewal:
    """Goes on with whatever is left. Each process has its own; several at once share the work."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._damaged: set[KeyName] = set()
        self._after = ""  # how far the pass over the look-ups came
        self._busy = False
        self._passing: tuple[int, ...] = ()  # the epochs that lived when the pass began
        self._passed: tuple[int, ...] = ()  # … when the last whole one began
        self._again_at: datetime | None = None

    def go_on(self) -> bool:
        """Do a little of what is left; say whether there may be more to do at once.

        Raises: KekRefused, KekAway when an older epoch is not open here and cannot be opened.
        """
        with reading(self._means.keyring.engine).begin() as connection:
            now = _now(connection)
        epoch = self._held(now.newest)
        if epoch is not None and self._means.clock() - now.began_at >= SETTLING and not now.only:
            if len(now.live) > 1 and rewrap(self._means, self._damaged):
                return True
            if self._look_ups(now, epoch):
                return True
        return certificates.settle(self._means) > 0

    def _held(self, number: int) -> Epoch | None:
        """Return the newest epoch if it is open here: until then another process, or the next minute, does the work."""
        return next((one for one in self._means.keyring.epochs.live() if one.number == number), None)

    def _look_ups(self, now: _Now, epoch: Epoch) -> bool:
        at = self._means.clock()
        if now.live != self._passing:
            self._after, self._busy, self._passing = "", False, now.live
        elif now.live == self._passed and self._again_at is not None and at < self._again_at:
            return False
        passed = reindex(self._means, self._after, epoch)
        self._after, self._busy = passed.last, self._busy or passed.busy
        if not passed.last:
            self._passed, self._again_at = now.live, at + (BUSY_AGAIN if self._busy else LOOK_AGAIN)
            self._busy = False
        return bool(passed.last)


def _now(connection: Connection) -> _Now:
    every = connection.execute(select(epochs).order_by(epochs.c.epoch.desc())).all()
    live = tuple(row.epoch for row in every if row.retired_at is None)
    return _Now(every[0].epoch, every[0].began_at, live, len(every) == 1)


def rewrap(means: Means, damaged: set[KeyName]) -> int:
    """Wrap some keys anew by the newest epoch; return how many were looked at, 0 when none is left.

    One that a tombstone bars was put back after an erasure: it goes, so that it dies with its epoch at the latest.
    Raises: NotDestroyed where the database keeps it.

    Args: damaged: keys whose wrap does not open, which are passed over; those that are found are added.
    """
    keyring = means.keyring
    with keyring.engine.begin() as connection:
        keep_out(connection, others=False)  # from here on no epoch is retired
        numbers = live_numbers(connection)
        newest = keyring.epochs.newest(connection)
        older = [number for number in numbers if number < newest.number]
        found = rows.wrapped_by(connection, older, AT_ONCE + len(damaged))
        barred = rows.destroy_barred(connection, [_name(row) for row in found])
        sound = [row for row in found if _name(row) not in damaged | barred]
        wraps = [(row, wrap) for row in sound if (wrap := _rewrapped(means, newest, row, damaged))]
        rows.rewrap(connection, newest.number, wraps)
    return len(sound) + len(barred)


def _rewrapped(means: Means, newest: Epoch, row: Row[Any], damaged: set[KeyName]) -> bytes:
    old = means.keyring.epochs.get(row.epoch)
    try:
        return old.rewrap(newest, *_name(row), row.wrapped, means.random(NONCE_BYTES))
    except CannotUnseal:
        damaged.add(_name(row))
        return b""


def _name(row: Row[Any]) -> KeyName:
    return KeyName(row.subject, row.scope, row.version)
