"""Wrapped keys open in their own place alone: data keys, the secrets of epochs, the keys that sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage.errors import CannotUnseal, KekRefused
from storage.keyring_tables import epochs, scope_keys, signing_keys
from storage.keys.kek import Wrapped
from tests.keyrings import Process, processes

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
NAMES = [(subject * 32, scope) for subject in "ab" for scope in ("profile.1", "profile.2", "chat")]


@pytest.fixture
def begin(tmp_path: Path, keyring_url: str) -> Iterator[Callable[[], Process]]:
    """Return what starts one more process on the same keyring."""
    with processes(keyring_url, tmp_path) as start:
        yield start


@pytest.fixture
def process(begin: Callable[[], Process]) -> Process:
    """A keyring with two epochs, a few people, and a key in two versions, one under each epoch."""
    one = begin()
    one.run(one.keyring.create, NAMES)
    one.begin_epoch(2)
    one.run(one.keyring.epochs.open)
    one.add_version(*NAMES[0], 2)
    one.run(one.keyring.create, [("c" * 32, "profile.1"), ("c" * 32, "chat")])
    return one


def rows(process: Process, table: sa.Table) -> list[Any]:
    """Return what a table of the keyring holds."""

    def read() -> list[Any]:
        with process.engine.connect() as connection:
            return list(connection.execute(sa.select(table)).all())

    return process.run(read)


def opens(process: Process, row: Any, wrapped: bytes, epoch: int) -> bool:
    """Say whether a wrapped key opens as the one of this row, under this epoch."""
    of = next(one for one in process.keyring.epochs.live() if one.number == epoch)
    try:
        of.unwrap(row.subject, row.scope, row.version, wrapped)
    except CannotUnseal:
        return False
    return True


def test_no_data_key_opens_in_the_place_of_another(process: Process) -> None:
    """Of all pairs of keys none opens as another person's, scope's or version's; none under another epoch."""
    found = rows(process, scope_keys)

    def tried() -> list[object]:
        assert all(opens(process, row, row.wrapped, row.epoch) for row in found)
        moved = [
            (one, other)
            for one, other in permutations(found, 2)
            if opens(process, other, one.wrapped, one.epoch)
            or opens(process, other, one.wrapped, other.epoch)
        ]
        return [*moved, *(row for row in found if opens(process, row, row.wrapped, 3 - row.epoch))]

    assert len(found) == len(NAMES) + 3
    assert {row.epoch for row in found} == {1, 2}
    assert process.run(tried) == []


@on_sqlite
def test_every_bit_and_every_byte_of_a_wrapped_key_counts(process: Process) -> None:
    """Flipped anywhere, cut anywhere, extended or empty: it does not open."""
    row = rows(process, scope_keys)[0]
    bits, size = int.from_bytes(row.wrapped), len(row.wrapped)
    flipped = [(bits ^ 1 << bit).to_bytes(size) for bit in range(size * 8)]
    cut = [row.wrapped[:length] for length in range(size)]

    def tried() -> list[bytes]:
        return [
            broken
            for broken in (*flipped, *cut, row.wrapped + b"\0", row.wrapped * 2)
            if opens(process, row, broken, row.epoch)
        ]

    assert process.run(tried) == []


def test_exchanged_rows_of_the_keyring_are_refused_with_their_names(process: Process) -> None:
    """Two people's wrapped keys change places in the database: both are refused by name, nothing is opened."""
    names = [(subject * 32, "profile.2") for subject in "ab"]
    wrapped = {row.subject: row.wrapped for row in rows(process, scope_keys) if row.scope == "profile.2"}
    for (subject, scope), (other, _) in permutations(names, 2):
        mine = sa.and_(scope_keys.c.subject == subject, scope_keys.c.scope == scope)
        process.change(sa.update(scope_keys).where(mine).values(wrapped=wrapped[other]))

    for name in names:
        with pytest.raises(
            CannotUnseal, match=f"key 1 of profile.2 of subject {name[0]}: .* damaged or moved"
        ):
            process.run(process.keyring.keys, [name], fresh=True)


@on_sqlite
def test_no_secret_of_the_provider_opens_under_another_name(process: Process) -> None:
    """Epochs' secrets and signing keys: none opens as another; no bit, cut or addition passes; each says its name."""
    named = {f"epoch {row.epoch}": row for row in rows(process, epochs)}
    named |= {f"signing key {row.kid}": row for row in rows(process, signing_keys)}
    assert len(named) == 4

    for name, other in permutations(named, 2):
        _refused(process, other, named[name].kek, named[name].wrapped)
    row = named["epoch 1"]
    bits, size = int.from_bytes(row.wrapped), len(row.wrapped)
    for broken in (
        *((bits ^ 1 << bit).to_bytes(size) for bit in range(0, size * 8, 7)),
        *(row.wrapped[:length] for length in range(size)),
        row.wrapped + b"\0",
    ):
        _refused(process, "epoch 1", row.kek, broken)
    with pytest.raises(KekRefused, match="lacks KEK"):
        process.provider.unwrap("epoch 1", Wrapped("0" * 16, row.wrapped))


def _refused(process: Process, name: str, kek: str, wrapped: bytes) -> None:
    with pytest.raises(KekRefused, match=f"{name}: its wrap is damaged; restore the keyring database"):
        process.provider.unwrap(name, Wrapped(kek, wrapped))


def test_exchanged_epochs_stop_the_start(process: Process, begin: Callable[[], Process]) -> None:
    """The secrets of two epochs change places in the database: the next process says so in one line."""
    wrapped = {row.epoch: row.wrapped for row in rows(process, epochs)}
    for epoch, other in ((1, 2), (2, 1)):
        process.change(sa.update(epochs).where(epochs.c.epoch == epoch).values(wrapped=wrapped[other]))

    with pytest.raises(KekRefused, match="epoch 2: its wrap is damaged; restore the keyring database"):
        begin()
