"""Putting the database of a backup in the place of the current one, which stands beside it meanwhile.

While the restored data is being brought up to date, the current tables can be read in the schema `BEFORE`, on both
kinds of database.

    SQLite       the backup is copied to a draft beside the database, to which that is attached as BEFORE; at the end
                 the draft gets its name. A crash leaves the old database as it was.
    PostgreSQL   the tables are moved into the schema BEFORE, the backup is loaded into their place; at the end the
                 schema is dropped. A crash leaves the schema: then nothing is served until a restore came to its end.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect, text

from storage import tables
from storage.connecting import data_engine, reading, truncate_wal
from storage.copies import postgres_programs
from storage.errors import RestoreRefused
from storage.private_files import FILE_MODE, put_over

BEFORE = "askfirst_before"  # the schema of what was there before the restore
LOGS = ("-wal", "-shm")  # what SQLite keeps beside a database in WAL mode


def must_be_whole(engine: Engine) -> None:
    """Raises RestoreRefused when a restore was interrupted, so that the data is not what it should be."""
    with reading(engine).begin() as connection:
        if _is_aside(connection):
            raise RestoreRefused("a restore was interrupted: run `askfirst restore DIR` again")


def schema_of_current(connection: Connection) -> str | None:
    """Return the schema in which the current data is found: that of an interrupted restore, or None, the usual one."""
    return BEFORE if _is_aside(connection) else None


def has_tables(connection: Connection, schema: str | None = None) -> bool:
    """Tell a database of the desk from an empty one."""
    return inspect(connection).has_table(tables.subjects.name, schema=schema)


@contextmanager
def replaced(
    engine: Engine, url: str, ours: Collection[str], backup: Path, environment: Mapping[str, str]
) -> Iterator[Engine]:
    """Yield an engine on the tables of a backup, with the current ones (`ours`) beside them in the schema `BEFORE`.

    They take the place of the current ones at the end of the block; when it raises, all is as it was. Nobody else
    uses the database meanwhile.
    """
    if engine.dialect.name == "postgresql":
        with _loaded(engine, url, ours, backup, environment):
            yield engine
    else:
        with _drafted(engine, backup) as draft:
            yield draft


def clear_leftovers(engine: Engine) -> None:
    """Remove the draft that a killed restore has left beside an SQLite database. Call it while none is under way."""
    if engine.dialect.name == "sqlite":
        _remove(_draft_of(engine))


def _draft_of(engine: Engine) -> Path:
    path = Path(str(engine.url.database))
    return path.with_name(f".{path.name}.restored")


@contextmanager
def _drafted(engine: Engine, backup: Path) -> Iterator[Engine]:
    path, draft = Path(str(engine.url.database)), _draft_of(engine)
    draft.touch(mode=FILE_MODE)
    restored = data_engine(f"sqlite:///{draft}")
    event.listen(restored, "connect", lambda raw, record: _attach(raw, path))
    try:
        shutil.copyfile(backup, draft)
        yield restored
        truncate_wal(restored)
        restored.dispose()
        _put_over(engine, draft, path)
    finally:
        restored.dispose()
        _remove(draft)


def _attach(raw: Any, path: Path) -> None:
    raw.execute(f"ATTACH DATABASE ? AS {BEFORE}", (str(path),))


def _put_over(engine: Engine, draft: Path, path: Path) -> None:
    """Give the draft the database's name. The old log must be gone by then: it would be played into the new file."""
    truncate_wal(engine)
    engine.dispose()
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=0")
        cursor.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        raise RestoreRefused(f"another program has {path} open: close it, then restore") from None
    finally:
        connection.close()
        engine.dispose()
    put_over(draft, path)


def _remove(draft: Path) -> None:
    for leftover in (draft, *(draft.with_name(draft.name + log) for log in LOGS)):
        leftover.unlink(missing_ok=True)


@contextmanager
def _loaded(
    engine: Engine, url: str, ours: Collection[str], backup: Path, environment: Mapping[str, str]
) -> Iterator[None]:
    with engine.begin() as connection:
        _set_aside(connection, ours)
    engine.dispose()  # what connections remember of the tables is of no use any more
    try:
        postgres_programs.load(url, backup, environment)
        yield
    except BaseException:
        with engine.begin() as connection:
            _put_back(connection, ours)
        raise
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {BEFORE} CASCADE"))


def _set_aside(connection: Connection, ours: Collection[str]) -> None:
    if _is_aside(connection):  # a restore was interrupted: what it had put here goes
        _drop(connection, ours)
        return
    connection.execute(text(f"CREATE SCHEMA {BEFORE}"))
    for name in _names(connection, ours):
        connection.execute(text(f'ALTER TABLE "{name}" SET SCHEMA {BEFORE}'))


def _put_back(connection: Connection, ours: Collection[str]) -> None:
    _drop(connection, ours)
    here = connection.scalar(text("SELECT current_schema()"))
    for name in _names(connection, ours, BEFORE):
        connection.execute(text(f'ALTER TABLE {BEFORE}."{name}" SET SCHEMA "{here}"'))
    connection.execute(text(f"DROP SCHEMA {BEFORE}"))


def _drop(connection: Connection, ours: Collection[str]) -> None:
    for name in _names(connection, ours):
        connection.execute(text(f'DROP TABLE "{name}"'))


def _names(connection: Connection, ours: Collection[str], schema: str | None = None) -> list[str]:
    return sorted({*ours} & {*inspect(connection).get_table_names(schema=schema)})


def _is_aside(connection: Connection) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    there = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
    return connection.execute(there, {"name": BEFORE}).first() is not None
