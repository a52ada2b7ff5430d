"""Epochs: the secrets that wrap data keys and key the look-ups. A new one begins about every 30 days.

Several are live at once: new keys are wrapped by the newest, older keys stay under theirs until it is retired. The
provider opens each secret once; it stays in memory, so that no turn waits for the provider.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, Engine, func, insert, select

from storage.connecting import reading
from storage.errors import CannotUnseal, KeyLost
from storage.keyring_tables import epochs, scope_keys
from storage.keys.cache import MAX_AGE
from storage.keys.kek import Provider, Wrapped
from storage.keys.sealing import KEY_BYTES, NONCE_BYTES, SUITE, DataKey, framed

EPOCH = timedelta(days=30)  # design "Sealing"; after that the operator is told to rotate
KEYS_MAX = 2**24  # data keys; so many are rotation's business before 30 days: docs/sealing.md, "Bounds"
MAC_BYTES = 16  # bytes; 128 bits of HMAC-SHA-256: no chance match among any number of people
TENANT = "default"  # one company an installation; authenticated, so that several could share a keyring


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """What is derived from one epoch's secret. Nothing prints it."""

    number: int
    ends_at: datetime
    wrapping: AESGCM = field(repr=False)
    indexing: bytes = field(repr=False)

    @classmethod
    def of(cls, number: int, ends_at: datetime, secret: bytes) -> Epoch:
        """Derive the keys of an epoch from its secret (HKDF-SHA-256, RFC 5869; the label tells the uses apart)."""
        return cls(
            number,
            ends_at,
            AESGCM(_derived(secret, b"askfirst wrap 1")),
            _derived(secret, b"askfirst index 1"),
        )

    def wrap(self, subject: str, scope: str, version: int, secret: bytes, nonce: bytes) -> bytes:
        """Return the secret of a data key, wrapped for this person, scope and version alone."""
        return nonce + self.wrapping.encrypt(nonce, secret, self._bound(subject, scope, version))

    def unwrap(self, subject: str, scope: str, version: int, wrapped: bytes) -> DataKey:
        """Return the data key. Raises CannotUnseal when its wrap is damaged or was moved from elsewhere."""
        return DataKey.of(version, self._secret(subject, scope, version, wrapped))

    def rewrap(
        self, newer: Epoch, subject: str, scope: str, version: int, wrapped: bytes, nonce: bytes
    ) -> bytes:
        """Return the same data key, wrapped by a newer epoch. Raises CannotUnseal."""
        return newer.wrap(subject, scope, version, self._secret(subject, scope, version, wrapped), nonce)

    def mac(self, field: str, normalised: str) -> bytes:
        """Return what a value is looked up by: equal for equal values, and telling nothing without the key."""
        return hmac.digest(self.indexing, framed(field, normalised), "sha256")[:MAC_BYTES]

    def _secret(self, subject: str, scope: str, version: int, wrapped: bytes) -> bytes:
        nonce, body = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return self.wrapping.decrypt(nonce, body, self._bound(subject, scope, version))
        except (InvalidTag, ValueError):
            raise CannotUnseal(
                f"key {version} of {scope} of subject {subject}: its wrap is damaged or moved"
            ) from None

    def _bound(self, subject: str, scope: str, version: int) -> bytes:
        return framed("askfirst data key 1", SUITE, TENANT, subject, scope, version, self.number)


class SealedEpoch(NamedTuple):
    """An epoch as the keyring has it: only the provider opens its secret."""

    number: int
    ends_at: datetime
    wrapped: Wrapped


class Epochs:
    """The live epochs that this process holds, newest first.

    What is retired is forgotten within a minute. What another process began is opened by whoever watches for it
    (`unopened`, `opened`, `hold`), not by a turn; only a key that is wrapped by it is not kept waiting.
    """

    def __init__(
        self,
        engine: Engine,
        provider: Provider,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._reading = reading(engine)
        self._provider = provider
        self._clock = clock
        self._random = random
        self._held: tuple[Epoch, ...] = ()
        self._read_at: datetime | None = None

    def begin_first(self, connection: Connection) -> None:
        """Begin epoch 1 in a new keyring. Raises KekRefused, KekAway."""
        if connection.scalar(select(epochs.c.epoch).limit(1)) is None:
            wrapped = self._provider.wrap(name_of(1), self._random(KEY_BYTES))
            begin(connection, 1, wrapped, self._clock())

    def open(self) -> None:
        """Open every live epoch that is not held yet. Raises KekRefused, KekAway."""
        for sealed in self.unopened():
            self.hold(self.opened(sealed))

    def unopened(self) -> list[SealedEpoch]:
        """Return the live epochs that this process does not hold, newest first."""
        held = {epoch.number for epoch in self._held}
        return [sealed for sealed in self._read() if sealed.number not in held]

    def opened(self, sealed: SealedEpoch) -> Epoch:
        """Return an epoch as the provider opens it; in any thread. Raises KekRefused, KekAway."""
        secret = self._provider.unwrap(name_of(sealed.number), sealed.wrapped)
        return Epoch.of(sealed.number, sealed.ends_at, secret)

    def hold(self, epoch: Epoch) -> None:
        """Work with an epoch from now on, and wrap what is new by it if it is the newest."""
        others = (other for other in self._held if other.number != epoch.number)
        self._held = tuple(sorted((epoch, *others), key=lambda one: -one.number))

    def look_again(self) -> None:
        """Forget what is retired now, not within a minute."""
        self._read()

    def live(self) -> tuple[Epoch, ...]:
        """Return the live epochs that are held, newest first. Raises KekRefused, KekAway where none can be held."""
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < MAX_AGE:
            self._read()
        if not self._held:
            self.open()
        return self._held

    def get(self, number: int) -> Epoch:
        """Return one live epoch. Raises KeyLost when it was retired; KekRefused, KekAway."""
        for epoch in self.live():
            if epoch.number == number:
                return epoch
        for sealed in self.unopened():  # another process has begun it this very minute
            if sealed.number == number:
                self.hold(self.opened(sealed))
                return self.get(number)
        raise KeyLost(f"epoch {number} is retired")

    def newest(self, connection: Connection) -> Epoch:
        """Return the newest live epoch that is held, to wrap by in this transaction.

        The caller keeps others from retiring it meanwhile (`keep_out`): what a dead epoch wraps would be lost.
        """
        numbers = live_numbers(connection)
        held = {epoch.number: epoch for epoch in self._held}
        return next((held[number] for number in numbers if number in held), None) or self.get(numbers[0])

    def _read(self) -> list[SealedEpoch]:
        """Read the live epochs and forget what is not among them."""
        read_at = self._clock()
        query = select(epochs).where(epochs.c.retired_at.is_(None)).order_by(epochs.c.epoch.desc())
        with self._reading.begin() as connection:
            rows = connection.execute(query).all()
        live = {row.epoch for row in rows}
        self._held = tuple(epoch for epoch in self._held if epoch.number in live)
        self._read_at = read_at
        return [SealedEpoch(row.epoch, row.ends_at, Wrapped(row.kek, row.wrapped)) for row in rows]


def begin(connection: Connection, number: int, wrapped: Wrapped, at: datetime) -> None:
    """Write down an epoch that begins now."""
    span = {"began_at": at, "ends_at": at + EPOCH}
    connection.execute(insert(epochs).values(epoch=number, kek=wrapped.kek, wrapped=wrapped.body, **span))


def live_numbers(connection: Connection) -> list[int]:
    """Return the numbers of the live epochs, newest first."""
    live = select(epochs.c.epoch).where(epochs.c.retired_at.is_(None))
    return list(connection.scalars(live.order_by(epochs.c.epoch.desc())))


def is_due(connection: Connection, now: datetime) -> bool:
    """Say whether the newest epoch should have ended, by its time or by the number of keys that it wraps."""
    newest = select(epochs.c.epoch, epochs.c.ends_at).order_by(epochs.c.epoch.desc()).limit(1)
    row = connection.execute(newest).one()
    wrapped = select(scope_keys.c.epoch).where(scope_keys.c.epoch == row.epoch).limit(KEYS_MAX).subquery()
    return (
        bool(row.ends_at <= now) or connection.scalar(select(func.count()).select_from(wrapped)) == KEYS_MAX
    )


def name_of(number: int) -> str:
    """Return the name under which the provider wraps an epoch's secret."""
    return f"epoch {number}"


def _derived(secret: bytes, label: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=label).derive(secret)
