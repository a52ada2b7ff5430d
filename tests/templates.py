"""Databases with their tables and no rows: laid out once for each test process, as a first start does, then copied."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from storage import keyring_tables, migrations
from storage.connecting import StorageThread, data_engine, is_async, truncate_wal
from storage.private_files import FILE_MODE, make_private_folder
from tests.servers import PostgreSQL


def lay_out(url: str, kind: str) -> None:
    """Make the tables of a database of this kind, "desk" or "keyring", and let go of it."""
    thread, engine = StorageThread("test-templates", greenlets=is_async(url)), data_engine(url)
    try:
        thread.submit(migrations.upgrade if kind == "desk" else _prepare, engine).result()
        thread.submit(truncate_wal, engine).result()
    finally:
        thread.submit(engine.dispose).result()
        thread.close()


def on(server: PostgreSQL) -> Callable[[str], str]:
    """Return what names a database of a kind on a server, laid out there when it is first asked for."""

    @cache
    def made(kind: str) -> str:
        lay_out(server.create(f"template-{kind}"), kind)
        return f"template-{kind}"

    return made


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        keyring_tables.prepare(connection)


@cache
def _laid_out(kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "laid-out.db"
        lay_out(f"sqlite:///{path}", kind)
        return path.read_bytes()


def file(path: Path, kind: str) -> str:
    """Put a SQLite database of this kind in place, unless there is one already; return its URL."""
    if not path.exists():
        make_private_folder(path.parent)
        path.touch(FILE_MODE)
        path.write_bytes(_laid_out(kind))
    return f"sqlite:///{path}"


def files(folder: Path) -> tuple[str, str]:
    """Put both databases of a desk in place; return their URLs."""
    return file(folder / "desk.db", "desk"), file(folder / "keys" / "keyring.db", "keyring")
