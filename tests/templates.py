"""Databases with the desk's tables and no rows: migrated once for each test process, then copied."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from storage import migrations
from storage.connecting import StorageThread, data_engine, is_async, truncate_wal
from storage.private_files import FILE_MODE, make_private_folder


def migrate(url: str) -> None:
    """Bring a database up to this version, as the first start of a desk does, and let go of it."""
    thread, engine = StorageThread("test-templates", greenlets=is_async(url)), data_engine(url)
    try:
        thread.submit(migrations.upgrade, engine).result()
        thread.submit(truncate_wal, engine).result()
    finally:
        thread.submit(engine.dispose).result()
        thread.close()


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desk.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


def desk_file(path: Path) -> str:
    """Put a migrated SQLite database in place, unless there is one already; return its URL."""
    if not path.exists():
        make_private_folder(path.parent)
        path.touch(FILE_MODE)
        path.write_bytes(_migrated())
    return f"sqlite:///{path}"
