"""What SQLite deletes for the desk is overwritten, whatever an outsider had switched off: no page, no log keeps it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.keyring_tables import scope_keys
from tests.envelopes import envelopes
from tests.remembering import Memory, Visitor, remembering
from tests.sqlite_files import every_byte, free_pages, outsider

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
FILES = ("desk.db", "keyring.db")
LONG = "Do your gateways reach the cloud? " * 100  # characters: words that fill whole pages
HEAD = 24  # bytes of an envelope or a wrapped key that are searched for: nonce and more, so that they are its own


@pytest.fixture
def memory(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """An empty store."""
    with remembering(data_url, keyring_url, tmp_path) as made:
        yield made


def _talkative(memory: Memory) -> Visitor:
    visitor = Visitor(memory)
    visitor.sends("news")
    for _ in range(5):
        visitor.says(LONG)
    return visitor


def _traces(memory: Memory, folder: Path, subject: str) -> set[bytes]:
    """Return what is to be found of a person before the erasure: pieces of their envelopes and wrapped keys."""

    def read() -> list[bytes]:
        with memory.rooms.engine.connect() as connection:
            return [one.sealed for one in envelopes(connection) if one.subject == subject]

    with closing(sqlite3.connect(folder / "keyring.db")) as keyring:
        wrapped = keyring.execute(f"SELECT wrapped FROM {scope_keys} WHERE subject = ?", [subject]).fetchall()
    pieces = {sealed[7 : 7 + HEAD] for sealed in memory.run(read)} | {row[0][:HEAD] for row in wrapped}
    assert len(pieces) > 30
    return pieces


def _erases(memory: Memory, visitor: Visitor) -> None:
    visitor.says("delete")
    memory.run(memory.store.finish_erasure, visitor.picks("delete:all").erasure)


def _left(folder: Path, traces: set[bytes]) -> int:
    content = every_byte(folder)
    return sum(trace in content for trace in traces)


def test_an_outsider_who_switched_overwriting_off_changes_nothing(memory: Memory, tmp_path: Path) -> None:
    """S10, S24: somebody wrote, vacuumed and stays, secure_delete off: of the erased no byte, free pages empty."""
    with ExitStack() as stack:
        for name in FILES:
            stranger = stack.enter_context(outsider(tmp_path / name))
            stranger.execute("CREATE TABLE junk AS SELECT randomblob(9000) AS body FROM sqlite_master")
            stranger.execute("DROP TABLE junk")
            stranger.execute("VACUUM")
        visitor, other = _talkative(memory), _talkative(memory)
        traces, kept = (_traces(memory, tmp_path, one.subject) for one in (visitor, other))

        _erases(memory, visitor)

        assert _left(tmp_path, traces) == 0
        assert _left(tmp_path, kept) == len(kept)
        pages = free_pages(tmp_path / "desk.db")
        assert pages
        assert not [page for page in (*pages, *free_pages(tmp_path / "keyring.db")) if page.strip(b"\0")]


def test_what_the_outsider_deletes_by_hand_is_found(memory: Memory, tmp_path: Path) -> None:
    """A search that finds nothing proves nothing: of what is deleted without overwriting, pages and logs are full."""
    visitor = _talkative(memory)
    traces = _traces(memory, tmp_path, visitor.subject)
    with outsider(tmp_path / "desk.db") as stranger, outsider(tmp_path / "keyring.db") as other:
        stranger.execute("DELETE FROM messages WHERE subject = ?", [visitor.subject])
        other.execute("DELETE FROM scope_keys WHERE subject = ?", [visitor.subject])

    assert _left(tmp_path, traces) == len(traces)
    assert [page for page in free_pages(tmp_path / "desk.db") if page.strip(b"\0")]


def test_an_outsider_who_changed_the_journal_changes_nothing(memory: Memory, tmp_path: Path) -> None:
    """A database that got another journal mode while the desk was down is in WAL mode again, and overwrites."""
    visitor = _talkative(memory)
    memory.run(memory.rooms.engine.dispose)
    with outsider(tmp_path / "desk.db") as stranger:
        assert stranger.execute("PRAGMA journal_mode=PERSIST").fetchone() == ("persist",)
        stranger.execute("CREATE TABLE junk (body)")
    traces = _traces(memory, tmp_path, visitor.subject)

    _erases(memory, visitor)

    assert memory.run(_mode, memory) == "wal"
    assert _left(tmp_path, traces) == 0


def _mode(memory: Memory) -> str:
    with memory.rooms.engine.connect() as connection:
        return str(connection.scalar(sa.text("PRAGMA journal_mode")))
