"""Signatures that outlive keys and people: Ed25519, one key for evidence (receipts, certificates), one for the audit.

Their private halves are wrapped by the provider, apart from the epochs: retiring an epoch leaves every proof checkable.
A rotation wraps them anew by the new KEK, so that the old one can be destroyed.

A row of the table proves nothing by itself: whoever can write there could add a key of their own. A key counts when its
private half opens, under its own name, and makes the public one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, Row, Select, insert, select, update

from storage.errors import KekRefused
from storage.keyring_tables import signing_keys
from storage.keys.kek import Provider, Wrapped
from storage.keys.sealing import KEY_BYTES, framed

Use = Literal["evidence", "audit"]
REMEDY = "Put that row back from a backup of the keyring; if it was never yours, delete it from signing_keys"


class SigningKeys:
    """The newest private key of each use, and every public key there ever was, as far as they are the desk's own.

    `faults` has one line for each row that is not; such a row is left out, so that it can neither prove anything nor
    stop the desk.
    """

    def __init__(
        self, provider: Provider, clock: Callable[[], datetime], random: Callable[[int], bytes]
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._random = random
        self._signing: dict[str, tuple[str, Ed25519PrivateKey]] = {}
        self._public: Mapping[str, bytes] = {}
        self.faults: tuple[str, ...] = ()

    def begin_first(self, connection: Connection) -> None:
        """Make the key of each use that has none. Raises KekRefused, KekAway."""
        for use in get_args(Use):
            if connection.execute(_of(use)).first() is None:
                connection.execute(insert(signing_keys).values(self._made(use)))

    def open(self, rows: Sequence[Row[Any]]) -> None:
        """Open every key, oldest first; the newest of each use signs.

        Raises: KekAway; KekRefused when none of a use opens.
        """
        public: dict[str, bytes] = {}
        signing: dict[str, tuple[str, Ed25519PrivateKey]] = {}
        faults: dict[str, KekRefused] = {}
        for row in rows:
            try:
                use, key = self._opened(row)
            except KekRefused as refusal:
                faults[row.kid] = refusal
                continue
            public[row.kid] = key.public_key().public_bytes_raw()
            signing[use] = row.kid, key
            if public[row.kid] != row.public:
                faults[row.kid] = KekRefused(f"the public half of signing key {row.kid} was changed")
        if len(signing) < len(get_args(Use)):
            raise next(iter(faults.values()))
        self._public, self._signing = public, signing
        self.faults = tuple(f"{fault}. {REMEDY}" for fault in faults.values())

    def sign(self, use: Use, domain: str, payload: bytes) -> tuple[str, bytes]:
        """Return (kid, signature) over the domain and the payload; `domain` says what kind of proof this is."""
        kid, key = self._signing[use]
        return kid, key.sign(framed(domain, payload))

    def public(self) -> Mapping[str, bytes]:
        """Return every public key that is the desk's own, 32 bytes each, by its kid, oldest first."""
        return dict(self._public)

    def rewrapped(self, rows: Sequence[Row[Any]]) -> dict[str, Wrapped]:
        """Return the private halves that open here, wrapped by the current KEK, by their kid.

        Raises: KekRefused, KekAway.
        """
        return {
            row.kid: self._provider.wrap(_name(row.kid), self._opened(row)[1].private_bytes_raw())
            for row in rows
            if row.kid in self._public
        }

    def _opened(self, row: Row[Any]) -> tuple[Use, Ed25519PrivateKey]:
        """Return what a key signs, and its private half.

        The wrap is bound to the name, and the name to the use and the public half. Raises KekRefused, KekAway.
        """
        secret = self._provider.unwrap(_name(row.kid), Wrapped(row.kek, row.wrapped))
        key = Ed25519PrivateKey.from_private_bytes(secret)
        public = key.public_key().public_bytes_raw()
        return next(use for use in get_args(Use) if row.kid == kid_of(use, public)), key

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
    """Return every signing key as it stands there, its private half wrapped, oldest first."""
    oldest = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid.desc())
    rows: Sequence[Row[Any]] = connection.execute(oldest).all()
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


def _of(use: str) -> Select[Any]:
    return select(signing_keys.c.kid).where(signing_keys.c.kid.like(f"{use}-%")).limit(1)


def _name(kid: str) -> str:
    return f"signing key {kid}"
