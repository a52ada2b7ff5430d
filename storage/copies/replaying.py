"""After a restore: whoever was erased since goes again, and what lost its key goes, before anything is served.

The keyring is the current one. Tombstones say what was erased; a scope that has neither a key nor a tombstone was moved
to another key, by a correction or a consent, and its rows of then cannot be opened any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, select

from storage.connecting import reading
from storage.copies import mending
from storage.copies.restored_people import Keys
from storage.evidence import certificates
from storage.keyring_tables import scope_keys
from storage.keys import rows
from storage.keys.rows import EVERYTHING, KeyName
from storage.means import Means
from storage.people import erasure, orphans
from storage.rekeying.reindexing import reindex
from storage.tables import erasures, subjects

AT_ONCE = 500  # people in one transaction; bounds the parameters of its queries


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many people the backup held, how many of them went again, and how many lost something."""

    people: int = 0
    erased: int = 0
    mended: int = 0

    def __add__(self, other: Replayed) -> Replayed:
        """Return both together."""
        return Replayed(self.people + other.people, self.erased + other.erased, self.mended + other.mended)


def finish_erasures(means: Means) -> None:
    """Bring the erasures that were under way when the backup was taken to their end, unless they came to it since."""
    with means.engine.begin() as connection:
        begun = erasure.unfinished(connection)
        certified = [one for one in begun if certificates.certificate(means, one) is not None]
        connection.execute(delete(erasures).where(erasures.c.id.in_(certified)))
    for one in begun:
        if one not in certified:
            erasure.finish(means, one)


def replay(means: Means, keyring_engine: Engine, now: datetime) -> Replayed:
    """Take away what may not come back, and have everybody else in a state from which they can go on."""
    done = Replayed()
    for some in _people(means.engine):
        with reading(keyring_engine).begin() as connection:
            keys = Keys(rows.living(connection, some), rows.buried(connection, some))
        done += _replay(means, some, keys, now)
    return done


def _replay(means: Means, some: Sequence[str], keys: Keys, now: datetime) -> Replayed:
    gone = {subject: keys.buried[subject][EVERYTHING] for subject in some if keys.is_gone(subject)}
    with means.engine.begin() as connection:
        for subject, at in gone.items():
            erasure.delete_person(connection, subject, at, "")
        mended = mending.mend(means, connection, [one for one in some if one not in gone], keys, now)
    return Replayed(len(some), len(gone), mended)


def _people(engine: Engine) -> Iterator[list[str]]:
    last = ""
    while True:
        following = select(subjects.c.subject).where(subjects.c.subject > last)
        with reading(engine).begin() as connection:
            some = list(connection.scalars(following.order_by(subjects.c.subject).limit(AT_ONCE)))
        if not some:
            return
        yield some
        last = some[-1]


def find_again(means: Means) -> None:
    """Write look-ups anew under the newest epoch: nobody is found by those of an epoch that was retired since."""
    newest, last = means.keyring.epochs.live()[0], ""
    while last := reindex(means, last, newest).last:
        pass


def unsettle_lost(means: Means, keyring_engine: Engine) -> None:
    """Have the keys under which nothing stands any more taken for orphans: the next sweep destroys them."""
    last = ""
    while True:
        owners = select(scope_keys.c.subject).where(scope_keys.c.subject > last).distinct()
        with reading(keyring_engine).begin() as connection:
            some = list(connection.scalars(owners.order_by(scope_keys.c.subject).limit(AT_ONCE)))
            named = select(scope_keys.c.subject, scope_keys.c.scope, scope_keys.c.version)
            names = [KeyName(*row) for row in connection.execute(named.where(scope_keys.c.subject.in_(some)))]
        if not some:
            return
        lost = orphans.unused(means, names)
        with keyring_engine.begin() as connection:
            rows.unsettle(connection, lost)
        last = some[-1]
