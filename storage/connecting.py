"""Engines for both databases, and the thread in which all of storage runs.

Storage is plain synchronous SQLAlchemy Core. SQLite is driven by pysqlite. PostgreSQL is driven by asyncpg: the thread
hosts an event loop and runs each call under SQLAlchemy's `greenlet_spawn`, so the same code serves both.

An asyncpg connection belongs to the loop that opened it. So: one engine for one thread, and dispose it in that thread,
`thread.submit(engine.dispose).result()`, before `thread.close()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from asyncpg import PostgresError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

from storage.errors import UrlRefused
from storage.private_files import make_private_folder, put_in_place

T = TypeVar("T")

FAULTS = (OSError, SQLAlchemyError, PostgresError)  # what a database raises that cannot be used
# Connection, role, database, resources, operator, system; and a standby that has taken over (PostgreSQL, Appendix A)
AWAY = ("08", "28", "3D", "53", "57", "58", "25006")

BUSY_SECONDS = 5  # seconds that SQLite waits for another process's write; a group commits within milliseconds
READS_ONLY = "askfirst_reads_only"  # execution option: this transaction takes no write lock
# Options of libpq that asyncpg does not know: it would send them to the server as settings, which refuses them.
LIBPQ_ONLY = (
    "channel_binding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "sslcompression",
    "sslsni",
    "tcp_user",
)
SQLITE_AT_CONNECT = (
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode=WAL",  # readers and the writer do not wait for each other; a restored copy may be without
    "PRAGMA synchronous=FULL",  # an acknowledged turn survives a power cut
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten; not every build does so by itself
    "PRAGMA foreign_keys=ON",
)


def is_async(url: str) -> bool:
    """Say whether this database is driven by asyncpg, and so needs a `StorageThread` with greenlets."""
    return urlsplit(url).scheme.partition("+")[0] in {"postgresql", "postgres"}


def data_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///file`, `postgresql://…` or `postgres://…`; it shows no parameters in errors.

    A missing SQLite file is created for the owner alone. Every transaction on SQLite takes the write lock at its
    start, so that nothing it has read can change before it writes; see `reading` for those that only read.

    Raises: UrlRefused for anything else, or when the file cannot be created.
    """
    if is_async(url):
        return _postgresql_engine(url)
    if not url.startswith("sqlite:///") or url in {"sqlite:///", "sqlite:///:memory:"}:
        scheme = urlsplit(url).scheme or "no scheme"
        raise UrlRefused(f"database address ({scheme}): give sqlite:///FILE or postgresql://USER@HOST/NAME")
    return _sqlite_engine(Path(url.removeprefix("sqlite:///")))


def is_away(fault: Exception) -> bool:
    """Say whether a fault is that of a database which is away or busy: the same may succeed later."""
    if isinstance(fault, DBAPIError):
        said = str(getattr(fault.orig, "sqlstate", None))
        # SQLite calls a missing table operational too; that fails again.
        wrong = getattr(fault.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        operational = isinstance(fault, OperationalError) and not wrong
        return fault.connection_invalidated or operational or said.startswith(AWAY)
    return isinstance(fault, OSError | PostgresError)


def reading(engine: Engine) -> Engine:
    """Return the same engine for transactions that only read: no write lock on SQLite, READ ONLY on PostgreSQL."""
    return engine.execution_options(**{READS_ONLY: True, "postgresql_readonly": True})


def truncate_wal(engine: Engine) -> bool:
    """Empty SQLite's write-ahead log, where erased pages would live on; say whether it worked.

    It does not wait: while a reader holds the log the answer is False, and the caller tries again later.
    On PostgreSQL there is nothing to do, its log never sees anything but ciphertext: True.
    """
    if engine.dialect.name != "sqlite":
        return True
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=0")
        row = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.execute(SQLITE_AT_CONNECT[0])
    finally:
        connection.close()
    return bool(row[0] == 0)  # (blocked, pages in the log, pages moved)


class StorageThread:
    """One thread that carries out calls in order. `greenlets` for engines on asyncpg; harmless for SQLite."""

    def __init__(self, name: str, *, greenlets: bool) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        # makes its loop at its first use, in the thread
        self._runner = asyncio.Runner() if greenlets else None

    def submit(self, call: Callable[..., T], *args: object) -> Future[T]:
        """Queue a call and return its future. Raises RuntimeError once the thread is closed."""
        return self._pool.submit(self._run, call, *args)

    def close(self) -> None:
        """Finish what is queued, then end the thread and its loop. Dispose the engines first, in the thread."""
        if self._runner is not None:
            self._pool.submit(self._runner.close).result()
            self._runner = None
        self._pool.shutdown()

    def _run(self, call: Callable[..., T], *args: object) -> T:
        if self._runner is None:
            return call(*args)
        return self._runner.run(greenlet_spawn(call, *args))


def _sqlite_engine(path: Path) -> Engine:
    try:
        if not path.exists():
            _create_in_wal(path)
    except OSError as fault:
        raise UrlRefused(f"{path}: {fault.strerror}; name a file that the desk's user may create") from None
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_in_wal(path: Path) -> None:
    """Put an empty database in place that is in WAL mode already.

    Were it switched at the first connection, processes that start together would be refused: there SQLite does not
    wait.
    """
    make_private_folder(path.parent)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    os.close(descriptor)
    with contextlib.closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    put_in_place(Path(draft), path)


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # pysqlite begins nothing by itself: `_begin_sqlite` does
    cursor = connection.cursor()
    for pragma in SQLITE_AT_CONNECT:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(READS_ONLY, False):
        cursor = connection.connection.cursor()  # it takes no lock, so nothing can go wrong that needs a name
        cursor.execute("BEGIN")
        cursor.close()
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql_engine(url: str) -> Engine:
    from sqlalchemy.ext.asyncio import create_async_engine  # brings the whole ORM, which SQLite does without

    engine = create_async_engine(
        # asyncpg reads the address itself: it knows sslmode and several hosts, and no password stays in the engine.
        "postgresql+asyncpg://",
        connect_args={"dsn": _libpq_url(url)},
        hide_parameters=True,
        isolation_level="READ COMMITTED",  # the keyring's locks rely on it, whatever the server's default
        pool_pre_ping=True,  # a restarted server costs nobody their turn; 0.3 ms a transaction
    )
    return engine.sync_engine


def _libpq_url(url: str) -> str:
    parts = urlsplit(url)
    options = [pair for pair in parse_qsl(parts.query) if not pair[0].startswith(LIBPQ_ONLY)]
    return urlunsplit(parts._replace(scheme="postgresql", query=urlencode(options)))
