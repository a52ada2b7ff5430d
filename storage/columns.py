"""What the tables of the data database are made of: their metadata, and the kinds of columns that recur."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, MetaData, String
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

ID = String(32)  # characters; in hexadecimal, made by the application
# what configuration or this program names; a limit would only fail a turn that nothing is wrong with
NAME = String()
SHA256 = String(64)  # characters; in hexadecimal
SCOPE = String()
REFERENCE = String()  # what the person quotes to the company


class Moment(TypeDecorator[datetime]):
    """A point in time. SQLite forgets the zone, so it is put back; a naive time is a programmer's fault."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC. Raises ValueError for a time without a zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its zone."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))
