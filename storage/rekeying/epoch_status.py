"""How the epochs stand: what is still wrapped by each, what is found only by it, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from storage.connecting import reading
from storage.evidence import certificates
from storage.keyring_tables import epochs, retired_keks, scope_keys
from storage.keys.cache import MAX_AGE
from storage.keys.epochs import is_due
from storage.means import Means
from storage.tables import index_rows, subjects
from storage.turn.standing import LIVE

CURRENT, OVERDUE, OLDER, RETIRED = "current", "overdue", "live", "retired"
# after the next epoch began: every process has opened it by then, and forgotten older keys
FREEING = 2 * MAX_AGE


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStatus:
    """One epoch. Its `state` is current, overdue (the newest, past its end), live (an older one) or retired."""

    epoch: int
    state: str
    began_at: datetime
    ends_at: datetime
    retired_at: datetime | None
    kek: str
    kek_gone_from: datetime | None  # when the provider will be rid of its KEK
    kek_gone_at: datetime | None  # when that had come true
    keys: int  # data keys that it wraps
    lookups: int  # look-ups of live people under it
    keys_left: int  # of the keys, such that have to move before it can be retired; of the newest: none
    lookups_left: int  # of the look-ups, such that no newer epoch finds; of the newest: none
    free_from: datetime | None  # when every process surely wraps by a newer one; of the newest: never

    @property
    def left(self) -> int:
        """Return how many keys and look-ups have to move before it can be retired."""
        return self.keys_left + self.lookups_left


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysStatus:
    """All epochs, oldest first; `certificates_due`: how many certificates wait for their addendum."""

    epochs: tuple[EpochStatus, ...]
    certificates_due: int

    @property
    def newest(self) -> EpochStatus:
        """Return the epoch that wraps what is new."""
        return self.epochs[-1]

    @property
    def left(self) -> int:
        """Return how many keys and look-ups have to move before all older epochs can be retired."""
        return sum(one.left for one in self.epochs)


def status(means: Means) -> KeysStatus:
    """Return how the epochs stand. It counts every key and look-up: for operators, not for turns."""
    with reading(means.engine).begin() as connection:
        lookups, left = _lookups(connection)
    with reading(means.keyring.engine).begin() as connection:
        count = select(scope_keys.c.epoch, func.count().label("keys")).group_by(scope_keys.c.epoch)
        keys: dict[int, int] = {row.epoch: row.keys for row in connection.execute(count)}
        known = select(epochs, retired_keks.c.gone_from, retired_keks.c.gone_at)
        joined = known.outerjoin(retired_keks, retired_keks.c.epoch == epochs.c.epoch)
        rows = connection.execute(joined.order_by(epochs.c.epoch)).all()
        due = is_due(connection, means.clock())
        owed = certificates.owed(connection)
    following = [row.began_at + FREEING for row in rows[1:]]
    found = tuple(
        _status(row, free_from, keys, lookups, left, due=due)
        for row, free_from in zip(rows, [*following, None], strict=True)
    )
    return KeysStatus(epochs=found, certificates_due=owed)


def _status(
    row: Row[Any],
    free_from: datetime | None,
    keys: Mapping[int, int],
    lookups: Mapping[int, int],
    left: Mapping[int, int],
    *,
    due: bool,
) -> EpochStatus:
    older = RETIRED if row.retired_at else OLDER
    is_newest = free_from is None
    return EpochStatus(
        epoch=row.epoch,
        state=older if not is_newest else OVERDUE if due else CURRENT,
        began_at=row.began_at,
        ends_at=row.ends_at,
        retired_at=row.retired_at,
        kek=row.kek,
        kek_gone_from=row.gone_from,
        kek_gone_at=row.gone_at,
        keys=keys.get(row.epoch, 0),
        lookups=lookups.get(row.epoch, 0),
        keys_left=0 if is_newest else keys.get(row.epoch, 0),
        lookups_left=0 if is_newest else left.get(row.epoch, 0),
        free_from=free_from,
    )


def _lookups(connection: Connection) -> tuple[dict[int, int], dict[int, int]]:
    """Return, by epoch, how many look-ups of live people there are under it, and how many under none that is newer."""
    live = subjects.c.status == LIVE
    of_live = index_rows.join(subjects, subjects.c.subject == index_rows.c.subject)
    every = select(index_rows.c.epoch, func.count().label("number")).select_from(of_live).where(live)
    newest = select(func.max(index_rows.c.epoch).label("epoch")).select_from(of_live).where(live)
    by_value = newest.group_by(index_rows.c.subject, index_rows.c.field).subquery()
    last = select(by_value.c.epoch, func.count().label("number")).group_by(by_value.c.epoch)
    return (
        {row.epoch: row.number for row in connection.execute(every.group_by(index_rows.c.epoch))},
        {row.epoch: row.number for row in connection.execute(last)},
    )
