"""Reading a few rows by an index with nothing in between: look-ups and keys are read before everything else.

The select is compiled once for each kind of database and length of its list, and handed to the driver as it is. Running
it through the library takes several times as long as the look-up itself (`make bench`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Row, Select
from sqlalchemy.exc import DBAPIError

SHORT = 64  # listed values; more rows than that cost more than the library does

Values = Row[Any] | tuple[Any, ...]


class ShortReading:
    """A select with one list among its parameters; nothing in it needs the library to convert a type."""

    def __init__(self, query: Select[Any], listed: str) -> None:
        """`listed` names the parameter that stands for a list."""
        self._query = query
        self._listed = listed
        self._compiled: dict[tuple[str, int], tuple[str, dict[str, Any]]] = {}

    def rows(self, connection: Connection, listed: Sequence[Any], **given: Any) -> Sequence[Values]:
        """Return the rows, with their columns in the select's order. Raises DBAPIError, which holds no parameter."""
        if not 0 < len(listed) <= SHORT:
            return connection.execute(self._query, {self._listed: listed, **given}).all()
        text, parameters = self._text(connection.dialect, len(listed), given)
        named = {f"{self._listed}_{place}": value for place, value in enumerate(listed, 1)}
        values = tuple({**parameters, **given, **named}.values())
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, values)
            found: Sequence[tuple[Any, ...]] = cursor.fetchall()
        except connection.dialect.loaded_dbapi.Error as fault:
            error = connection.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(text, None, fault, error, hide_parameters=True) from fault
        finally:
            cursor.close()
        return found

    def _text(self, dialect: Dialect, length: int, given: Iterable[str]) -> tuple[str, dict[str, Any]]:
        """Return the select as text and its parameters in their order, those that it gives itself with their values."""
        known = self._compiled.get((dialect.name, length))
        if known is None:
            empty = {**dict.fromkeys(given), self._listed: [None] * length}
            written = self._query.compile(dialect=dialect).construct_expanded_state(empty)
            parameters = {name: written.parameters[name] for name in written.positiontup or ()}
            known = self._compiled[dialect.name, length] = written.statement, parameters
        return known
