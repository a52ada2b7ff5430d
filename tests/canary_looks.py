"""Looking into the databases of a desk that has heard canaries: what is sealed, what opens, what is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from config.load import load
from storage.errors import KeyLost
from storage.keyring_tables import scope_keys, tombstones
from storage.storage import Storage
from storage.tables import conversations, metadata
from tests.canaries import FORBIDDEN, LATIN, written
from tests.canary_walks import CHATS, EARLY, Everybody
from tests.envelopes import Envelope, envelopes
from tests.house import CONFIG

T = TypeVar("T")


@dataclass(frozen=True)
class Looking:
    """Where the desk's databases and keys are, for whoever looks into them beside it."""

    data_url: str
    keyring_url: str
    folder: Path

    def at(self, look: Callable[[Storage], T], data_url: str = "") -> T:
        """Return what `look` sees in storage that is opened beside the desk, with the desk's own keys."""
        kek = f"file:{self.folder}/keys/kek.json"
        storage = Storage.open(data_url or self.data_url, self.keyring_url, kek, load(CONFIG).rules)
        try:
            return storage.thread.submit(look, storage).result()
        finally:
            storage.close()


def everything_sealed(storage: Storage) -> list[Envelope]:
    """Return every envelope of the data."""
    with storage.engine.connect() as connection:
        return list(envelopes(connection))


def copy_of(data_url: str, folder: Path) -> str:
    """Return the address of a copy of the data as it is now; on PostgreSQL, of the data itself."""
    if not data_url.startswith("sqlite"):
        return data_url
    copy = folder / "backup.db"
    source = sqlite3.connect(data_url.removeprefix("sqlite:///"))
    with closing(source), closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return f"sqlite:///{copy}"


def nothing_forbidden_is_sealed(storage: Storage) -> None:
    """Numbers that nobody asked for, and what was typed before consent, are not even kept under a key."""
    opened = b"\n".join(envelope.opened(storage.keyring) for envelope in everything_sealed(storage)).decode(
        errors="replace"
    )
    assert LATIN in opened, "nothing was opened"
    for value in (*FORBIDDEN, *EARLY):
        assert not any(way in opened for way in written(value))


def old_data_stays_shut(storage: Storage, old: list[Envelope], deleted: set[str]) -> None:
    """Of who was deleted nothing opens any more; of everybody else all does."""
    for envelope in old:
        if envelope.subject in deleted:
            with pytest.raises(KeyLost):
                envelope.opened(storage.keyring)
        elif envelope.place.table in ("fields", "consents", "chats"):
            assert envelope.opened(storage.keyring)


def rows_and_keys_are_gone(storage: Storage, deleted: set[str]) -> None:
    """Nothing of who was deleted is left but the stubs of sessions and the audit; tombstones bar the way back."""
    for table in metadata.sorted_tables:
        if "subject" in table.c and table.name not in ("audit", "sessions"):
            with storage.engine.connect() as connection:
                assert not connection.execute(table.select().where(table.c.subject.in_(deleted))).all()
    with storage.keyring_engine.connect() as connection:
        assert not connection.execute(scope_keys.select().where(scope_keys.c.subject.in_(deleted))).all()
        stones = connection.execute(tombstones.select().where(tombstones.c.scope == "*")).all()
    assert deleted <= {stone.subject for stone in stones}


def deleting_subjects(storage: Storage, everybody: Everybody) -> set[str]:
    """Return who will be deleted: two sessions and a chat."""
    chat = storage.store.telegram_conversation(CHATS["en"])
    with storage.engine.connect() as connection:
        asked = conversations.select().where(conversations.c.id.in_({*everybody.deleting, chat}))
        return {row.subject for row in connection.execute(asked)}
