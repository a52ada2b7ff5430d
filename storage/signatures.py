"""Signatures that outlive keys and people: Ed25519, one key for evidence (receipts, certificates), one for the audit.

Their private halves are wrapped by the provider, apart from the epochs: retiring an epoch leaves every proof checkable.
A rotation wraps them anew by the new KEK, so that the old one can be destroyed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, Row, Select, insert, select, update

from storage.kek import Provider, Wrapped
from storage.keyring_tables import signing_keys
from storage.sealing import KEY_BYTES, framed

Use = Literal["evidence", "audit"]


class SigningKeys:
    """The newest private key of each use, and every public key there ever was."""

    def __init__(
        self, provider: Provider, clock: Callable[[], datetime], random: Callable[[int], bytes]
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._random = random
        self._signing: dict[str, tuple[str, Ed25519PrivateKey]] = {}

    def begin_first(self, connection: Connection) -> None:
        """Make the key of each use that has none. Raises KekRefused, KekAway."""
        for use in get_args(Use):
            if connection.execute(_newest(use)).first() is None:
                connection.execute(insert(signing_keys).values(self._made(use)))

    def open(self, connection: Connection) -> None:
        """Open the newest key of each use. Raises KekRefused, KekAway."""
        for use in get_args(Use):
            row = connection.execute(_newest(use)).one()
            secret = self._provider.unwrap(_name(row.kid), Wrapped(row.kek, row.wrapped))
            self._signing[use] = row.kid, Ed25519PrivateKey.from_private_bytes(secret)

    def sign(self, use: Use, domain: str, payload: bytes) -> tuple[str, bytes]:
        """Return (kid, signature) over the domain and the payload; `domain` says what kind of proof this is."""
        kid, key = self._signing[use]
        return kid, key.sign(framed(domain, payload))

    def public(self, connection: Connection) -> Mapping[str, bytes]:
        """Return every public key, 32 bytes each, by its kid."""
        query = select(signing_keys.c.kid, signing_keys.c.public).order_by(signing_keys.c.created_at)
        return {row.kid: row.public for row in connection.execute(query)}

    def rewrapped(self, rows: Sequence[Row[Any]]) -> dict[str, Wrapped]:
        """Return the private halves, wrapped by the current KEK, by their kid. Raises KekRefused, KekAway."""
        return {
            row.kid: self._provider.wrap(
                _name(row.kid), self._provider.unwrap(_name(row.kid), Wrapped(row.kek, row.wrapped))
            )
            for row in rows
        }

    def _made(self, use: str) -> dict[str, object]:
        secret = self._random(KEY_BYTES)
        public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        kid = kid_of(use, public)
        kek, body = self._provider.wrap(_name(kid), secret)
        return {
            "kid": kid,
            "use": use,
            "public": public,
            "kek": kek,
            "wrapped": body,
            "created_at": self._clock(),
        }


def kid_of(use: str, public: bytes) -> str:
    """Return the name of a public key: what it signs, and the beginning of its own hash. So no other can take it."""
    return f"{use}-{sha256(public).hexdigest()[:16]}"


def sealed(connection: Connection) -> Sequence[Row[Any]]:
    """Return every signing key as it stands there, its private half wrapped."""
    rows: Sequence[Row[Any]] = connection.execute(select(signing_keys)).all()
    return rows


def put(connection: Connection, rewrapped: Mapping[str, Wrapped]) -> None:
    """Replace wraps of private halves."""
    for kid, (kek, body) in rewrapped.items():
        connection.execute(
            update(signing_keys).where(signing_keys.c.kid == kid).values(kek=kek, wrapped=body)
        )


def verify(public: bytes, domain: str, payload: bytes, signature: bytes) -> bool:
    """Say whether the holder of this public key signed exactly this payload as this kind of proof."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, framed(domain, payload))
    except InvalidSignature:
        return False
    return True


def _newest(use: str) -> Select[Any]:
    of_use = select(signing_keys).where(signing_keys.c.use == use)
    return of_use.order_by(signing_keys.c.created_at.desc(), signing_keys.c.kid).limit(1)


def _name(kid: str) -> str:
    return f"signing key {kid}"
