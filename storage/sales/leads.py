"""Leads as colleagues and recipients may see them: names of fields always, values only with a live consent.

Access is decided here, below every page and command: a lead whose person withdrew, was erased or is being erased is not
in any list and cannot be opened (design, "Purpose-bound"; L3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from intake.answers import normalised, parse
from intake.asking import NEED
from intake.rules import Rules
from storage import scopes
from storage.connecting import reading
from storage.errors import (
    UNOPENED,
    ConsentRequired,
    NotFound,
    PurposeRequired,
    StorageError,
    SubjectErased,
)
from storage.evidence import audit
from storage.evidence.audit import Entry
from storage.people import disclosures
from storage.references import REFERENCE
from storage.store import Store
from storage.tables import consents, fields, leads, subjects
from storage.turn.fields import INDEXED
from storage.turn.standing import LIVE

# What keeps one lead out of an export, and not the others: its person left, or its keys did.
LEFT_OUT = (ConsentRequired, NotFound, SubjectErased, *UNOPENED)
STATUSES = ("new", "open", "waiting", "closed")
WITHDRAWN = "withdrawn"
HANDLED = "handled"  # the audit's action: status or assignee of a lead
PAGE = 50  # leads; design, "Look-up": the newest 50 cost less than a millisecond
STATED = ("call_back", "write_back", "prepare_answer")  # what colleagues say for the purpose of answering
_CURSOR = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A lead without its values. `fields` and `purposes` are what the person gave and agreed to, by name."""

    subject: str
    conversation: str
    reference: str
    topic: str
    channel: str
    locale: str
    status: str
    assignee: str
    at: datetime
    answer_due: datetime
    keeps_until: datetime
    fields: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A lead with the values that were opened."""

    lead: Lead
    values: Mapping[str, str] = field(repr=False)


class Leads:
    """Reads and opens leads. Values come from the store alone, which audits each opening before it returns."""

    def __init__(
        self, engine: sa.Engine, store: Store, rules: Rules, *, random: Callable[[int], bytes]
    ) -> None:
        self._engine = engine
        self._store = store
        self._rules = rules
        self._random = random
        self._access = next(purpose.id for purpose in rules.purposes.values() if purpose.required)

    def newest(
        self, *, status: str = "", persons: Collection[str] | None = None, cursor: str = "", limit: int = PAGE
    ) -> tuple[list[Lead], str]:
        """Return a page of leads, the newest first, and the cursor of the next page or "".

        Args: status: only these; persons: only leads of these subjects. Raises ValueError for a cursor that is none.
        """
        wanted = self._accessible()
        if status:
            wanted = wanted.where(leads.c.status == status)
        if persons is not None:
            wanted = wanted.where(leads.c.subject.in_(persons))
        if cursor:
            wanted = wanted.where(_before(cursor))
        wanted = wanted.order_by(leads.c.submitted_at.desc(), leads.c.reference.desc()).limit(limit + 1)
        with reading(self._engine).begin() as connection:
            found = self._with_names(connection, connection.execute(wanted).all())
        shown = found[:limit]
        return shown, _cursor(shown[-1]) if len(found) > limit else ""

    def search(self, query: str, actor: str) -> list[Lead]:
        """Return the leads with exactly this reference, phone or e-mail address: there is no other search.

        Whose phone or address it is is confirmed by opening it, so it is audited.
        """
        try:
            return [self.one(query.upper())]
        except (NotFound, ConsentRequired):
            return self.newest(persons=self._persons(query, actor))[0]

    def one(self, reference: str) -> Lead:
        """Return a lead. Raises NotFound; ConsentRequired when its person withdrew."""
        if not REFERENCE.fullmatch(reference):
            raise NotFound("a lead without a reference")
        with reading(self._engine).begin() as connection:
            rows = connection.execute(self._accessible().where(leads.c.reference == reference)).all()
            found = self._with_names(connection, rows)
            if found:
                return found[0]
            there = sa.select(leads.c.reference).join(subjects, subjects.c.subject == leads.c.subject)
            known = connection.scalar(there.where(leads.c.reference == reference, subjects.c.status == LIVE))
        if known is not None:
            raise ConsentRequired(f"lead {reference}: consent was withdrawn")
        raise NotFound(f"lead {reference}")

    def open_lead(self, reference: str, purpose: str, names: Sequence[str], actor: str) -> Opened:
        """Return a lead with the values of `names`, audited first.

        Raises: PurposeRequired without a known purpose; NotFound for a field that was not given; ConsentRequired when
        the purpose does not cover a field or is not agreed to.
        """
        lead = self.one(reference)
        self._consent_for(purpose)
        if unknown := set(names) - set(lead.fields):
            raise NotFound(f"lead {reference} has no {', '.join(sorted(unknown))}")
        return self._opened(lead, names, purpose, actor)

    def change(
        self, reference: str, actor: str, *, status: str | None = None, assignee: str | None = None
    ) -> Lead:
        """Set the status or whose lead it is, audited. Raises NotFound, ConsentRequired, ValueError: no such status."""
        if status is not None and status not in STATUSES:
            raise ValueError("no such status")
        lead, means = self.one(reference), self._store.means
        given = {"status": status, "assignee": assignee}
        changes = {name: to for name, to in given.items() if to not in (None, getattr(lead, name))}
        entry = Entry(at=means.clock(), actor=actor, action=HANDLED, subject=lead.subject, fields=(*changes,))
        if changes:
            mine = sa.and_(leads.c.reference == reference, leads.c.status != WITHDRAWN)
            with self._engine.begin() as connection:
                changed = connection.execute(sa.update(leads).where(mine).values(**changes))
                audit.write(connection, means.writer, [entry] * changed.rowcount)  # none: it has just gone
        return self.one(reference)

    def export(
        self, purpose: str, since: datetime | None, actor: str, now: datetime, only: Collection[str] = ()
    ) -> list[Opened]:
        """Return every lead whose person agreed to the purpose, opened; each is a row in the disclosure log.

        Who withdraws or is erased meanwhile, or whose details cannot be opened any more, is left out.
        Args: only: the fields that are used, no others are opened; none named: all.
        """
        under = self._consent_for(purpose)
        wanted = self._accessible().order_by(leads.c.submitted_at, leads.c.reference)
        if since is not None:
            wanted = wanted.where(leads.c.submitted_at >= since)
        with reading(self._engine).begin() as connection:
            found = self._with_names(connection, connection.execute(wanted).all())
        used = set(self.covered(under)) & set(only or self.covered(under))
        exported: list[Opened] = []
        for lead in found:
            if under in lead.purposes:
                names = tuple(name for name in lead.fields if name in used)
                with suppress(*LEFT_OUT):
                    exported.append(self._exported(lead, names, purpose, actor, now))
        return exported

    def _persons(self, query: str, actor: str) -> set[str]:
        persons, region = set[str](), self._rules.company.country
        for known in self._rules.fields.values():
            if known.kind in INDEXED:
                value = parse(known.kind, query, region=region, max_length=known.max_length)
                if isinstance(value, str):
                    persons.update(self._store.look_up(known.name, normalised(known.kind, value), actor))
        return persons

    def _accessible(self) -> sa.Select[Any]:
        agreed = sa.exists().where(
            consents.c.subject == leads.c.subject,
            consents.c.purpose == self._access,
            consents.c.decision == "agreed",
            consents.c.ended_at.is_(None),
        )
        profile = subjects.c.profile.label("profile")
        joined = sa.select(leads, profile).join(subjects, subjects.c.subject == leads.c.subject)
        return joined.where(subjects.c.status == LIVE, leads.c.status != WITHDRAWN, agreed)

    def _with_names(self, connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[Lead]:
        persons = {row.subject for row in rows}
        names = sa.select(fields.c.subject, fields.c.scope, fields.c.name)
        held: dict[tuple[str, str], set[str]] = {}
        for subject, scope, name in connection.execute(names.where(fields.c.subject.in_(persons))):
            held.setdefault((subject, scope), set()).add(name)
        live = sa.select(consents.c.subject, consents.c.purpose).where(
            consents.c.subject.in_(persons), consents.c.decision == "agreed", consents.c.ended_at.is_(None)
        )
        agreed: dict[str, set[str]] = {}
        for subject, purpose in connection.execute(live):
            agreed.setdefault(subject, set()).add(purpose)
        return [self._lead(row, held, agreed.get(row.subject, set())) for row in rows]

    def _lead(self, row: sa.Row[Any], held: Mapping[tuple[str, str], set[str]], agreed: set[str]) -> Lead:
        given = held.get((row.subject, row.scope), set()) | held.get(
            (row.subject, scopes.profile(row.profile)), set()
        )
        return Lead(
            subject=row.subject,
            conversation=row.conversation,
            reference=row.reference,
            topic=row.topic,
            channel=row.channel,
            locale=row.locale,
            status=row.status,
            assignee=row.assignee,
            at=row.submitted_at,
            answer_due=row.answer_due,
            keeps_until=row.keeps_until,
            fields=_in_order(self._rules.fields, given),
            purposes=tuple(purpose for purpose in self._rules.purposes if purpose in agreed),
        )

    def _consent_for(self, purpose: str) -> str:
        if purpose in STATED:
            return self._access
        if purpose not in self._rules.purposes:
            raise PurposeRequired("say what the values are needed for")
        return purpose

    def covered(self, purpose: str) -> tuple[str, ...]:
        """Return the fields that may be used for a purpose; the question itself only to answer it."""
        own = self._rules.purposes[purpose].fields
        return (*own, NEED) if purpose == self._access else own

    def _exported(
        self, lead: Lead, names: tuple[str, ...], purpose: str, actor: str, now: datetime
    ) -> Opened:
        row = self._random(16).hex()
        with self._engine.begin() as connection:
            disclosures.must_stay(connection, lead.subject, lead.reference)
            disclosures.disclosed(
                connection,
                name=row,
                subject=lead.subject,
                recipient=disclosures.EXPORT,
                event="leads.export",
                reference=lead.reference,
                fields=names,
                at=now,
            )
        try:
            return self._opened(lead, names, purpose, actor)
        except StorageError:  # nothing left after all
            with self._engine.begin() as connection:
                disclosures.undisclosed(connection, lead.subject, row)
            raise

    def _opened(self, lead: Lead, names: Sequence[str], purpose: str, actor: str) -> Opened:
        opened = self._store.open_fields(
            lead.subject, names, purpose=purpose, actor=actor, reference=lead.reference
        )
        return Opened(lead=lead, values=opened)


def _in_order(known: Iterable[str], given: set[str]) -> tuple[str, ...]:
    configured = [name for name in known if name in given]
    return (*configured, *sorted(given.difference(configured)))


def _cursor(lead: Lead) -> str:
    return f"{lead.at.astimezone(UTC).strftime(_CURSOR)}.{lead.reference}"


def _before(cursor: str) -> sa.ColumnElement[bool]:
    moment, _, reference = cursor.partition(".")
    at = datetime.strptime(moment, _CURSOR).replace(tzinfo=UTC)
    if not REFERENCE.fullmatch(reference):
        raise ValueError("no cursor of ours")
    same = sa.and_(leads.c.submitted_at == at, leads.c.reference < reference)
    return sa.or_(leads.c.submitted_at < at, same)
