"""Sealing and opening a value of 1 kB, beside the bare cipher and beside how others seal a column, in one run.

The desk's own way is the whole one: the key found by its name, a fresh nonce, padding, everything bound to its place.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import String
from sqlalchemy.dialects import sqlite
from sqlalchemy_utils.types.encrypted.encrypted_type import (
    EncryptionDecryptionBaseEngine,
    StringEncryptedType,
)

from config.load import load
from storage.evidence.audit import Writer
from storage.evidence.terms import in_every_language
from storage.keys.sealing import KEY_BYTES, NONCE_BYTES, Place
from storage.means import KeysAtHand, Means
from tests.house import CONFIG
from tests.rooms import bare_rooms

SIZE = 1_000  # bytes of the value; ASCII, since the others take text
AT_ONCE = 500  # values sealed, then opened, in one measurement
ROUNDS = 15  # each takes its turn in each; the fastest counts: whatever disturbs a round only slows it
GOAL = 3.0  # times the bare cipher
BARE = "AES-256-GCM of cryptography, bare"
OURS = "Askfirst"

Seal = Callable[[str], Any]
Open = Callable[[Any], str | bytes]


@dataclass(slots=True)
class Measured:
    """The fastest round, in microseconds for one value."""

    sealing: float = float("inf")
    opening: float = float("inf")

    @property
    def both(self) -> float:
        """Return what sealing and opening take together."""
        return self.sealing + self.opening

    def take(self, seal: Seal, open_: Open, value: str) -> None:
        """Measure a round."""
        started = perf_counter()
        sealed = [seal(value) for _ in range(AT_ONCE)]
        between = perf_counter()
        opened = [open_(one) for one in sealed]
        ended = perf_counter()
        assert {bytes(one) if isinstance(one, bytes) else str(one).encode() for one in opened} == {
            value.encode()
        }
        self.sealing = min(self.sealing, (between - started) / AT_ONCE * 1e6)
        self.opening = min(self.opening, (ended - between) / AT_ONCE * 1e6)


def _bare() -> tuple[Seal, Open]:
    cipher = AESGCM(os.urandom(KEY_BYTES))

    def seal(value: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, value.encode(), None)

    def open_(sealed: bytes) -> bytes:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)

    return seal, open_


def _fernet() -> tuple[Seal, Open]:
    box = Fernet(Fernet.generate_key())
    return lambda value: box.encrypt(value.encode()), box.decrypt


def _column(engine: type[EncryptionDecryptionBaseEngine]) -> tuple[Seal, Open]:
    """Return how a column of sqlalchemy-utils seals what is bound, and opens what comes back."""
    column = StringEncryptedType(String, os.urandom(KEY_BYTES), engine, "pkcs5")
    dialect = sqlite.dialect()
    return (
        lambda value: column.process_bind_param(value, dialect),
        lambda sealed: column.process_result_value(sealed, dialect),
    )


@contextmanager
def _ours() -> Iterator[tuple[Seal, Open]]:
    subject, scope = os.urandom(16).hex(), "profile.1"
    place = Place(subject, "fields", "sealed_value", f"{scope}/need", 1)
    with (
        TemporaryDirectory() as folder,
        bare_rooms(f"sqlite:///{folder}/desk.db", f"sqlite:///{folder}/keyring.db", Path(folder)) as rooms,
    ):
        rules = load(CONFIG).rules
        means = Means(
            engine=rooms.engine,
            keyring=rooms.keyring,
            rules=rules,
            terms=in_every_language(rules, ""),
            clock=rooms.clock,
            random=os.urandom,
            writer=Writer("bench"),
        )
        keys = KeysAtHand(means)
        rooms.run(keys.make, [(subject, scope)])
        yield (
            lambda value: keys.seal(scope, place, value.encode()),
            lambda sealed: keys.unseal(scope, place, sealed),
        )


def measure(rounds: int = ROUNDS) -> Mapping[str, Measured]:
    """Return what each way takes, measured by turns."""
    value = (string.ascii_letters * SIZE)[:SIZE]
    with _ours() as ours:
        ways = {OURS: ours, BARE: _bare(), "Fernet of cryptography": _fernet()}
        ways |= {
            f"sqlalchemy-utils, {engine.__name__}": _column(engine)
            for engine in EncryptionDecryptionBaseEngine.__subclasses__()
        }
        found = {name: Measured() for name in ways}
        for _ in range(rounds):
            for name, (seal, open_) in ways.items():
                found[name].take(seal, open_, value)
    return found


def report() -> None:
    """Measure, and print the table."""
    found = measure()
    print(f"\nA value of {SIZE} bytes, sealed and opened (µs)")
    for name, one in found.items():
        print(f"{name:<36}seal {one.sealing:>6.1f}   open {one.opening:>6.1f}   both {one.both:>6.1f}")
    times = found[OURS].both / found[BARE].both
    others = [
        name for name, one in found.items() if name not in (OURS, BARE) and one.both <= found[OURS].both
    ]
    print(f"the desk takes {times:.1f} times the bare cipher (goal: at most {GOAL:.0f})")
    print(f"faster than the desk: {', '.join(others) or 'none of the others'}")


if __name__ == "__main__":
    report()
