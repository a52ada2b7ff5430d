"""Which faults of a turn may pass: then it is kept and tried again, however long that takes."""

import sqlite3

import pytest
import sqlalchemy as sa
from asyncpg import CannotConnectNowError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from storage.errors import Conflict, KekAway, KeyLost, RestoreRefused
from storage.turn.turns import may_pass


class _Fault(Exception):
    """What a driver raises."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


AWAY = (
    OperationalError("DELETE", {}, _Fault("")),
    DBAPIError("DELETE", {}, _Fault("53300")),  # too many connections
    DBAPIError("DELETE", {}, _Fault(""), connection_invalidated=True),
    ConnectionRefusedError(),
    CannotConnectNowError(),
)


@pytest.mark.parametrize("fault", AWAY, ids=lambda fault: type(fault).__name__)
def test_a_database_that_is_away_may_come_back(fault: Exception) -> None:
    """Whoever can repeat a turn keeps it: the database's own faults, and those of its driver while it connects."""
    assert may_pass(fault)


def test_what_others_do_meanwhile_may_pass() -> None:
    """A lost race, a busy holder of keys, a restore: none is the fault of the turn."""
    assert may_pass(Conflict("another process was faster"))
    assert may_pass(KekAway("it does not answer"))
    assert may_pass(RestoreRefused("a restore is under way"))
    assert may_pass(DBAPIError("COMMIT", {}, _Fault("40001")))


def test_a_fault_of_the_turn_itself_does_not_pass() -> None:
    """The same would fail again: it must not hold up what comes behind it."""
    assert not may_pass(KeyLost("gone"))
    assert not may_pass(ZeroDivisionError())
    assert not may_pass(IntegrityError("INSERT", {}, _Fault("23505")))


def test_a_missing_table_does_not_come_back() -> None:
    """SQLite raises it as it raises a lock that is held: the one passes, the other fails again."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection, pytest.raises(OperationalError) as missing:
        connection.execute(sa.text("SELECT 1 FROM nowhere"))
    engine.dispose()
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY

    assert not may_pass(missing.value)
    assert may_pass(OperationalError("BEGIN", {}, busy))
