"""The disclosure log: who was told what of whom, and whether they confirmed it (S16, L8). Names, never values.

A row is written *before* anything leaves, so that a withdrawal or an erasure a moment later knows whom to tell.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from storage.tables import disclosures as rows


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
