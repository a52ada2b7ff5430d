"""Conversations as they stand when a group of turns begins: loaded together, locked, opened."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from intake.conversation import Conversation
from storage.codec import decode_state
from storage.errors import NotFound, SubjectErased
from storage.keys.sealing import Place
from storage.means import KeysAtHand
from storage.tables import conversations, sessions, subjects

LIVE = "live"
ERASING = "erasing"


class Standing(NamedTuple):
    """The row of a conversation with what matters of its person."""

    subject: str
    id: str
    channel: str
    site: str
    locale: str
    scope: str
    revision: int
    sealed_state: bytes
    last_seq: int
    status: str
    profile: int
    visit: int

    @property
    def place(self) -> Place:
        """Return where the state is sealed to."""
        return state_place(self.subject, self.id, self.revision)


_COLUMNS = (
    *(conversations.c[name] for name in Standing._fields[:9]),
    subjects.c.status,
    subjects.c.profile,
    subjects.c.visit,
)
_JOINED = select(*_COLUMNS).join(subjects, subjects.c.subject == conversations.c.subject)
# Sorted, so that two processes lock in the same order; SQLite has one writer, there the lock is left out.
_LOCKED = (
    _JOINED.where(conversations.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(conversations.c.id)
    .with_for_update()
)
# Shared, so that no turn moves what is read to another key, and destroys the old one, before it is opened.
_ONE = _JOINED.where(conversations.c.id == bindparam("id")).with_for_update(read=True)
_STUB = select(sessions.c.subject).where(
    sessions.c.conversation == bindparam("id"), sessions.c.erased_at.is_not(None)
)


def state_place(subject: str, conversation: str, revision: int) -> Place:
    """Return where a conversation's state is sealed to."""
    return Place(subject, "conversations", "sealed_state", conversation, revision)


def lock(connection: Connection, ids: Collection[str]) -> dict[str, Standing]:
    """Return the conversations with these ids, locked with their people until the transaction ends."""
    if not ids:
        return {}
    return {row[1]: Standing._make(row) for row in connection.execute(_LOCKED, {"ids": list(ids)}).all()}


def read(connection: Connection, conversation: str) -> Standing:
    """Return a live conversation; no turn changes it until the transaction ends.

    Raises: NotFound; SubjectErased when its person was or is being erased.
    """
    row = connection.execute(_ONE, {"id": conversation}).first()
    if row is None:
        raise missing(connection, conversation)
    standing = Standing._make(row)
    must_live(standing.subject, standing.status)
    return standing


def missing(connection: Connection, conversation: str) -> NotFound | SubjectErased:
    """Return the fault that says why there is no such conversation."""
    if connection.execute(_STUB, {"id": conversation}).first():
        return SubjectErased(f"conversation {conversation}: erased")
    return NotFound(f"conversation {conversation}")


def must_live(subject: str, status: str) -> None:
    """Raises SubjectErased when the person is being erased: from then on nothing is read or written."""
    if status != LIVE:
        raise SubjectErased(f"subject {subject}: being erased")


def open_state(keys: KeysAtHand, standing: Standing) -> Conversation:
    """Return the state of a conversation. Raises KeyLost, CannotUnseal."""
    return decode_state(keys.unseal(standing.scope, standing.place, standing.sealed_state))
