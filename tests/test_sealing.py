"""Sealing: what is sealed opens in its own place alone, and tells nothing, not even its length (S10)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import CannotUnseal, KeyLost, UnknownSuite
from storage.keys.sealing import DataKey, Place, framed, key_version, seal, unseal

KEY = DataKey.of(2, bytes(range(32)))
NONCE = bytes(range(12))
PLACE = Place("5" * 32, "fields", "sealed_value", "7" * 32, 3)
OVERHEAD = 2 + 1 + 4 + 12 + 16  # bytes; magic, suite, key version, nonce, tag

ENVELOPE = seal(KEY, PLACE, b"Ada Example", NONCE)


@given(
    plaintext=st.binary(max_size=5000), nonce=st.binary(min_size=12, max_size=12), powers_of_two=st.booleans()
)
def test_what_is_sealed_opens_again(plaintext: bytes, nonce: bytes, powers_of_two: bool) -> None:
    """Any value, the empty one and one that looks like padding included, comes back unchanged."""
    envelope = seal(KEY, PLACE, plaintext, nonce, powers_of_two=powers_of_two)

    assert unseal({2: KEY}, PLACE, envelope) == plaintext


@pytest.mark.parametrize("plaintext", [b"", b"\x80", b"\x80\x00\x00", b"\x00" * 64, b"name\x80"])
def test_a_value_that_looks_like_padding_comes_back_whole(plaintext: bytes) -> None:
    """The padding is told from the value whatever the value ends with."""
    assert unseal({2: KEY}, PLACE, seal(KEY, PLACE, plaintext, NONCE)) == plaintext


def test_a_key_may_be_given_by_a_function() -> None:
    """`key_of` is asked for the version that the envelope names, and for no other."""
    asked: list[int] = []

    def key_of(version: int) -> DataKey:
        asked.append(version)
        return KEY

    assert unseal(key_of, PLACE, ENVELOPE) == b"Ada Example"
    assert asked == [2]


@pytest.mark.parametrize(
    "elsewhere",
    [
        PLACE._replace(subject="6" * 32),
        PLACE._replace(table="messages"),
        PLACE._replace(column="sealed_note"),
        PLACE._replace(row="8" * 32),
        PLACE._replace(revision=2),
        PLACE._replace(table="fieldss", column="ealed_value"),
    ],
)
def test_an_envelope_does_not_open_elsewhere(elsewhere: Place) -> None:
    """Another person, table, column, row or revision, or the same letters split differently: refused."""
    with pytest.raises(CannotUnseal, match=f"revision {elsewhere.revision}"):
        unseal({2: KEY}, elsewhere, ENVELOPE)


def test_an_envelope_opens_under_its_own_version_alone() -> None:
    """The version is authenticated: the same secret under another number does not open it."""
    renumbered = ENVELOPE[:3] + struct.pack(">I", 3) + ENVELOPE[7:]

    with pytest.raises(CannotUnseal):
        unseal({3: DataKey.of(3, bytes(range(32)))}, PLACE, renumbered)


@given(bit=st.integers(0, len(ENVELOPE) * 8 - 1))
def test_one_changed_bit_is_noticed(bit: int) -> None:
    """Whichever bit of an envelope changes, it is refused, never opened as something else."""
    damaged = bytearray(ENVELOPE)
    damaged[bit // 8] ^= 1 << bit % 8

    with pytest.raises((CannotUnseal, KeyLost)):
        unseal({2: KEY}, PLACE, bytes(damaged))


@pytest.mark.parametrize(
    ("broken", "error", "words"),
    [
        (b"", UnknownSuite, "0 bytes are no envelope"),
        (b"AF\x01", UnknownSuite, "3 bytes are no envelope"),
        (b"gAAAAABlong-enough-to-be-something-else", UnknownSuite, "does not begin like one"),
        (b"AF\x02" + ENVELOPE[3:], UnknownSuite, "suite 2 is not known"),
        (ENVELOPE[:7], CannotUnseal, "7 bytes are not a whole envelope"),
        (ENVELOPE[: 7 + 12 + 16], CannotUnseal, "35 bytes are not a whole envelope"),
        (ENVELOPE[:-1], CannotUnseal, "98 bytes are not a whole envelope"),
        (ENVELOPE + b"\x00", CannotUnseal, "100 bytes are not a whole envelope"),
        (ENVELOPE + bytes(64), CannotUnseal, "damaged, moved or rolled back"),
    ],
)
def test_what_is_no_whole_envelope_is_a_clear_error(
    broken: bytes, error: type[Exception], words: str
) -> None:
    """Empty, cut, extended or foreign bytes say what is wrong with them."""
    with pytest.raises(error, match=words):
        unseal({2: KEY}, PLACE, broken)


def test_a_lost_key_is_told_from_a_damaged_envelope() -> None:
    """An erased person's envelope is not "damaged": its key is gone."""
    with pytest.raises(KeyLost, match="key version 2 is gone"):
        unseal({1: KEY}, PLACE, ENVELOPE)


def test_foreign_padding_is_refused() -> None:
    """Even what this key has sealed is refused when it was not padded our way."""
    bound = framed(b"AF", 1, *PLACE[:4], 2, PLACE.revision)
    forged = ENVELOPE[:7] + NONCE + KEY.cipher.encrypt(NONCE, bytes(64), bound)

    with pytest.raises(CannotUnseal, match="padding"):
        unseal({2: KEY}, PLACE, forged)


@pytest.mark.parametrize(
    ("length", "steps", "powers"),
    [(0, 64, 64), (63, 64, 64), (64, 128, 128), (128, 192, 256), (1000, 1024, 1024), (1024, 1088, 2048)],
)
def test_length_is_hidden_in_steps(length: int, steps: int, powers: int) -> None:
    """A value takes the next 64 bytes, a message the next power of two."""
    value = b"x" * length

    assert len(seal(KEY, PLACE, value, NONCE)) == OVERHEAD + steps
    assert len(seal(KEY, PLACE, value, NONCE, powers_of_two=True)) == OVERHEAD + powers


def test_an_envelope_tells_which_key_it_needs() -> None:
    """The version can be read without the key, so that no key is ever tried."""
    assert key_version(ENVELOPE) == 2


def test_no_key_shows_in_a_repr() -> None:
    """A key that ends up in a log line shows its version, never its bytes."""
    assert repr(KEY) == "DataKey(version=2)"


def test_no_two_lists_of_parts_are_framed_alike() -> None:
    """Moving a letter from one part to the next, or an empty part, makes another framing."""
    framings = {framed("ab", "c"), framed("a", "bc"), framed("abc"), framed("abc", ""), framed("", "abc")}

    assert len(framings) == 5
