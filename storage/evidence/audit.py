"""Who did what to whom, when and what for: ids, purposes and field names, never a value. Rows are only ever added.

Each writer (a process) numbers its own rows without gaps; the number is drawn in the transaction that writes the row.
So writers never wait for each other. `storage.evidence.chain` ties what they wrote together afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ExceptionContext, bindparam, event, func, insert, select

from storage.audit_tables import audit

PERSON = "person"  # the actor of what people do about themselves
OFFICER = "officer"  # the actor of whoever helps people with their rights
COMMAND = "command"  # the actor of what is done at the terminal
DESK = "desk"  # the actor of what happens by itself: retention
OPENED = "opened"  # the action of reading values
_APPENDING = insert(audit)
_LAST = select(func.coalesce(func.max(audit.c.number), 0)).where(audit.c.writer == bindparam("name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit."""

    at: datetime
    actor: str
    action: str
    subject: str
    purpose: str = ""  # one, or several with commas between
    fields: tuple[str, ...] = ()
    policy: str = ""
    records: tuple[str, ...] = ()  # ids of the decisions, or of the KEK, that it is about


class Writer:
    """A process, as the audit knows it: its name, and how many rows it has committed.

    It counts for itself. Were the table the only memory, whoever cut its newest row would have the number drawn again.
    """

    __slots__ = ("_before", "_written", "name")

    def __init__(self, name: str) -> None:
        """Begin with nothing written; `name` is new for each process."""
        self.name = name
        self._before = self._written = 0

    def last(self, connection: Connection) -> int:
        """Return this writer's last number. Where the table has less, rows were cut: the gap stays for all to see."""
        stored: int = connection.execute(_LAST, {"name": self.name}).scalar_one()
        return max(stored, self._written)

    def reaches(self, connection: Connection, number: int) -> None:
        """Count rows up to this number when the connection's transaction is committed."""
        self._before = self._written  # the same at each write of one transaction
        event.listen(connection, "commit", lambda _: self._committing(number))  # comes just before
        if not event.contains(connection.engine, "handle_error", self._failed):
            event.listen(connection.engine, "handle_error", self._failed)

    def _committing(self, number: int) -> None:
        self._written = number

    def _failed(self, fault: ExceptionContext) -> None:
        # a commit that failed: what it had to write is not there, or nobody knows
        if fault.statement is None:
            self._written = self._before


def write(connection: Connection, writer: Writer, entries: Sequence[Entry]) -> None:
    """Append entries in the caller's transaction, numbered on from this writer's last one."""
    if not entries:
        return
    last = writer.last(connection)
    connection.execute(
        _APPENDING,
        [
            {
                "writer": writer.name,
                "number": last + place,
                "at": entry.at,
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
                "purpose": entry.purpose,
                "fields": ",".join(entry.fields),
                "policy": entry.policy,
                "records": ",".join(entry.records),
            }
            for place, entry in enumerate(entries, 1)
        ],
    )
    writer.reaches(connection, last + len(entries))


def looked_up(subjects: Sequence[str], field: str, at: datetime, actor: str) -> list[Entry]:
    """Return the lines that say whom the officer or a colleague found by the value of a field."""
    return [Entry(at=at, actor=actor, action="found", subject=one, fields=(field,)) for one in subjects]


def about_epoch(epoch: str, kek: str, at: datetime, *, actor: str, action: str) -> Entry:
    """Return the line of what somebody does with an epoch of the keyring; it is about nobody."""
    return Entry(at=at, actor=actor, action=action, subject="", purpose=epoch, records=(kek,))


def opened_by(connection: Connection, subject: str) -> tuple[Mapping[str, Any], ...]:
    """Return who else opened this person's values, when and what for: "who saw my data"."""
    seen = (
        select(audit.c.actor, audit.c.at, audit.c.purpose, audit.c.fields)
        .where(audit.c.subject == subject, audit.c.action == OPENED, audit.c.actor != PERSON)
        .order_by(audit.c.at, audit.c.writer, audit.c.number)
    )
    return tuple(
        {"by": row.actor, "at": row.at, "purpose": row.purpose, "fields": _names(row.fields)}
        for row in connection.execute(seen)
    )


def _names(joined: str) -> tuple[str, ...]:
    return tuple(filter(None, joined.split(",")))
