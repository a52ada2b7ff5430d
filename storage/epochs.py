"""Epochs: the secrets that wrap data keys and key the look-ups. A new one begins about every 30 days.

Several are live at once: new keys are wrapped by the newest, older keys stay under theirs until it is retired. The
provider opens each secret once; it stays in memory, so that no turn waits for the provider.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, Engine, insert, select

from storage.connecting import reading
from storage.errors import CannotUnseal, KeyLost
from storage.kek import Provider, Wrapped
from storage.key_cache import MAX_AGE
from storage.keyring_tables import epochs
from storage.sealing import KEY_BYTES, NONCE_BYTES, SUITE, DataKey, framed

EPOCH = timedelta(days=30)  # design "Sealing"; after that the operator is told to rotate
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
        nonce, body = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return DataKey.of(
                version, self.wrapping.decrypt(nonce, body, self._bound(subject, scope, version))
            )
        except (InvalidTag, ValueError):
            raise CannotUnseal(
                f"key {version} of {scope} of subject {subject}: its wrap is damaged or moved"
            ) from None

    def mac(self, field: str, normalised: str) -> bytes:
        """Return what a value is looked up by: equal for equal values, and telling nothing without the key."""
        return hmac.digest(self.indexing, framed(field, normalised), "sha256")[:MAC_BYTES]

    def _bound(self, subject: str, scope: str, version: int) -> bytes:
        return framed("askfirst data key 1", SUITE, TENANT, subject, scope, version, self.number)


class Epochs:
    """The live epochs, newest first. Another process's new epoch is noticed within a minute."""

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
        self._live: tuple[Epoch, ...] = ()
        self._read_at: datetime | None = None

    def begin_first(self, connection: Connection) -> None:
        """Begin epoch 1 in a new keyring. Raises KekRefused."""
        if connection.scalar(select(epochs.c.epoch).limit(1)) is not None:
            return
        now = self._clock()
        wrapped = self._provider.wrap(_name(1), self._random(KEY_BYTES))
        row = {
            "epoch": 1,
            "kek": wrapped.kek,
            "wrapped": wrapped.body,
            "began_at": now,
            "ends_at": now + EPOCH,
        }
        connection.execute(insert(epochs).values(row))

    def live(self) -> tuple[Epoch, ...]:
        """Return the live epochs, newest first. Raises KekRefused when the provider will not open one."""
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < MAX_AGE:
            self._live = self._read()
            self._read_at = now
        return self._live

    def get(self, number: int) -> Epoch:
        """Return one live epoch. Raises KeyLost when it was retired."""
        for epoch in self.live():
            if epoch.number == number:
                return epoch
        self._read_at = None  # another process may have begun it this very minute
        for epoch in self.live():
            if epoch.number == number:
                return epoch
        raise KeyLost(f"epoch {number} is retired")

    def _read(self) -> tuple[Epoch, ...]:
        known = {epoch.number: epoch for epoch in self._live}
        query = select(epochs).where(epochs.c.retired_at.is_(None)).order_by(epochs.c.epoch.desc())
        with self._reading.begin() as connection:
            rows = connection.execute(query).all()
        return tuple(
            known.get(row.epoch)
            or Epoch.of(
                row.epoch, row.ends_at, self._provider.unwrap(_name(row.epoch), Wrapped(row.kek, row.wrapped))
            )
            for row in rows
        )


def _name(number: int) -> str:
    return f"epoch {number}"


def _derived(secret: bytes, label: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=label).derive(secret)
