"""The release gate of erasure: old copies of both databases, an erasure, a retirement; what opens then, what not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import keyring_tables, tables
from storage.connecting import StorageThread, data_engine, is_async
from storage.errors import KekRefused, KeyLost
from storage.keyring_tables import epochs, signing_keys
from storage.keys.kek import Wrapped
from tests.remembering import DETAILS, Memory, Visitor, remembering
from tests.rotating import keyring_rows, moves, opened, retires, rotates


@dataclass
class Backup:
    """Copies of both databases, of the same moment."""

    data_url: str
    keyring_url: str


@pytest.fixture
def ada(memory: Memory) -> Visitor:
    """Somebody who will be erased."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.sends()
    return visitor


@pytest.fixture
def bo(memory: Memory) -> Visitor:
    """Somebody who stays."""
    visitor = Visitor(memory, channel="telegram", chat=4712)
    visitor.sends()
    return visitor


@pytest.fixture
def backup(
    memory: Memory,
    ada: Visitor,
    bo: Visitor,
    data_url: str,
    keyring_url: str,
    new_database: Callable[[str], str],
) -> Backup:
    """A backup of a moment when both were there."""
    old = Backup(new_database("old-desk"), new_database("old-keyring"))
    _copy(data_url, old.data_url, tables.metadata)
    _copy(keyring_url, old.keyring_url, keyring_tables.metadata)
    return old


def _copy(source: str, target: str, metadata: sa.MetaData) -> None:
    """Copy a database: SQLite as its own backup does, PostgreSQL row by row."""
    if not is_async(source):
        paths = [url.removeprefix("sqlite:///") for url in (source, target)]
        with closing(sqlite3.connect(paths[0])) as one, closing(sqlite3.connect(paths[1])) as other:
            one.backup(other)
        return
    thread = StorageThread("copy", greenlets=True)
    thread.submit(_copy_rows, data_engine(source), data_engine(target), metadata).result()
    thread.close()


def _copy_rows(source: sa.Engine, target: sa.Engine, metadata: sa.MetaData) -> None:
    with source.begin() as reading, target.begin() as writing:
        metadata.create_all(writing)
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(sa.select(table))]
            if rows:
                writing.execute(sa.insert(table), rows)
    source.dispose()
    target.dispose()


@contextmanager
def _restored(memory: Memory, data_url: str, keyring_url: str, folder: Path) -> Iterator[Memory]:
    with remembering(data_url, keyring_url, folder, memory.rooms.clock) as restored:
        yield restored


def _erase(memory: Memory, visitor: Visitor) -> None:
    begun = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="officer")
    memory.run(memory.store.finish_erasure, begun)


def test_an_old_copy_of_the_data_opens_for_who_stayed_alone(
    memory: Memory, ada: Visitor, bo: Visitor, backup: Backup, keyring_url: str, tmp_path: Path
) -> None:
    """S24: under the current keyring, after rotation and retirement too; the erased one cannot be opened or found."""
    _erase(memory, ada)
    rotates(memory)
    moves(memory)
    retires(memory, 1)

    with _restored(memory, backup.data_url, keyring_url, tmp_path) as old:
        assert opened(old, bo) == DETAILS
        assert old.run(old.store.transcript, bo.conversation, 0).values["phone"] == DETAILS["phone"]
        with pytest.raises(KeyLost):
            opened(old, ada)
        with pytest.raises(KeyLost):
            old.run(old.store.transcript, ada.conversation, 0)
        moves(old)  # its look-ups are of the retired epoch: they are written anew
        assert old.run(old.store.find, "phone", DETAILS["phone"]) == [bo.subject]
        assert old.run(old.store.telegram_conversation, 4712) == bo.conversation
        assert old.run(old.store.telegram_conversation, 4711) is None


def test_an_old_keyring_opens_nothing_once_its_epoch_is_retired(
    memory: Memory, ada: Visitor, backup: Backup, tmp_path: Path
) -> None:
    """S24: until then it does, which is what a certificate's "due" says; afterwards no secret of it unwraps."""
    _erase(memory, ada)
    rotates(memory)
    moves(memory)
    with _restored(memory, backup.data_url, backup.keyring_url, tmp_path) as undone:
        assert opened(undone, ada) == DETAILS
        wrapped = [*keyring_rows(undone, epochs), *keyring_rows(undone, signing_keys)]

    retires(memory, 1)

    with (
        pytest.raises(KekRefused, match="lacks KEK"),
        _restored(memory, backup.data_url, backup.keyring_url, tmp_path),
    ):
        pass
    assert len(wrapped) == 3
    for row in wrapped:
        name = f"epoch {row['epoch']}" if "epoch" in row else f"signing key {row['kid']}"
        with pytest.raises(KekRefused, match="lacks KEK"):
            memory.rooms.keyring.provider.unwrap(name, Wrapped(row["kek"], row["wrapped"]))
