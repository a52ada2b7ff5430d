"""Finding somebody by e-mail among a million sealed people, beside a plain indexed column in the same database.

Everything is real: keys and wraps, envelopes, macs, the desk's own tables, and `Store.find`, which opens what it found
before it believes it. Only the filling is not the desk's: rows are made by the thousand and put in sorted.
"""

from __future__ import annotations

import os
import random
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex

from config.load import load
from storage.connecting import reading
from storage.keys.epochs import Epoch
from storage.keys.sealing import KEY_BYTES, NONCE_BYTES, DataKey, seal
from storage.storage import Storage
from storage.tables import index_rows, subjects
from storage.turn.moving import field_place
from tests.house import CONFIG

PEOPLE = 1_000_000
AT_ONCE = 10_000  # people made and written together
LOOKED_UP = 3_000  # people drawn at random, found by turns by either way; the median counts
GOAL = 2.0  # times the plain column
AT = "2026-11-23 09:00:00.000000"
SCOPE = "profile.1"
PLAIN = (
    sa.Table(  # what a desk would have that seals nothing: the same row, the value in the clear and indexed
        "plain_fields",
        sa.MetaData(),
        sa.Column("subject", sa.String(32), primary_key=True),
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Index("plain_value", "name", "value"),
    )
)
_FOUND = (
    sa.select(PLAIN)
    .join(subjects, subjects.c.subject == PLAIN.c.subject)
    .where(
        PLAIN.c.name == sa.bindparam("field"),
        PLAIN.c.value == sa.bindparam("value"),
        subjects.c.status == "live",
    )
)

Made = tuple[str, str, bytes, bytes, bytes]  # subject, address, envelope, look-up, wrapped key


def address(number: int) -> str:
    """Return somebody's invented address."""
    return f"person.{number}@example.com"


def _made(epoch: Epoch, people: Sequence[str]) -> Iterator[list[Made]]:
    for first in range(0, len(people), AT_ONCE):
        yield [
            _person(epoch, subject, address(number))
            for number, subject in enumerate(people[first : first + AT_ONCE], first)
        ]


def _person(epoch: Epoch, subject: str, email: str) -> Made:
    drawn = os.urandom(KEY_BYTES + 2 * NONCE_BYTES)
    secret, nonce, other = drawn[:KEY_BYTES], drawn[KEY_BYTES:-NONCE_BYTES], drawn[-NONCE_BYTES:]
    sealed = seal(DataKey.of(1, secret), field_place(subject, SCOPE, "email", 1), email.encode(), nonce)
    return subject, email, sealed, epoch.mac("email", email), epoch.wrap(subject, SCOPE, 1, secret, other)


def fill(storage: Storage, people: Sequence[str], data: Path, keyring: Path) -> None:
    """Write everybody: the plain table beside the desk's own."""
    epoch = storage.thread.submit(lambda: storage.keyring.epochs.live()[0]).result()
    storage.thread.submit(PLAIN.metadata.create_all, storage.engine).result()
    later = [*index_rows.indexes, *PLAIN.indexes]  # built when the rows are there: a tenth of the time
    with (
        closing(sqlite3.connect(data, isolation_level=None)) as desk,
        closing(sqlite3.connect(keyring, isolation_level=None)) as keys,
    ):
        for index in later:
            desk.execute(f"DROP INDEX {index.name}")
        for connection in (desk, keys):
            connection.execute("PRAGMA synchronous=OFF")  # a power cut would only cost the measurement
            connection.execute("BEGIN")
        for several in _made(epoch, people):
            _write(desk, keys, several)
        for index in later:
            desk.execute(str(CreateIndex(index).compile(storage.engine)))
        desk.execute("COMMIT")
        keys.execute("COMMIT")


def _write(desk: sqlite3.Connection, keys: sqlite3.Connection, people: list[Made]) -> None:
    desk.executemany(
        "INSERT INTO subjects VALUES (?, 'consultant', 'live', 1, 1, ?)", [(one[0], AT) for one in people]
    )
    desk.executemany(
        f"INSERT INTO fields VALUES (?, '{SCOPE}', 'email', ?, 1, '{AT}', '2026-11', '')",
        [(one[0], one[2]) for one in people],
    )
    desk.executemany("INSERT INTO index_rows VALUES (?, 'email', 1, ?)", [(one[0], one[3]) for one in people])
    desk.executemany(
        f"INSERT INTO plain_fields VALUES (?, '{SCOPE}', 'email', ?, 1)", [(one[0], one[1]) for one in people]
    )
    keys.executemany(
        f"INSERT INTO scope_keys VALUES (?, '{SCOPE}', 1, 1, ?, '{AT}', 1)",
        [(one[0], one[4]) for one in people],
    )


def _plainly(engine: sa.Engine, email: str) -> list[str]:
    with engine.begin() as connection:
        rows = connection.execute(_FOUND, {"field": "email", "value": email}).all()
    return sorted({row.subject for row in rows})


def look(storage: Storage, people: Sequence[str], times: int) -> tuple[float, float]:
    """Return what a look-up takes, plainly and by the desk: medians in microseconds."""
    engine, dice = reading(storage.engine), random.Random(1)
    ways: tuple[Callable[[str], list[str]], ...] = (
        lambda email: _plainly(engine, email),
        lambda email: storage.store.find("email", email),
    )
    taken: tuple[list[int], ...] = ([], [])
    for _ in range(times):
        number = dice.randrange(len(people))
        for way, took in zip(ways, taken, strict=True):
            started = perf_counter_ns()
            found = way(address(number))
            took.append(perf_counter_ns() - started)
            assert found == [people[number]]
    plain, ours = (sorted(took)[times // 2] / 1_000 for took in taken)
    return plain, ours


def report(count: int = PEOPLE, times: int = LOOKED_UP) -> None:
    """Fill a database in a temporary folder, measure, and print the lines."""
    people = sorted(secrets.token_hex(16) for _ in range(count))
    with TemporaryDirectory() as name:
        folder = Path(name)
        data, keyring = folder / "desk.db", folder / "keys" / "keyring.db"
        kek = f"file:{folder}/keys/kek.json"
        storage = Storage.open(
            f"sqlite:///{data}", f"sqlite:///{keyring}", kek, load(CONFIG).rules, migrate=True
        )
        try:
            fill(storage, people, data, keyring)
            plain, ours = storage.thread.submit(look, storage, people, times).result()
        finally:
            storage.close()
    print(f"\nSomebody found by e-mail among {count:,} people, SQLite, median of {times:,} (µs)")
    print(f"{'a plain indexed column':<36}{plain:>8.0f}")
    print(f"{'the desk: found, opened, confirmed':<36}{ours:>8.0f}")
    print(f"the desk takes {ours / plain:.1f} times the plain column (goal: at most {GOAL:.0f})")


if __name__ == "__main__":
    report()
