"""The keyring: every person's data keys, wrapped; look-ups; tombstones; signatures.

It has a database of its own and commits apart from the data. So: a key is created before the data sealed under it, and
destroyed before that data is deleted. Whoever holds only the data, or an old copy of it, holds nothing once the key
is gone. An erased person leaves a tombstone, and a key insert conflicts with it: nobody comes back.

On PostgreSQL the conflict holds in a race too: who creates a key takes an advisory lock shared, who destroys
takes it alone, both before looking and until their commit (READ COMMITTED sees, in the statement after the wait, what
the other has committed). On SQLite the write lock does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from storage.connecting import FAULTS, reading, truncate_wal
from storage.keyring_tables import epochs, insert_new, keep_out, prepare, scope_keys
from storage.keys import checkpoints, rows, signatures
from storage.keys.cache import KeyCache, Name, Versions
from storage.keys.checkpoints import Checkpoint
from storage.keys.epochs import Epoch, Epochs, is_due
from storage.keys.kek import Provider
from storage.keys.rows import EVERYTHING, KeyName
from storage.keys.sealing import KEY_BYTES, NONCE_BYTES, DataKey
from storage.keys.signatures import SigningKeys, Use


class Keyring:
    """Everything that is done with keys. Synchronous; called in the storage thread; may be read from two threads.

    `engine`, `provider`, `epochs` and `signing` are there for what is done with epochs: rotation, retirement, proofs.
    """

    def __init__(
        self,
        engine: Engine,
        provider: Provider,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self.engine = engine
        self.provider = provider
        self._reading = reading(engine)
        self._clock = clock
        self._random = random
        self.epochs = Epochs(engine, provider, clock, random)
        self.signing = SigningKeys(provider, clock, random)
        self._cache = KeyCache()

    def open(self) -> None:
        """Create what a new keyring needs, then open the epochs and the signing keys.

        Where there is a keyring already, the provider is asked while nothing is locked: a slow one keeps this process
        waiting, not those that serve. Raises: KekRefused when the provider cannot be used; KekAway; SchemaTooNew.
        """
        with self.engine.begin() as connection:
            prepare(connection)
            rows.begin_counting(connection, self._random(16).hex())
            self.epochs.begin_first(connection)
            self.signing.begin_first(connection)
        with self._reading.begin() as connection:
            signing = signatures.sealed(connection)
        self.signing.open(signing)
        self.epochs.open()

    def create(self, names: Sequence[Name]) -> dict[Name, DataKey]:
        """Return the newest key of each (subject, scope), made and committed where there is none.

        One that a turn has left without data is as good as new: no sweep takes it for an orphan within the next hour.
        Raises: SubjectErased when any of them was erased; then none is made.
        """
        read_at = self._clock()
        with self.engine.begin() as connection:
            keep_out(connection, others=False)
            epoch = self.epochs.newest(connection)
            rows.refuse_erased(connection, names)
            opened = self._opened(connection, names)
            if opened:
                rows.made_again(connection, opened, read_at)
            fresh = [name for name in dict.fromkeys(names) if name not in opened]
            if fresh:
                opened |= self._put(connection, epoch, fresh, read_at)
        self._keep(opened, read_at)
        return {name: versions[max(versions)] for name, versions in opened.items()}

    def keys(
        self, names: Collection[Name], *, fresh: bool = False, passing: bool = False
    ) -> dict[Name, Versions]:
        """Return all live versions of the key of each (subject, scope); who has none is absent.

        They may be up to a minute old, unless `fresh`. `passing`: read fresh and not remembered; for whoever goes
        through everybody.
        """
        if passing:
            with self._reading.begin() as connection:
                return self._opened(connection, names)
        now = self._clock()
        cached = {name: None if fresh else self._cache.get(name, now) for name in names}
        found = {name: versions for name, versions in cached.items() if versions is not None}
        return found | self._read([name for name in cached if name not in found])

    def destroy(
        self, subject: str, scopes: Sequence[str] | None, *, tombstone: bool, at: datetime
    ) -> tuple[str, ...]:
        """Destroy a person's keys of these scopes, or (None) all; return the scopes that are gone, sorted.

        With `tombstone` they are gone for good. Doing it again changes nothing and returns the same, so an erasure
        can be resumed. Other processes may read from their memory for at most 60 s more; this one forgets at once.
        Raises: NotDestroyed.
        """
        with self.engine.begin() as connection:
            keep_out(connection, others=True)
            gone = rows.destroy(connection, rows.of_person(subject, scopes))
            if tombstone:
                rows.bury(connection, subject, [*gone, EVERYTHING] if scopes is None else scopes, at)
                gone |= rows.erased_scopes(connection, subject)
        self._cache.drop(subject)
        return tuple(sorted(gone - {EVERYTHING} if scopes is None else gone & set(scopes)))

    def orphans(self, older_than: datetime) -> list[KeyName]:
        """Return the keys made before this time that nobody has settled yet, oldest first.

        The caller looks for data under each: `settle` those that have some, `discard_orphans` of the rest.
        """
        with self._reading.begin() as connection:
            return rows.unsettled(connection, older_than)

    def settle(self, names: Iterable[tuple[str, str, int]]) -> None:
        """Note that data exists under these keys: `orphans` does not return them again."""
        with self.engine.begin() as connection:
            rows.settle(connection, names)

    def discard(self, names: Collection[tuple[str, str, int]]) -> None:
        """Destroy exactly these versions; the person may have others, and new ones."""
        with self.engine.begin() as connection:
            rows.discard(connection, names)
        for subject, scope, _ in names:
            self._cache.drop_scope(subject, scope)

    def discard_orphans(self, names: Collection[KeyName], older_than: datetime) -> int:
        """Destroy those of these versions that nobody has asked for since this time; return how many went."""
        with self.engine.begin() as connection:
            # whoever makes such a key again has committed that, or makes a new one
            keep_out(connection, others=True)
            gone = rows.discard_orphans(connection, names, older_than)
        for subject in gone:
            self._cache.drop(subject)
        return len(gone)

    def macs(self, field: str, normalised: str) -> list[tuple[int, bytes]]:
        """Return (epoch, 16 bytes) of a value for look-up, newest epoch first: all are stored and asked for."""
        return [(epoch.number, epoch.mac(field, normalised)) for epoch in self.epochs.live()]

    def tombstones(self) -> int:
        """Return how many tombstones there are: an older keyring has fewer."""
        with self._reading.begin() as connection:
            return rows.count_tombstones(connection)

    def checkpoint(self) -> Checkpoint:
        """Return which keyring this is and how many tombstones it holds."""
        with self._reading.begin() as connection:
            return checkpoints.of_keyring(connection)

    def sign(self, use: Use, domain: str, payload: bytes) -> tuple[str, bytes]:
        """Return (kid, Ed25519 signature); `domain` says what kind of proof it is (`storage.keys.signatures`)."""
        return self.signing.sign(use, domain, payload)

    def public_keys(self) -> Mapping[str, bytes]:
        """Return every public key of this desk there ever was, by its kid."""
        return self.signing.public()

    def ready(self) -> bool:
        """Say whether the keyring database answers and holds an epoch."""
        try:
            with self._reading.begin() as connection:
                return connection.scalar(select(epochs.c.epoch).limit(1)) is not None
        except FAULTS:
            return False

    @property
    def overdue(self) -> bool:
        """Whether the newest epoch should have ended: the operator is to rotate."""
        with self._reading.begin() as connection:
            return is_due(connection, self._clock())

    @property
    def cache_hits(self) -> int:
        """How many scopes were opened from memory since the start."""
        return self._cache.hits

    def scrub(self) -> bool:
        """Empty SQLite's write-ahead log, where destroyed keys would live on; False: a reader holds it, try later."""
        return truncate_wal(self.engine)

    def _put(
        self, connection: Connection, epoch: Epoch, names: Sequence[Name], at: datetime
    ) -> dict[Name, Versions]:
        """Make the first version of these keys; where another process was faster, its key counts."""
        secrets = {name: self._random(KEY_BYTES) for name in names}
        wrapped = [self._made(epoch, name, 1, secret, at) for name, secret in secrets.items()]
        inserting = insert_new(connection, scope_keys).returning(scope_keys.c.subject, scope_keys.c.scope)
        ours = {(subject, scope) for subject, scope in connection.execute(inserting, wrapped).all()}
        made = {name: {1: DataKey.of(1, secrets[name])} for name in ours}
        return made | self._opened(connection, [name for name in names if name not in ours])

    def _made(self, epoch: Epoch, name: Name, version: int, secret: bytes, at: datetime) -> dict[str, object]:
        subject, scope = name
        wrapped = epoch.wrap(subject, scope, version, secret, self._random(NONCE_BYTES))
        key = {
            "subject": subject,
            "scope": scope,
            "version": version,
            "epoch": epoch.number,
            "wrapped": wrapped,
        }
        return key | {"created_at": at, "settled": False}

    def _read(self, names: Collection[Name]) -> dict[Name, Versions]:
        if not names:
            return {}
        read_at = self._clock()
        with self._reading.begin() as connection:
            opened = self._opened(connection, names)
        self._keep(opened, read_at)
        return opened

    def _opened(self, connection: Connection, names: Collection[Name]) -> dict[Name, Versions]:
        opened: dict[Name, Versions] = {}
        for name, found in rows.stored(connection, names).items():
            keys = {
                row.version: self.epochs.get(row.epoch).unwrap(*name, row.version, row.wrapped)
                for row in found
            }
            opened[name] = keys
        return opened

    def _keep(self, opened: Mapping[Name, Versions], read_at: datetime) -> None:
        for name, versions in opened.items():
            self._cache.put(name, versions, read_at)
