"""The disclosure log: who was told what of whom, and whether they confirmed it (S16, L8). Names, never values.

A row is written *before* anything leaves, so that a withdrawal or an erasure a moment later knows whom to tell.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from storage.errors import NotFound
from storage.tables import disclosures as rows
from storage.tables import leads, subjects
from storage.turn.standing import must_live

EXPORT = "export"  # the recipient's name for a file that a colleague took


def disclosed(
    connection: sa.Connection,
    *,
    name: str,
    subject: str,
    recipient: str,
    event: str,
    reference: str,
    fields: tuple[str, ...],
    at: datetime,
) -> bool:
    """Write one row; return whether it is new. A repeated delivery (same `name`) stays one disclosure."""
    there = sa.select(rows.c.id).where(rows.c.subject == subject, rows.c.id == name)
    if connection.execute(there).first() is not None:
        return False
    connection.execute(
        sa.insert(rows).values(
            subject=subject,
            id=name,
            at=at,
            recipient=recipient,
            event=event,
            reference=reference,
            fields=",".join(fields),
        )
    )
    return True


def must_stay(connection: sa.Connection, subject: str, reference: str) -> None:
    """Keep a person and their lead from being erased until this transaction ends.

    Otherwise a row could be added to the log after the erasure has read whom to tell.
    Raises: SubjectErased, NotFound when that has begun.
    """
    theirs = sa.select(subjects.c.status).where(subjects.c.subject == subject).with_for_update(read=True)
    must_live(subject, connection.execute(theirs).scalar_one_or_none() or "gone")
    lead = sa.select(leads.c.id).where(leads.c.subject == subject, leads.c.reference == reference)
    if connection.execute(lead).first() is None:
        raise NotFound(f"lead {reference}: erased")


def undisclosed(connection: sa.Connection, subject: str, name: str) -> None:
    """Take a row back: nothing left after all."""
    connection.execute(sa.delete(rows).where(rows.c.subject == subject, rows.c.id == name))


def acknowledged(connection: sa.Connection, subject: str, name: str, at: datetime) -> None:
    """Note that the recipient confirmed."""
    mine = sa.and_(rows.c.subject == subject, rows.c.id == name)
    connection.execute(sa.update(rows).where(mine).values(acknowledged_at=at))


def knows(connection: sa.Connection, subject: str, recipient: str) -> bool:
    """Say whether this recipient was ever told anything of this person."""
    told = sa.select(rows.c.id).where(rows.c.subject == subject, rows.c.recipient == recipient)
    return connection.execute(told.limit(1)).first() is not None
