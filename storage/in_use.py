"""Who uses the data database: every process that serves shares a lock, a restore takes it alone.

On PostgreSQL each connection of a process holds an advisory lock of its session; on SQLite each holds a lock on a file
beside the database. Both go with the connection, however its process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from sqlalchemy import Engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from storage.errors import RestoreRefused
from storage.private_files import FILE_MODE

LOCK = 0x41534B44  # "ASKD": the number of the advisory lock, in the data database
DESCRIPTOR = "askfirst_lock"  # where a connection to SQLite keeps the descriptor of its lock
UNDER_WAY = "a restore is under way: start again when it is done"


def share(engine: Engine) -> None:
    """Have every connection of this engine say that the database is in use. Call it before the first one is made.

    Then connecting raises RestoreRefused while a restore is under way.
    """
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _share_session)
        return
    path = _lock_path(engine)

    def share_file(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        descriptor = _locked(path, fcntl.LOCK_SH)
        if descriptor is None:
            connection.close()
            raise RestoreRefused(UNDER_WAY)
        record.info[DESCRIPTOR] = descriptor

    event.listen(engine, "connect", share_file)
    event.listen(engine, "close", _leave_file)


@contextlib.contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Keep every process away from this database. Raises RestoreRefused while one uses it."""
    with _file_alone(engine) if engine.dialect.name == "sqlite" else _session_alone(engine) as got:
        if not got:
            raise RestoreRefused(
                "the desk uses this database: stop every process and command of it, then restore"
            )
        yield


def _share_session(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SELECT pg_try_advisory_lock_shared({LOCK})")
    [(got,)] = cursor.fetchall()
    cursor.close()
    connection.rollback()  # the lock is the session's and stays
    if not got:
        connection.close()
        raise RestoreRefused(UNDER_WAY)


@contextlib.contextmanager
def _session_alone(engine: Engine) -> Iterator[bool]:
    with engine.connect() as connection:
        got = bool(connection.scalar(text(f"SELECT pg_try_advisory_lock({LOCK})")))
        connection.commit()  # no transaction stays open meanwhile
        try:
            yield got
        finally:
            connection.invalidate()  # the lock goes with its session, and is in no pool


@contextlib.contextmanager
def _file_alone(engine: Engine) -> Iterator[bool]:
    descriptor = _locked(_lock_path(engine), fcntl.LOCK_EX)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(path: str, how: int) -> int | None:
    """Return the descriptor that holds the lock, or None when another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _leave_file(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    os.close(record.info.pop(DESCRIPTOR))


def _lock_path(engine: Engine) -> str:
    return f"{engine.url.database}.lock"
