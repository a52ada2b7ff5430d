"""Times come back from both databases as they went in, with their zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import StatementError

from storage.columns import Moment
from storage.connecting import StorageThread, data_engine, is_async

events = Table("events", MetaData(), Column("id", Integer, primary_key=True), Column("at", Moment))


def kept(url: str, at: datetime | None) -> datetime | None:
    """Write a time to the database, and read it."""
    engine = data_engine(url)
    thread = StorageThread("storage", greenlets=is_async(url))

    def write_and_read() -> datetime | None:
        with engine.begin() as connection:
            events.create(connection)
            connection.execute(insert(events).values(id=1, at=at))
            return connection.scalar(select(events.c.at))

    try:
        return thread.submit(write_and_read).result(30)
    finally:
        thread.submit(engine.dispose).result(30)
        thread.close()


def test_a_time_of_any_zone_comes_back_in_utc(empty_url: str) -> None:
    """The same instant to the microsecond, and aware."""
    beijing = datetime(2026, 11, 23, 20, 30, 15, 123456, tzinfo=timezone(timedelta(hours=8)))

    found = kept(empty_url, beijing)

    assert found == beijing
    assert found is not None
    assert found.tzinfo is UTC


def test_no_time_stays_no_time(empty_url: str) -> None:
    """What has not happened yet is NULL."""
    assert kept(empty_url, None) is None


def test_a_time_without_a_zone_is_refused(empty_url: str) -> None:
    """Nobody has to guess later where a clock hung."""
    with pytest.raises(StatementError, match="a time without a zone"):
        kept(empty_url, datetime(2026, 11, 23, 12, 0))  # noqa: DTZ001  (the fault under test)
