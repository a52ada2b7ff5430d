"""Sealing once more, from docs/sealing.md and the standards alone: nothing here is the desk's own.

Of a library it takes one thing, the AES block. Whoever can read this can open what Askfirst has written.
"""

from __future__ import annotations

import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK = 16  # bytes
REDUCTION = 0xE1 << 120  # NIST SP 800-38D §6.3: the polynomial of GHASH, bits in its order


class WrongTag(Exception):
    """What was to be opened is not what was sealed, or not here."""


def framed(*parts: bytes) -> bytes:
    """Each part after its length."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def number(value: int) -> bytes:
    """A number inside a framing."""
    return struct.pack(">Q", value)


def padded(value: bytes, *, powers_of_two: bool = False) -> bytes:
    """0x80, then 0x00 up to a multiple of 64 bytes, or to a power of two that is at least 64."""
    size = 64
    while size < len(value) + 1:
        size = size * 2 if powers_of_two else size + 64
    return value + b"\x80" + bytes(size - len(value) - 1)


def bound(
    subject: str, table: str, column: str, row: str, version: int, revision: int, *, suite: int = 1
) -> bytes:
    """What is authenticated with an envelope."""
    words = [word.encode() for word in (subject, table, column, row)]
    return framed(b"AF", number(suite), *words, number(version), number(revision))


def sealed(key: bytes, version: int, nonce: bytes, content: bytes, with_it: bytes) -> bytes:
    """An envelope around padded content."""
    return b"AF\x01" + struct.pack(">I", version) + nonce + gcm_encrypt(key, nonce, content, with_it)


def opened(key: bytes, envelope: bytes, with_it: bytes) -> bytes:
    """The value in an envelope. Raises WrongTag."""
    assert envelope[:3] == b"AF\x01"
    content = gcm_decrypt(key, envelope[7:19], envelope[19:], with_it)
    value, mark, zeros = content.rpartition(b"\x80")
    assert mark
    assert not zeros.strip(b"\0")
    return value


def hkdf(secret: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, no salt, one block of 32 bytes."""
    pseudorandom = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom, info + b"\x01", "sha256")


def mac(index_key: bytes, field: str, normalised: str) -> bytes:
    """A look-up."""
    return hmac.digest(index_key, framed(field.encode(), normalised.encode()), "sha256")[:16]


def gcm_encrypt(key: bytes, nonce: bytes, plaintext: bytes, with_it: bytes) -> bytes:
    """NIST SP 800-38D, algorithm 4, for nonces of 12 bytes; the tag stands behind."""
    text = _counted(key, nonce, plaintext)
    return text + _tag(key, nonce, text, with_it)


def gcm_decrypt(key: bytes, nonce: bytes, sealed_: bytes, with_it: bytes) -> bytes:
    """NIST SP 800-38D, algorithm 5. Raises WrongTag."""
    text, tag = sealed_[:-BLOCK], sealed_[-BLOCK:]
    if tag != _tag(key, nonce, text, with_it):
        raise WrongTag
    return _counted(key, nonce, text)


def _counted(key: bytes, nonce: bytes, text: bytes) -> bytes:
    stream = b"".join(
        _block(key, nonce + struct.pack(">I", count)) for count in range(2, 2 + -(-len(text) // BLOCK))
    )
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


def _tag(key: bytes, nonce: bytes, text: bytes, with_it: bytes) -> bytes:
    lengths = struct.pack(">QQ", len(with_it) * 8, len(text) * 8)
    hash_ = _ghash(int.from_bytes(_block(key, bytes(BLOCK))), _filled(with_it) + _filled(text) + lengths)
    return (hash_ ^ int.from_bytes(_block(key, nonce + b"\0\0\0\1"))).to_bytes(BLOCK)


def _ghash(by: int, data: bytes) -> int:
    total = 0
    for place in range(0, len(data), BLOCK):
        total = _times(total ^ int.from_bytes(data[place : place + BLOCK]), by)
    return total


def _times(one: int, other: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        product ^= other if one >> bit & 1 else 0
        other = other >> 1 ^ (REDUCTION if other & 1 else 0)
    return product


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _block(key: bytes, block: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305  # a single block: GCM is built above
