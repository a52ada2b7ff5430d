"""Everything sealed that a data database holds, and opening it: for tests of what must not be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from storage import scopes, tables
from storage.keys.keyring import Keyring
from storage.keys.sealing import Place, unseal
from storage.outbox import TASK_SCOPE
from storage.sales.staff import STAFF_SCOPE
from storage.turn import waiting
from storage.turn.erasing import chat_place
from storage.turn.moving import field_place, message_place
from storage.turn.saying import digest_place
from storage.turn.standing import state_place


class Envelope(NamedTuple):
    """One sealed value: under whose key, and where it stands."""

    subject: str
    scope: str
    place: Place
    sealed: bytes

    def opened(self, keyring: Keyring, *, fresh: bool = True) -> bytes:
        """Return the value; not `fresh`: under a key that may be in memory. Raises KeyLost when the key is gone."""
        name = self.subject, self.scope
        return unseal(keyring.keys([name], fresh=fresh).get(name, {}), self.place, self.sealed)


def _state(row: Any) -> Envelope:
    place = state_place(row.subject, row.id, row.revision)
    return Envelope(row.subject, row.scope, place, row.sealed_state)


def _body(row: Any) -> Envelope:
    place = message_place(row.subject, row.conversation, row.seq)
    return Envelope(row.subject, row.scope, place, row.sealed_body)


def _digest(row: Any) -> Envelope:
    place = digest_place(row.subject, row.conversation, row.seq)
    return Envelope(row.subject, scopes.profile(row.profile), place, row.sealed_digest)


def _value(row: Any) -> Envelope:
    place = field_place(row.subject, row.scope, row.name, row.revision)
    return Envelope(row.subject, row.scope, place, row.sealed_value)


def _evidence(row: Any) -> Envelope:
    place = Place(row.subject, "consents", "sealed_evidence", row.id, 0)
    return Envelope(row.subject, scopes.CONSENTS, place, row.sealed_evidence)


def _chat(row: Any) -> Envelope:
    place = chat_place(row.subject, row.conversation)
    return Envelope(row.subject, scopes.CHAT, place, row.sealed_chat)


def _task(task: str, sealed: bytes) -> Envelope:
    return Envelope(task, TASK_SCOPE, Place(task, "outbox", "sealed", task, 0), sealed)


def _email(row: Any) -> Envelope:
    return Envelope(row.id, STAFF_SCOPE, Place(row.id, "staff", "sealed_email", row.id, 0), row.sealed_email)


def _waiting(row: Any) -> Envelope:
    return Envelope(row.subject, row.scope, waiting.place(row.subject, row.id), row.sealed_values)


SEALED: Mapping[tuple[str, str], Callable[[Any], Envelope]] = {
    ("conversations", "sealed_state"): _state,
    ("messages", "sealed_body"): _body,
    ("messages", "sealed_digest"): _digest,
    ("fields", "sealed_value"): _value,
    ("consents", "sealed_evidence"): _evidence,
    ("chats", "sealed_chat"): _chat,
    ("codes", "sealed_values"): _waiting,
    ("outbox", "sealed"): lambda row: _task(row.id, row.sealed),
    ("erasures", "sealed_task"): lambda row: _task(row.task, row.sealed_task),
    ("staff", "sealed_email"): _email,
}


def envelopes(connection: Connection) -> Iterator[Envelope]:
    """Yield every envelope of the database."""
    for (name, column), envelope in SEALED.items():
        table = tables.metadata.tables[name]
        query = select(table).where(table.c[column].is_not(None), table.c[column] != b"")
        if column == "sealed_digest":
            profile = select(tables.subjects.c.profile).where(tables.subjects.c.subject == table.c.subject)
            query = query.add_columns(profile.scalar_subquery().label("profile"))
        for row in connection.execute(query):
            yield envelope(row)


def sealed_columns() -> set[tuple[str, str]]:
    """Return every column that holds envelopes, by the name that all of them bear."""
    return {
        (table.name, column.name)
        for table in tables.metadata.tables.values()
        for column in table.c
        if column.name.startswith("sealed")
    }
