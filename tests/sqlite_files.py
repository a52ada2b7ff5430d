"""What SQLite's files still hold: the pages that a database has set free, and every byte of database and logs."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PAGE_SIZE = slice(16, 18)  # https://sqlite.org/fileformat.html §1.3, and of the free pages §1.5
FIRST_TRUNK = slice(32, 36)
NUMBER = struct.Struct(">I")


def free_pages(database: Path) -> list[bytes]:
    """Return the content of every page on the freelist, as it is once the write-ahead log is moved over in a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / database.name
        for part in database.parent.glob(f"{database.name}*"):
            if not part.name.endswith("-shm"):
                shutil.copyfile(part, copy.with_name(part.name))
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            [counted] = connection.execute("PRAGMA freelist_count").fetchone()
        found = list(_freelist(copy.read_bytes()))
    assert len(found) == counted
    return found


def _freelist(content: bytes) -> Iterator[bytes]:
    size = int.from_bytes(content[PAGE_SIZE]) or 65_536
    trunk = int.from_bytes(content[FIRST_TRUNK])
    while trunk:
        page = content[(trunk - 1) * size : trunk * size]
        trunk, leaves = (NUMBER.unpack_from(page, place)[0] for place in (0, 4))
        yield page[8 + 4 * leaves :]
        for place in range(leaves):
            [leaf] = NUMBER.unpack_from(page, 8 + 4 * place)
            yield content[(leaf - 1) * size : leaf * size]


def every_byte(folder: Path) -> bytes:
    """Return what all files of the databases in a folder hold: the database itself, -wal, -shm, -journal."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.glob("*.db*")))


@contextmanager
def outsider(database: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection of somebody else's, for whom what is deleted is not overwritten."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA secure_delete=OFF").fetchone() == (0,)
        yield connection
