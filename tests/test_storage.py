"""Storage as a process opens it: migrated or refused, and closed without a trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.load import load
from storage import migrations
from storage.errors import DatabaseAway, SchemaTooOld, UrlRefused
from storage.storage import Storage
from tests.house import CONFIG


def _kek(folder: Path) -> str:
    return f"file:{folder}/keys/kek.json"


def test_storage_is_opened_migrated_and_opened_again(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    """The first time with migrations; then it is current, and what was written is there."""
    empty_url, keyring_url = new_database("desk"), new_database("keyring")
    rules = load(CONFIG).rules
    first = Storage.open(empty_url, keyring_url, _kek(tmp_path), rules, migrate=True)
    try:
        assert first.version == migrations.head()
        first.thread.submit(first.store.record_poisoned_update, 7, "ValueError").result()
        assert first.thread.submit(first.truncate_logs).result()
    finally:
        first.close()

    again = Storage.open(empty_url, keyring_url, _kek(tmp_path), rules)
    try:
        assert again.thread.submit(again.store.update_seen, 7).result()
    finally:
        again.close()


def test_an_unmigrated_database_is_refused(empty_url: str, keyring_url: str, tmp_path: Path) -> None:
    """Without `migrate` nothing is changed, and the operator is told the remedy."""
    with pytest.raises(SchemaTooOld):
        Storage.open(empty_url, keyring_url, _kek(tmp_path), load(CONFIG).rules)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_cannot_be_opened_is_refused_in_one_line(
    data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """An unknown database or key holder; the thread ends, too."""
    rules = load(CONFIG).rules

    with pytest.raises(UrlRefused):
        Storage.open("mysql://db.example.com/desk", keyring_url, _kek(tmp_path), rules, migrate=True)
    with pytest.raises(UrlRefused):
        Storage.open(data_url, keyring_url, "vault://example.com/desk", rules, migrate=True)
    with pytest.raises(DatabaseAway):
        Storage.open("postgresql://desk@127.0.0.1:1/desk", keyring_url, _kek(tmp_path), rules, migrate=True)
