"""Sealing: one value under one data key, bound to the one place where it may stand.

    envelope = magic ‖ suite ‖ key version ‖ nonce ‖ ciphertext ‖ tag
                 2       1         4           12      n·64       16   bytes

The place is authenticated, not stored: an envelope that is moved to another row, column or person, or put back in place
of a newer one, does not open. `docs/sealing.md` has the construction with vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import CannotUnseal, KeyLost, UnknownSuite

MAGIC = b"AF"
SUITE = 1  # AES-256-GCM, padding 0x80 00…
KEY_BYTES = 32  # bytes; AES-256
NONCE_BYTES = 12  # bytes; NIST SP 800-38D §8.2.2, drawn at random: at most 2^32 envelopes a key
TAG_BYTES = 16  # bytes; the full tag, NIST SP 800-38D §5.2.1.2
PADDING_STEP = 64  # bytes; a name, a phone and most e-mail addresses come out equally long
HEADER = Struct(">2sBI")  # magic, suite, key version
PREFIX_BYTES = HEADER.size + NONCE_BYTES
LENGTH = Struct(">I")  # before each part of a framing
NUMBER = Struct(">Q")  # key versions, revisions and epochs inside a framing


class Place(NamedTuple):
    """Where a sealed value stands: whose, which column of which table, which row, and the row's revision."""

    subject: str
    table: str
    column: str
    row: str
    revision: int


@dataclass(frozen=True, slots=True, eq=False)
class DataKey:
    """One version of the key of one scope of one person. Nothing prints it, and it cannot be pickled."""

    version: int
    cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, version: int, secret: bytes) -> DataKey:
        """Return the key made of 32 secret bytes."""
        return cls(version, AESGCM(secret))


def framed(*parts: str | bytes | int) -> bytes:
    """Return the parts, each after its length, so that no two lists of parts ever read alike."""
    framing: list[bytes] = []
    for part in parts:
        raw = part.encode() if isinstance(part, str) else NUMBER.pack(part) if isinstance(part, int) else part
        framing += LENGTH.pack(len(raw)), raw
    return b"".join(framing)


_BEGINNING = LENGTH.pack(len(MAGIC)) + MAGIC + LENGTH.pack(NUMBER.size) + NUMBER.pack(SUITE)
_NUMBERS = Struct(">IQIQ")  # two numbers, each after its length
_PADDING = tuple(b"\x80".ljust(length, b"\x00") for length in range(PADDING_STEP + 1))  # by its length


def seal(key: DataKey, place: Place, plaintext: bytes, nonce: bytes, *, powers_of_two: bool = False) -> bytes:
    """Return the envelope of a value for this place.

    The nonce is 12 fresh random bytes: never the same twice under one key. `powers_of_two` hides the length of
    free text better than 64-byte steps do. Nothing is compressed: a compressed length tells about the content.
    """
    header = HEADER.pack(MAGIC, SUITE, key.version)
    padded = _pad(plaintext, powers_of_two=powers_of_two)
    return header + nonce + key.cipher.encrypt(nonce, padded, _bound(place, key.version))


def unseal(key_of: Callable[[int], DataKey] | Mapping[int, DataKey], place: Place, envelope: bytes) -> bytes:
    """Return the value of an envelope that stands at this place.

    `key_of` gives the key of a version: a function, or a mapping. The key is picked by its version, never by trial.

    Raises: UnknownSuite when this is no envelope of a known construction; KeyLost when the key it names is gone;
    CannotUnseal when it is damaged, stands elsewhere, or is not the row's newest.
    """
    version = key_version(envelope)
    if (len(envelope) - PREFIX_BYTES - TAG_BYTES) % PADDING_STEP or len(
        envelope
    ) < PREFIX_BYTES + PADDING_STEP:
        raise CannotUnseal(f"{_name(place)}: {len(envelope)} bytes are not a whole envelope")
    try:
        key = key_of(version) if callable(key_of) else key_of[version]
    except KeyError:
        raise KeyLost(f"{_name(place)}: key version {version} is gone") from None
    nonce, sealed = envelope[HEADER.size : PREFIX_BYTES], envelope[PREFIX_BYTES:]
    try:
        return _unpad(key.cipher.decrypt(nonce, sealed, _bound(place, version)), place)
    except InvalidTag:
        raise CannotUnseal(f"{_name(place)}: damaged, moved or rolled back") from None


def key_version(envelope: bytes) -> int:
    """Return the version of the key that an envelope names. Raises UnknownSuite when this is no such envelope."""
    if len(envelope) < HEADER.size:
        raise UnknownSuite(f"{len(envelope)} bytes are no envelope")
    magic, suite, version = HEADER.unpack_from(envelope)
    if magic != MAGIC:
        raise UnknownSuite("no envelope: it does not begin like one")
    if suite != SUITE:
        raise UnknownSuite(f"suite {suite} is not known to this version, only {SUITE} is")
    return int(version)


def _bound(place: Place, version: int) -> bytes:
    """Return `framed(MAGIC, SUITE, *place up to row, version, revision)`; unrolled, for every value passes here."""
    subject, table, column, row, revision = place
    whose, which = subject.encode(), row.encode()
    return b"".join(
        (
            _BEGINNING,
            LENGTH.pack(len(whose)),
            whose,
            _column(table, column),
            LENGTH.pack(len(which)),
            which,
            _NUMBERS.pack(NUMBER.size, version, NUMBER.size, revision),
        )
    )


@lru_cache(128)  # columns; the schema has far fewer
def _column(table: str, column: str) -> bytes:
    return framed(table, column)


def _pad(plaintext: bytes, *, powers_of_two: bool) -> bytes:
    size = len(plaintext)
    if not powers_of_two:
        return plaintext + _PADDING[PADDING_STEP - size % PADDING_STEP]
    padded = max(PADDING_STEP, 1 << size.bit_length())
    return plaintext + b"\x80".ljust(padded - size, b"\x00")


def _unpad(padded: bytes, place: Place) -> bytes:
    plaintext, mark, zeros = padded.rpartition(b"\x80")
    if not mark or zeros.strip(b"\x00"):
        raise CannotUnseal(f"{_name(place)}: its padding is not ours")
    return plaintext


def _name(place: Place) -> str:
    return f"{place.table}.{place.column} of row {place.row}, revision {place.revision}"
