"""A thief who took a copy of the data database, and tries out everything that anybody may have typed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Set
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Table, select

from storage.keys.sealing import framed
from tests.second_sealing import hkdf

# Whole digests, since what is compared is their beginning: 16 bytes, as hashes are commonly cut.
DIGESTS = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s")
KEY = 32  # bytes of every key here
KEPT_BYTES = 16  # bytes of a digest that are compared; nothing that is kept is shorter


def loot(connection: Connection, tables: Iterable[Table]) -> list[Any]:
    """Return every value of every row of these tables."""
    return [
        value for table in tables for row in connection.execute(select(table)) for value in row if value != ""
    ]


class Thief:
    """Compares what was taken with what can be computed from a guess and from the rest of what was taken."""

    def __init__(self, taken: Iterable[Any]) -> None:
        """Sort the loot: what may be a digest, what may be part of what was digested, what may be a key."""
        values = list(taken)
        self._blobs = {bytes(one) for one in values if isinstance(one, bytes | memoryview)}
        self._texts = {str(one) for one in values if isinstance(one, str | int)}
        hidden = self._blobs | {raw for text in self._texts if (raw := _unhexed(text))}
        self._digests = {one[:KEPT_BYTES] for one in hidden if len(one) >= KEPT_BYTES}

    def confirms(self, guess: str, names: Iterable[str], *, keyed: bool = False) -> bool:
        """Say whether a guess matches anything: bare, beside any of these names, `keyed`: with all that was taken."""
        if guess in self._texts or any(guess.encode() in blob for blob in self._blobs):
            return True
        for written in _ways(guess, names):
            if not self._digests.isdisjoint(_digests(written)):
                return True
            if keyed and not self._digests.isdisjoint(self._keyed(written)):
                return True
        return False

    def _keyed(self, written: bytes) -> Iterator[bytes]:
        for key in self._blobs | {text.encode() for text in self._texts}:
            yield hmac.digest(key, written, "sha256")[:KEPT_BYTES]


def keys_in(taken: Iterable[Any]) -> set[bytes]:
    """Return everything of 32 bytes that may be a key: blobs and their ends, what texts spell or digest to."""
    blobs = {bytes(one) for one in taken if isinstance(one, bytes | memoryview)}
    texts = {str(one) for one in taken if isinstance(one, str | int)}
    blobs |= {_unhexed(text) for text in texts} | {hashlib.sha256(text.encode()).digest() for text in texts}
    ends = {end for blob in blobs for end in (blob[:KEY], blob[-KEY:], hkdf(blob, b"askfirst wrap 1"))}
    return {one for one in ends if len(one) == KEY}


def opens(key: bytes, sealed: bytes, with_it: bytes) -> bool:
    """Say whether a key opens nonce, ciphertext and tag."""
    try:
        AESGCM(key).decrypt(sealed[:12], sealed[12:], with_it)
    except InvalidTag:
        return False
    return True


def _ways(guess: str, names: Iterable[str]) -> Set[bytes]:
    """Return how a guess may have been written down before it was digested."""
    raw = guess.encode()
    ways = {raw, framed(raw)}
    for name in names:
        ways |= {framed(name, guess)}
        ways |= {name.encode() + between + raw for between in (b"", b"\0", b"/", b":", b" ")}
    return ways


def _digests(written: bytes) -> Iterator[bytes]:
    for name in DIGESTS:
        yield hashlib.new(name, written).digest()[:KEPT_BYTES]


def _unhexed(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
