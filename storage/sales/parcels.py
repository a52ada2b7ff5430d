"""What a recipient is told, decided at the moment of sending: consent is checked again, only allowed fields are opened.

Source: S16, L3, L8; design, "Outbox".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from intake.rules import Recipient
from storage.connecting import reading
from storage.errors import ConsentRequired, NotFound, StorageError, SubjectErased
from storage.outbox import Outbox, Task
from storage.people import disclosures
from storage.sales.leads import Lead, Leads
from storage.store import Store
from storage.tables import leads, subjects
from storage.turn.standing import LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What one recipient is told now."""

    reference: str
    topic: str
    fields: Mapping[str, str] = field(repr=False)


class Parcels:
    """Turns a task of ids into what may leave, noted in the disclosure log before it does."""

    def __init__(self, engine: sa.Engine, store: Store, leads_: Leads, outbox: Outbox) -> None:
        self._engine = engine
        self._store = store
        self._leads = leads_
        self._outbox = outbox

    def parcel(self, task: Task, recipient: Recipient, now: datetime) -> Parcel | None:
        """Return what this recipient may be told now; None: nothing any more, drop the task."""
        if task.lasting:
            carried = self._outbox.carried(task)
            self._note(task, recipient, "", (), now)  # no reference: nothing may point at who was erased
            return Parcel(reference=carried["reference"], topic="", fields={})
        allowed = self._withdrawal if task.kind == "consent.withdrawn" else self._allowed
        try:
            return allowed(task, recipient, now)
        except (ConsentRequired, NotFound, SubjectErased):
            return None

    def acknowledged(self, task: Task, now: datetime) -> None:
        """Note that the recipient of a task confirmed it."""
        with self._engine.begin() as connection:
            disclosures.acknowledged(connection, task.subject, task.id, now)

    def _withdrawal(self, task: Task, recipient: Recipient, now: datetime) -> Parcel | None:
        """The one event that is told because consent is gone: without values, and only to who had them."""
        known = sa.select(leads.c.topic).join(subjects, subjects.c.subject == leads.c.subject)
        mine = sa.and_(leads.c.reference == task.reference, subjects.c.status == LIVE)
        with reading(self._engine).begin() as connection:
            row = connection.execute(known.where(mine)).first()
            told = disclosures.knows(connection, task.subject, recipient.id)
        if row is None or not told:
            return None
        self._note(task, recipient, task.reference, (), now)
        return Parcel(reference=task.reference, topic=row.topic, fields={})

    def _allowed(self, task: Task, recipient: Recipient, now: datetime) -> Parcel | None:
        lead = self._leads.one(task.reference)
        if recipient.purpose not in lead.purposes:
            return None
        names = self._names(task, recipient, lead)
        new = self._note(task, recipient, lead.reference, names, now)
        try:
            values = self._opened(lead, recipient, names)
        except StorageError:  # nothing leaves now
            if new:  # otherwise an earlier try may have reached them, and the row stays
                with self._engine.begin() as connection:
                    disclosures.undisclosed(connection, task.subject, task.id)
            raise
        return Parcel(reference=lead.reference, topic=lead.topic, fields=values)

    def _names(self, task: Task, recipient: Recipient, lead: Lead) -> tuple[str, ...]:
        if recipient.kind == "mail":  # a mail says that there is something to see, and where; nothing else
            return ()
        allowed = set(recipient.fields) & set(self._leads.covered(recipient.purpose))
        if task.kind == "person.corrected" and task.fields:
            allowed &= set(task.fields)
        return tuple(name for name in lead.fields if name in allowed)

    def _opened(self, lead: Lead, recipient: Recipient, names: tuple[str, ...]) -> Mapping[str, str]:
        if not names:
            return {}
        return self._store.open_fields(
            lead.subject,
            names,
            purpose=recipient.purpose,
            actor=f"recipient:{recipient.id}",
            reference=lead.reference,
        )

    def _note(
        self, task: Task, recipient: Recipient, reference: str, names: tuple[str, ...], now: datetime
    ) -> bool:
        with self._engine.begin() as connection:
            if not task.lasting:
                disclosures.must_stay(connection, task.subject, task.reference)
            return disclosures.disclosed(
                connection,
                name=task.id,
                subject=task.subject,
                recipient=recipient.id,
                event=task.kind,
                reference=reference,
                fields=names,
                at=now,
            )
