"""Statements that a group of turns runs, each once for all of them, in one fixed order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    DateTime,
    Dialect,
    Table,
    UpdateBase,
    bindparam,
    case,
    delete,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from storage.columns import Moment
from storage.tables import (
    chats,
    codes,
    consents,
    conversations,
    doomed_keys,
    fields,
    index_rows,
    leads,
    messages,
    sessions,
    subjects,
    terms,
    updates_seen,
)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as SQLite takes it: its SQL, what it takes from a row, and which of that are times."""

    sql: str
    constants: Mapping[str, Any]  # what the statement itself gives, by parameter
    taken: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    times: tuple[int, ...]

    @classmethod
    def of(cls, statement: UpdateBase, dialect: Dialect) -> _Compiled:
        """Return the statement compiled for SQLite."""
        compiled = statement.compile(dialect=dialect)
        names = tuple(compiled.positiontup or ())
        return cls(
            sql=str(compiled),
            constants={name: compiled.params[name] for name in names if not compiled.binds[name].required},
            taken=itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],),
            times=tuple(place for place, name in enumerate(names) if _is_time(compiled.binds[name].type)),
        )

    def run(self, connection: Connection, rows: Rows) -> None:
        """Carry out the statement for every row."""
        whole = [{**self.constants, **row} for row in rows] if self.constants else rows
        given: list[Any] = [self.taken(row) for row in whole]
        if self.times:
            given = [self._with_times(values) for values in given]
        connection.exec_driver_sql(self.sql, given)

    def _with_times(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        written = list(values)
        for place in self.times:
            if written[place] is not None:
                written[place] = _written(written[place])
        return tuple(written)


def _is_time(type_: TypeEngine[Any]) -> bool:
    return isinstance(type_, Moment | DateTime)


@lru_cache(1_024)  # a turn writes its one moment into many columns
def _written(at: datetime) -> str:
    """Return a time as SQLAlchemy writes it for SQLite. Raises ValueError for a time without a zone, like `Moment`."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class Statements:
    """What may be written, by name, in the order in which it is written; for one kind of database.

    On SQLite the statements are compiled once and run as they are: a row then costs a third less.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
        self._all: dict[str, UpdateBase] = {**self._openings(), **_CHANGES, **self._keepings()}
        compiled = self._all if dialect.name == "sqlite" else {}
        self._compiled = {name: _Compiled.of(statement, dialect) for name, statement in compiled.items()}

    def write(self, connection: Connection, rows: Mapping[str, Rows]) -> None:
        """Carry out every statement that has rows."""
        for name, statement in self._all.items():
            given = rows.get(name)
            if not given:
                continue
            if self._compiled:
                self._compiled[name].run(connection, given)
            else:
                connection.execute(statement, given)

    def _openings(self) -> dict[str, UpdateBase]:
        return {
            "subject_opened": self._insert(subjects),
            "session_opened": self._insert(sessions),
            "chat_opened": self._insert(chats),
            "conversation_opened": self._insert(conversations),
        }

    def _keepings(self) -> dict[str, UpdateBase]:
        return {
            "terms_kept": self._insert(terms).on_conflict_do_nothing(),
            "consent_recorded": self._insert(consents),
            "field_kept": self._replacing(fields, "subject", "scope", "name"),
            "index_kept": self._replacing(index_rows, "subject", "field", "epoch"),
            "lead_sent": self._insert(leads),
            "code_sent": self._insert(codes),
            "message": self._insert(messages),
            "key_doomed": self._insert(doomed_keys).on_conflict_do_nothing(),
            "update_seen": self._insert(updates_seen).on_conflict_do_nothing(),
        }

    def _replacing(self, table: Table, *key: str) -> UpdateBase:
        statement = self._insert(table)
        changed = {column.name: statement.excluded[column.name] for column in table.c}
        return statement.on_conflict_do_update(index_elements=key, set_=changed)


def _given(name: str) -> Any:
    return bindparam(f"b_{name}")  # `b_`: a bare column name is reserved in UPDATE … VALUES


_MESSAGE = (
    messages.c.subject == _given("subject"),
    messages.c.conversation == _given("conversation"),
    messages.c.seq == _given("seq"),
)
_UNTIL: BindParameter[datetime] = bindparam("b_until", type_=Moment())
_LEADS = (leads.c.subject == _given("subject"), leads.c.status != "withdrawn")
_CHANGES: Mapping[str, UpdateBase] = {
    "subject_consulting": update(subjects)
    .where(subjects.c.subject == _given("subject"))
    .values(kind="consultant"),
    "subject_numbered": update(subjects)
    .where(subjects.c.subject == _given("subject"))
    .values(profile=_given("profile"), visit=_given("visit")),
    "consent_ended": update(consents)
    .where(
        consents.c.subject == _given("subject"),
        consents.c.purpose == _given("purpose"),
        consents.c.ended_at.is_(None),
    )
    .values(ended_at=_given("at")),
    "session_used": update(sessions)
    .where(sessions.c.subject == _given("subject"), sessions.c.token_hash == _given("token_hash"))
    .values(fresh_until=_given("fresh_until"), verified_until=_given("verified_until")),
    "code_missed": update(codes)
    .where(codes.c.subject == _given("subject"), codes.c.id == _given("id"))
    .values(misses=codes.c.misses + 1),
    "code_entered": update(codes)
    .where(codes.c.subject == _given("subject"), codes.c.id == _given("id"))
    .values(code_mac=None, entered_at=_given("at"), sealed_values=None),
    "code_dropped": update(codes)
    .where(
        codes.c.subject == _given("subject"),
        codes.c.conversation == _given("conversation"),
        codes.c.kind == _given("kind"),
    )
    .values(code_mac=None, sealed_values=None),
    "waiting_dropped": update(codes)
    .where(codes.c.subject == _given("subject"), codes.c.sealed_values.is_not(None))
    .values(sealed_values=None),
    "message_moved": update(messages)
    .where(*_MESSAGE)
    .values(scope=_given("scope"), sealed_body=_given("sealed_body")),
    "message_shredded": update(messages)
    .where(messages.c.subject == _given("subject"), messages.c.scope == _given("scope"))
    .values(sealed_body=None, sealed_digest=None),
    "digest_dropped": update(messages)
    .where(messages.c.subject == _given("subject"), messages.c.sealed_digest.is_not(None))
    .values(sealed_digest=None),
    "field_shredded": delete(fields).where(
        fields.c.subject == _given("subject"), fields.c.scope == _given("scope")
    ),
    "field_dropped": delete(fields).where(
        fields.c.subject == _given("subject"),
        fields.c.scope == _given("scope"),
        fields.c.name == _given("name"),
    ),
    "index_dropped": delete(index_rows).where(
        index_rows.c.subject == _given("subject"), index_rows.c.field == _given("name")
    ),
    "lead_moved": update(leads)
    .where(leads.c.subject == _given("subject"), leads.c.scope == _given("old"))
    .values(scope=_given("scope")),
    "lead_shredded": delete(leads).where(
        leads.c.subject == _given("subject"), leads.c.scope == _given("scope")
    ),
    "lead_withdrawn": update(leads)
    .where(*_LEADS)
    .values(
        status="withdrawn",
        keeps_until=case((leads.c.keeps_until < _UNTIL, leads.c.keeps_until), else_=_UNTIL),
    ),
    "conversation": update(conversations)
    .where(conversations.c.subject == _given("subject"), conversations.c.id == _given("id"))
    .values(
        locale=_given("locale"),
        scope=_given("scope"),
        revision=_given("revision"),
        sealed_state=_given("sealed_state"),
        last_seq=_given("last_seq"),
        updated_at=_given("updated_at"),
    ),
}


@cache
def statements(kind: str) -> Statements:
    """Return the statements for a kind of database, "sqlite" or "postgresql", compiled once in a process."""
    return Statements(make_url(f"{kind}://").get_dialect()())


def merged(several: Sequence[Mapping[str, Rows]]) -> dict[str, Rows]:
    """Return the rows of several turns, statement by statement."""
    together: dict[str, Rows] = {}
    for rows in several:
        for name, given in rows.items():
            together.setdefault(name, []).extend(given)
    return together
