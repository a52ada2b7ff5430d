"""Taking a backup: the data and the keyring, in two folders, while the desk runs. No KEK is ever in it.

The data is copied first. A key is made before the data that is sealed under it; so a keyring that is copied later has
every key of the data, but for those that were destroyed meanwhile, and what stood under these is to stay shut.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, inspect

from storage import keyring_tables, migrations
from storage.connecting import reading
from storage.copies import drafting, manifests, postgres_programs
from storage.copies.manifests import DATA, KEYRING, POSTGRESQL, SQLITE, TABLES, Manifest
from storage.errors import BackupRefused
from storage.evidence import audit
from storage.evidence.audit import COMMAND, Entry
from storage.keys import checkpoints
from storage.means import stamp
from storage.private_files import FILE_MODE, make_private_folder, write_durably
from storage.storage import Storage

BACKED_UP = "backed_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where an installation lies, as the environment names it; and the environment, for programs that are started."""

    database_url: str = field(repr=False)
    keyring_url: str = field(repr=False)
    kek_url: str = field(repr=False)
    anchor: Path
    environment: Mapping[str, str] = field(repr=False)


def take(places: Places, storage: Storage, folder: Path, now: datetime, *, writer: str) -> None:
    """Put a backup into a new folder, complete or not at all. Called in the storage's thread.

    Args: writer: under which name it is noted in the audit. Raises: BackupRefused; OSError.
    """
    _refuse_kek(places.kek_url, folder)
    _refuse_one_file(storage)
    with storage.engine.begin() as connection:
        audit.write(
            connection, audit.Writer(writer), [Entry(at=now, actor=COMMAND, action=BACKED_UP, subject="")]
        )
    with _new(folder) as draft:
        _copy(DATA, storage.engine, places.database_url, draft, now, places.environment)
        _copy(KEYRING, storage.keyring_engine, places.keyring_url, draft, now, places.environment)


def kind_of(engine: Engine) -> str:
    """Return the kind of a database."""
    return POSTGRESQL if engine.dialect.name == "postgresql" else SQLITE


def _refuse_kek(kek_url: str, folder: Path) -> None:
    """Raises BackupRefused where the folder and that of the KEK file hold one another: whoever takes one has both."""
    scheme, _, path = kek_url.partition(":")
    if scheme != "file":
        return
    keks, backup = Path(path.removeprefix("//")).resolve().parent, folder.resolve()
    if keks == backup or keks in backup.parents or backup in keks.parents:
        raise BackupRefused(
            f"{folder} and the folder of KEK_URL hold one another: name a place apart from it"
        )


def _refuse_one_file(storage: Storage) -> None:
    files = {Path(str(one.url.database)).resolve() for one in (storage.engine, storage.keyring_engine)}
    if kind_of(storage.engine) == kind_of(storage.keyring_engine) == SQLITE and len(files) == 1:
        raise BackupRefused(
            "KEYRING_URL names the file of the data: give the keyring one of its own, with its own backups"
        )


@contextmanager
def _new(folder: Path) -> Iterator[Path]:
    """Yield a draft of a folder that is not there yet; what a killed backup has left beside it goes."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupRefused(f"{folder} is there already: name a new folder for each backup")
    make_private_folder(folder.parent)
    drafting.clear_leftovers(folder.parent)
    with drafting.drafted(folder) as draft:
        yield draft


def _copy(
    half: str, engine: Engine, url: str, draft: Path, now: datetime, environment: Mapping[str, str]
) -> None:
    """Copy one database and describe it, both as one moment shows them."""
    kind, snapshot = kind_of(engine), reading(engine)
    if kind == POSTGRESQL:
        snapshot = snapshot.execution_options(isolation_level="REPEATABLE READ")
    (draft / half).mkdir(mode=0o700)
    path = draft / half / manifests.FILES[half, kind]
    write_durably(path, b"")
    with snapshot.begin() as connection:
        schema, now_at = _described(half, connection)
        if kind == POSTGRESQL:
            _dump(half, connection, url, path, environment)
        else:
            _copy_file(connection, path)
    _settle(path)
    Manifest(
        format=manifests.FORMAT,
        holds=half,
        at=stamp(now),
        kind=kind,
        schema=schema,
        installation=now_at.installation,
        tombstones=now_at.tombstones,
        sha256=manifests.digest(path),
    ).write(draft / half)


def _described(half: str, connection: Connection) -> tuple[str, checkpoints.Checkpoint]:
    if half == KEYRING:
        version = connection.scalar(sa.select(keyring_tables.keyring_schema.c.version))
        return str(version), checkpoints.of_keyring(connection)
    seen = checkpoints.of_data(connection)
    assert seen is not None, "storage binds the data to its keyring when it is opened"
    return migrations.version(connection), seen


def _dump(half: str, connection: Connection, url: str, path: Path, environment: Mapping[str, str]) -> None:
    schema = connection.scalar(sa.text("SELECT current_schema()"))
    names = [
        f'"{schema}"."{name}"' for name in sorted(TABLES[half] & {*inspect(connection).get_table_names()})
    ]
    snapshot = str(connection.scalar(sa.text("SELECT pg_export_snapshot()")))
    postgres_programs.dump(url, path, names, snapshot, environment)


def _copy_file(connection: Connection, path: Path) -> None:
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    with closing(sqlite3.connect(path)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _settle(path: Path) -> None:
    path.chmod(FILE_MODE)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
