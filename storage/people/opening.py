"""Opening values for a stated purpose: a live consent first, then the audit's line, committed, then the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from intake.asking import NEED
from storage import scopes
from storage.errors import ConsentRequired, NotFound, PurposeRequired
from storage.evidence import audit
from storage.evidence.audit import OFFICER, OPENED, PERSON, Entry
from storage.means import KeysAtHand, Means
from storage.people.receipts import receipts_of
from storage.records import Record
from storage.tables import conversations, leads, subjects
from storage.turn import consents, fields, showing
from storage.turn.showing import OWN_VIEW
from storage.turn.standing import must_live


def open_fields(
    means: Means,
    connection: Connection,
    subject: str,
    names: Sequence[str],
    *,
    purpose: str,
    actor: str,
    reference: str = "",
) -> dict[str, str]:
    """Return the values of these fields; what was never given is left out. Commit before they are used.

    Args: purpose: of the consent, or what a colleague states (it then rests on each field's own purpose);
        reference: of the lead whose question is meant; without one, the newest.
    Raises: PurposeRequired, ConsentRequired, SubjectErased, NotFound.
    """
    if not purpose:
        raise PurposeRequired("say what the values are needed for")
    person = _person(connection, subject)
    live = consents.live(connection, [subject])[subject]
    if purpose != OWN_VIEW:
        for name in names:
            _must_be_covered(means, live, name, purpose)
    wanted = {scopes.profile(person.profile), scopes.visit(person.visit)}
    if NEED in names:
        wanted |= _questions(connection, subject, reference)
    kept = showing.in_scopes(showing.rows_of(connection, [subject])[subject], wanted)
    rows = [row for row in kept if row.name in names]
    values = showing.open_values(KeysAtHand(means), rows)
    note = Entry(
        at=means.clock(),
        actor=actor,
        action=OPENED,
        subject=subject,
        purpose=purpose,
        fields=tuple(sorted(values)),
    )
    audit.write(connection, means.writer, [note])
    return values


def own_record(means: Means, connection: Connection, subject: str, *, purpose: str) -> Record:
    """Return everything that is kept of a person, questions included. Raises PurposeRequired, SubjectErased."""
    if not purpose:
        raise PurposeRequired("say what the record is needed for")
    person = _person(connection, subject)
    talks = connection.scalars(
        select(conversations.c.scope)
        .where(conversations.c.subject == subject)
        .order_by(conversations.c.created_at)
    )
    wanted = {scopes.profile(person.profile), scopes.visit(person.visit), *talks}
    kept = showing.rows_of(connection, [subject])[subject]
    rows = showing.in_scopes(kept, wanted)
    earlier, keys = showing.earlier_questions(kept, rows), KeysAtHand(means)
    values = {**showing.open_values(keys, rows), **showing.open_questions(keys, earlier)}
    note = Entry(
        at=means.clock(),
        actor=PERSON if purpose == OWN_VIEW else OFFICER,
        action=OPENED,
        subject=subject,
        purpose=purpose,
        fields=tuple(sorted({row.name for row in (*rows, *earlier)})),
    )
    audit.write(connection, means.writer, [note])
    order = (*means.rules.fields, *means.rules.visit)
    return showing.record(connection, rows, earlier, values, subject, order, means.rules.retention)


def receipts(means: Means, connection: Connection, subject: str) -> tuple[Mapping[str, Any], ...]:
    """Return the signed receipts of every decision of a person. Raises SubjectErased, NotFound."""
    _person(connection, subject)
    return receipts_of(means, connection, subject)


def _person(connection: Connection, subject: str) -> Row[Any]:
    """Return the person, whom no turn changes until the transaction ends: values keep the keys they are under."""
    theirs = select(subjects).where(subjects.c.subject == subject).with_for_update(read=True)
    row = connection.execute(theirs).first()
    if row is None:
        raise NotFound(f"subject {subject}")
    must_live(subject, row.status)
    return row


def _must_be_covered(means: Means, live: Mapping[str, str], name: str, purpose: str) -> None:
    """Raises ConsentRequired unless a live consent covers opening this field for this purpose."""
    rules = means.rules
    if purpose in rules.purposes:
        covering = rules.purposes[purpose]
        covered = name in covering.fields or (name == NEED and covering.required)
        if not covered or purpose not in live:
            raise ConsentRequired(f"no live consent to {purpose} covers {name}")
        return
    if name != NEED:
        fields.must_be_agreed(rules, live, name)
    else:
        consents.must_be_contactable(rules, live)


def _questions(connection: Connection, subject: str, reference: str) -> set[str]:
    """Return the scope of the lead's question; of the newest lead, or of the open consultations where none was sent."""
    mine = select(leads.c.scope).where(leads.c.subject == subject).order_by(leads.c.submitted_at.desc())
    if reference:
        mine = mine.where(leads.c.reference == reference)
    newest = connection.execute(mine).first()
    if newest is not None or reference:
        return {newest.scope} if newest is not None else set()
    talks = connection.scalars(select(conversations.c.scope).where(conversations.c.subject == subject))
    return set(talks)
