"""Statements that a group of turns runs, each once for all of them, in one fixed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, case, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.tables import (
    chats,
    consents,
    conversations,
    doomed_keys,
    fields,
    index_rows,
    leads,
    messages,
    sessions,
    subjects,
    updates_seen,
)

Rows = list[dict[str, Any]]


class Statements:
    """What may be written, by name, in the order in which it is written; for one kind of database."""

    def __init__(self, dialect: str) -> None:
        self._insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
        self._all: dict[str, Executable] = {**self._openings(), **_CHANGES, **self._keepings()}

    def write(self, connection: Connection, rows: Mapping[str, Rows]) -> None:
        """Carry out every statement that has rows."""
        for name, statement in self._all.items():
            given = rows.get(name)
            if given:
                connection.execute(statement, given)

    def _openings(self) -> dict[str, Executable]:
        return {
            "subject_opened": self._insert(subjects),
            "session_opened": self._insert(sessions),
            "chat_opened": self._insert(chats),
            "conversation_opened": self._insert(conversations),
        }

    def _keepings(self) -> dict[str, Executable]:
        return {
            "consent_recorded": self._insert(consents),
            "field_kept": self._replacing(fields, "subject", "scope", "name"),
            "index_kept": self._replacing(index_rows, "subject", "field", "epoch"),
            "lead_sent": self._insert(leads),
            "message": self._insert(messages),
            "key_doomed": self._insert(doomed_keys).on_conflict_do_nothing(),
            "update_seen": self._insert(updates_seen).on_conflict_do_nothing(),
        }

    def _replacing(self, table: Table, *key: str) -> Executable:
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
_LEADS = (leads.c.subject == _given("subject"), leads.c.status != "withdrawn")
_CHANGES: Mapping[str, Executable] = {
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
        keeps_until=case((leads.c.keeps_until < _given("until"), leads.c.keeps_until), else_=_given("until")),
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


def merged(several: Sequence[Mapping[str, Rows]]) -> dict[str, Rows]:
    """Return the rows of several turns, statement by statement."""
    together: dict[str, Rows] = {}
    for rows in several:
        for name, given in rows.items():
            together.setdefault(name, []).extend(given)
    return together
