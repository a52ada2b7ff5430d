"""Engines and the storage thread: the same code on both databases, durable, private, nothing of a value in an error."""

import gc
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from storage.connecting import StorageThread, data_engine, is_async, reading, truncate_wal
from storage.errors import UrlRefused
from storage.private_files import put_in_place
from tests.servers import PostgreSQL

T = TypeVar("T")
CANARY = "canary-7f3a@example.com"
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@dataclass(frozen=True, slots=True)
class Desk:
    """An engine with the thread it lives in."""

    url: str
    engine: Engine
    thread: StorageThread

    def run(self, call: Callable[..., T], *args: object) -> T:
        """Carry out a call in the thread."""
        return self.thread.submit(call, *args).result(30)

    def write(self, *statements: str) -> None:
        """Carry out statements in one transaction."""

        def writing() -> None:
            with self.engine.begin() as connection:
                for statement in statements:
                    connection.execute(text(statement))

        self.run(writing)

    def ask(self, query: str) -> object:
        """Return a query's single value, read in a transaction that only reads."""

        def asking() -> object:
            with reading(self.engine).begin() as connection:
                return connection.execute(text(query)).scalar()

        return self.run(asking)


@pytest.fixture
def open_desk() -> Iterator[Callable[[str], Desk]]:
    """Return the opener of desks, which are closed as a process would close them."""
    opened: list[Desk] = []

    def opening(url: str) -> Desk:
        opened.append(Desk(url, data_engine(url), StorageThread("storage", greenlets=is_async(url))))
        return opened[-1]

    yield opening
    for desk in opened:
        desk.run(desk.engine.dispose)
        desk.thread.close()
    gc.collect()  # what was left open would warn here, and a warning is an error


@pytest.fixture
def desk(open_desk: Callable[[str], Desk], empty_url: str) -> Desk:
    """A desk on an empty database with a table of one column."""
    opened = open_desk(empty_url)
    opened.write("CREATE TABLE kept (value VARCHAR(200) PRIMARY KEY)")
    return opened


def test_the_same_synchronous_code_drives_both_databases(desk: Desk) -> None:
    """A value that was written is read back, from within one thread."""
    desk.write("INSERT INTO kept VALUES ('one')")

    assert desk.ask("SELECT value FROM kept") == "one"


def test_a_failed_transaction_leaves_nothing(desk: Desk) -> None:
    """What stands before the failing statement is taken back with it."""
    with pytest.raises(DBAPIError):
        desk.write("INSERT INTO kept VALUES ('one')", "INSERT INTO absent VALUES ('two')")

    assert desk.ask("SELECT count(*) FROM kept") == 0


def test_no_value_shows_in_an_error(desk: Desk) -> None:
    """A statement that fails is printed without its parameters (S10)."""

    def insert_wrongly() -> None:
        with desk.engine.begin() as connection:
            connection.execute(text("INSERT INTO absent VALUES (:value)"), {"value": CANARY})

    with pytest.raises(DBAPIError) as failed:
        desk.run(insert_wrongly)

    assert "SQL parameters hidden" in str(failed.value)
    assert CANARY not in str(failed.value)


@on_sqlite
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("secure_delete", 1),
        ("foreign_keys", 1),
        ("busy_timeout", 5000),  # milliseconds
    ],
)
def test_every_sqlite_connection_is_durable_and_overwrites(desk: Desk, pragma: str, value: object) -> None:
    """Each connection of the pool is set up, not the first alone."""

    def of_two_connections() -> list[object]:
        with reading(desk.engine).connect() as one, reading(desk.engine).connect() as two:
            return [each.exec_driver_sql(f"PRAGMA {pragma}").scalar() for each in (one, two)]

    assert desk.run(of_two_connections) == [value, value]


def test_sqlite_files_are_for_their_owner_alone(open_desk: Callable[[str], Desk], tmp_path: Path) -> None:
    """Database, log and shared memory 0600, every new folder 0700."""
    desk = open_desk(f"sqlite:///{tmp_path}/var/deeper/desk.db")
    desk.write("CREATE TABLE kept (value VARCHAR)")

    folder = tmp_path / "var" / "deeper"
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}

    assert modes == {"desk.db": 0o600, "desk.db-wal": 0o600, "desk.db-shm": 0o600}
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)] == [0o700, 0o700]


def test_a_new_sqlite_file_is_complete_when_it_appears(tmp_path: Path) -> None:
    """It is in WAL mode before anybody connects, so that processes may start together; no draft is left behind."""
    data_engine(f"sqlite:///{tmp_path}/desk.db")

    assert [file.name for file in tmp_path.iterdir()] == ["desk.db"]
    assert (tmp_path / "desk.db").read_bytes()[18:20] == b"\x02\x02"  # WAL; SQLite file format §1.3.3


def test_an_existing_sqlite_file_is_used_as_it_is(open_desk: Callable[[str], Desk], tmp_path: Path) -> None:
    """Opening it again, or losing the race to create it, changes nothing in it."""
    url = f"sqlite:///{tmp_path}/desk.db"
    open_desk(url).write("CREATE TABLE kept (value VARCHAR)", "INSERT INTO kept VALUES ('one')")
    (tmp_path / "draft").touch()

    put_in_place(tmp_path / "draft", tmp_path / "desk.db")

    assert open_desk(url).ask("SELECT value FROM kept") == "one"


@on_sqlite
def test_sqlite_takes_the_write_lock_before_it_reads(
    desk: Desk, open_desk: Callable[[str], Desk], empty_url: str
) -> None:
    """While one writes, a second writer waits, and one who only reads does not."""
    second = open_desk(empty_url)
    assert second.ask("PRAGMA busy_timeout=0") == 0  # do not wait, fail

    def meanwhile() -> object:
        with desk.engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM kept")).scalar() == 0
            with pytest.raises(OperationalError, match="locked"):
                second.write("INSERT INTO kept VALUES ('lost race')")
            return second.ask("SELECT count(*) FROM kept")

    assert desk.run(meanwhile) == 0


@on_postgresql
def test_a_transaction_that_only_reads_cannot_write_on_postgresql(desk: Desk) -> None:
    """PostgreSQL refuses a write where only reading was announced."""
    with pytest.raises(DBAPIError, match="read-only transaction"):
        desk.ask("INSERT INTO kept VALUES ('one') RETURNING value")


@on_postgresql
def test_postgresql_transactions_see_what_others_commit(desk: Desk, open_desk: Callable[[str], Desk]) -> None:
    """READ COMMITTED, whatever the server's default: the keyring's locks rely on it."""
    name = desk.ask("SELECT current_database()")
    desk.write(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation TO 'repeatable read'")

    assert open_desk(desk.url).ask("SHOW transaction_isolation") == "read committed"


@on_postgresql
def test_a_restarted_server_costs_nobody_their_turn(desk: Desk, open_desk: Callable[[str], Desk]) -> None:
    """A pooled connection that died is replaced before it is used."""
    assert desk.ask("SELECT 1") == 1
    open_desk(desk.url).ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    assert desk.ask("SELECT 1") == 1


@on_sqlite
def test_what_was_erased_is_gone_from_the_log_too(desk: Desk, tmp_path: Path) -> None:
    """After the log is truncated no file holds a byte of what was deleted (S10)."""
    desk.write(f"INSERT INTO kept VALUES ('{CANARY}')")
    desk.write("DELETE FROM kept")
    assert any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())

    assert desk.run(truncate_wal, desk.engine) is True

    assert not any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())


@on_sqlite
def test_a_reader_holds_the_log_and_nobody_waits_for_them(
    desk: Desk, open_desk: Callable[[str], Desk], empty_url: str
) -> None:
    """The answer is False at once, and True when the reader has gone; waiting for writers is as before."""
    reader = open_desk(empty_url)
    began = time.monotonic()

    def while_reading() -> bool:
        with reading(reader.engine).begin() as connection:
            connection.execute(text("SELECT * FROM kept")).all()
            desk.write("INSERT INTO kept VALUES ('newer than the reader')")
            return desk.run(truncate_wal, desk.engine)

    assert reader.run(while_reading) is False
    assert time.monotonic() - began < 4  # seconds; the busy timeout is five
    assert desk.run(truncate_wal, desk.engine) is True
    assert desk.ask("PRAGMA busy_timeout") == 5000


@on_postgresql
def test_postgresql_has_no_log_to_empty(desk: Desk) -> None:
    """Its log holds ciphertext only, so there is nothing to try again."""
    assert desk.run(truncate_wal, desk.engine) is True


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_way_to_write_a_postgresql_address_works(
    open_desk: Callable[[str], Desk], postgresql: PostgreSQL, scheme: str
) -> None:
    """Options as platforms add them work, and those that asyncpg does not know do no harm."""
    address = postgresql.url("postgres").removeprefix("postgresql")
    options = "sslmode=prefer&channel_binding=prefer&connect_timeout=10&keepalives_idle=30&application_name=a%20desk"

    assert open_desk(f"{scheme}{address}?{options}").ask("SHOW application_name") == "a desk"


def test_no_password_stays_in_the_engine() -> None:
    """Whoever prints the engine or its address sees no password."""
    engine = data_engine("postgresql://desk:pass-word@db.invalid/desk")

    assert "pass-word" not in f"{engine!r} {engine.url.render_as_string(hide_password=False)}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "desk.db",
        "mysql://desk:pass-word@db.invalid/desk",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
    ],
)
def test_an_address_of_something_else_is_refused(url: str) -> None:
    """One clear line says what to give and repeats no password."""
    with pytest.raises(UrlRefused, match="give sqlite:///FILE or postgresql://") as refused:
        data_engine(url)
    assert "pass-word" not in str(refused.value)


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file where a folder should be is no traceback."""
    (tmp_path / "file").touch()

    with pytest.raises(UrlRefused, match="name a file that the desk's user may create"):
        data_engine(f"sqlite:///{tmp_path}/file/desk.db")
