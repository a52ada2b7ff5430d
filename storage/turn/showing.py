"""What messages need to be shown: the values they refer to, and the record where one shows it.

Values are opened for the person's own view. That is written down before they are returned, like every opening.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from intake.asking import NEED
from intake.outcomes import Heard, Reply
from intake.rules import Retention, Rules
from storage import scopes
from storage.evidence import audit
from storage.evidence.audit import OPENED, PERSON, Entry
from storage.means import KeysAtHand, stamp
from storage.records import KeptField, Message, Record, question_of
from storage.tables import conversations, disclosures, fields, leads
from storage.turn import waiting
from storage.turn.consents import decisions
from storage.turn.moving import field_place
from storage.turn.standing import Standing

OWN_VIEW = "own_view"  # the purpose of a person reading their own values
CARDS = ("review", "record", "code")  # kinds of `expects` that show values
_KEPT = select(fields).where(fields.c.subject.in_(bindparam("subjects", expanding=True)))


class Gathered(NamedTuple):
    """Values and record that messages show, and the audit's lines about opening them."""

    values: dict[str, str]
    record: Record | None
    entries: list[Entry]


def shown_by(messages: Iterable[Message]) -> set[str]:
    """Return the names of the fields whose values these messages show."""
    names: set[str] = set()
    for message in messages:
        body = message.body
        if isinstance(body, Heard) and body.answered:
            names.add(body.answered)
        elif isinstance(body, Reply) and body.expects.kind in CARDS:
            names.update(body.expects.fields)
    return names


def gather(
    connection: Connection,
    keys: KeysAtHand,
    standing: Standing,
    messages: Sequence[Message],
    rules: Rules,
    at: datetime,
    *,
    held: Mapping[str, str] = MappingProxyType({}),
    rows: Sequence[Row[Any]] | None = None,
    writing: bool = False,
) -> Gathered:
    """Return what these messages show, for the person themselves; `entries` are to be written before it is returned.

    Args: held: values that are at hand because the turn itself brought them; rows: of the person, where read already;
        writing: a turn at `at` is being written, so that what is not sent is kept from then on.
    """
    names, whole = shown_by(messages), shows_record(messages)
    earlier = {message.scope for message in messages if message.scope and NEED in shown_by([message])}
    held = {**held, **waiting.shown(connection, keys, standing.subject, standing.id, names - held.keys())}
    if not whole and not earlier and names <= held.keys():
        return Gathered({name: held[name] for name in names}, None, [])
    found = rows if rows is not None else rows_of(connection, [standing.subject])[standing.subject]
    mine = in_scopes(found, scopes_shown(standing.scope, standing.profile, standing.visit))
    shown = [row for row in mine if whole or row.name in names]
    left = earlier_questions(found, mine)
    asked = [row for row in left if whole or row.scope in earlier]
    values = {**open_values(keys, shown), **held, **open_questions(keys, asked)}
    opened = {row.name for row in (*shown, *asked)}
    entries = [own_opening(standing.subject, opened, at)] if opened else []
    order = (*rules.fields, *rules.visit)
    if not whole:
        return Gathered(values, None, entries)
    turn = at if writing else None
    seen = record(connection, shown, left, values, standing.subject, order, rules.retention, turn)
    return Gathered(values, seen, entries)


def shows_record(messages: Iterable[Message]) -> bool:
    """Tell whether one of these messages is the answer to "view"."""
    return any(
        isinstance(message.body, Reply) and message.body.expects.kind == "record" for message in messages
    )


def rows_of(connection: Connection, subjects: Collection[str]) -> dict[str, list[Row[Any]]]:
    """Return the rows of kept values of these people."""
    found: dict[str, list[Row[Any]]] = {subject: [] for subject in subjects}
    if found:
        for row in connection.execute(_KEPT, {"subjects": list(found)}):
            found[row.subject].append(row)
    return found


def in_scopes(rows: Iterable[Row[Any]], wanted: Collection[str]) -> list[Row[Any]]:
    """Return the rows that stand under one of these scopes."""
    return [row for row in rows if row.scope in wanted]


def open_values(keys: KeysAtHand, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """Return the values of these rows by field name. Raises KeyLost, CannotUnseal."""
    keys.fetch({(row.subject, row.scope) for row in rows})
    return {row.name: open_value(keys, row) for row in rows}


def earlier_questions(rows: Iterable[Row[Any]], shown: Collection[Row[Any]]) -> list[Row[Any]]:
    """Return the rows of the questions of other consultations than those whose values are shown, oldest first."""
    open_ones = {row.scope for row in shown}
    others = (row for row in rows if row.name == NEED and row.scope not in open_ones)
    return sorted(others, key=lambda row: (row.given_at, row.scope))


def open_questions(keys: KeysAtHand, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """Return the questions of earlier consultations, which their own messages show, and the record."""
    keys.fetch({(row.subject, row.scope) for row in rows})
    return {question_of(row.scope): open_value(keys, row) for row in rows}


def open_value(keys: KeysAtHand, row: Any) -> str:
    """Return the value of one row whose key is at hand."""
    place = field_place(row.subject, row.scope, row.name, row.revision)
    return keys.unseal(row.scope, place, row.sealed_value).decode()


def own_opening(subject: str, names: Collection[str], at: datetime) -> Entry:
    """Return the audit's line of a person seeing their own values."""
    return Entry(
        at=at,
        actor=PERSON,
        action=OPENED,
        subject=subject,
        purpose=OWN_VIEW,
        fields=tuple(sorted(names)),
    )


def record(
    connection: Connection,
    rows: Sequence[Row[Any]],
    earlier: Sequence[Row[Any]],
    values: Mapping[str, str],
    subject: str,
    order: Iterable[str],
    retention: Retention,
    turn: datetime | None = None,
) -> Record:
    """Return everything that "view" shows (S21), values in the configured order.

    Questions of earlier consultations are `need:1`, `need:2` …, so that `need` is always the one in use.
    Args: rows: of the profile, the visit record and the conversation's question; earlier: of the earlier questions;
        turn: one being written.
    """
    places = {name: place for place, name in enumerate((NEED, *order))}
    newest = connection.execute(
        select(leads.c.reference).where(leads.c.subject == subject).order_by(leads.c.submitted_at.desc())
    ).first()
    named = [(row.name, values[row.name], row) for row in rows]
    asked = [
        (f"{NEED}:{number}", values[question_of(row.scope)], row) for number, row in enumerate(earlier, 1)
    ]
    ordered = sorted([*named, *asked], key=lambda one: (places.get(one[2].name, len(places)), one[2].name))
    return Record(
        fields=tuple(
            KeptField(name=name, value=value, given_at=row.given_at, policy=row.policy)
            for name, value, row in ordered
        ),
        consents=decisions(connection, subject),
        recipients=_recipients(connection, subject),
        opened_by=tuple({**line, "at": stamp(line["at"])} for line in audit.opened_by(connection, subject)),
        keeps_until=_kept_until(connection, subject, retention, turn) if named or asked else None,
        lead=newest.reference if newest else "",
    )


def scopes_shown(scope: str, profile: int, visit: int) -> set[str]:
    """Return the scopes whose values a conversation shows."""
    return {scope, scopes.profile(profile), scopes.visit(visit)}


def _kept_until(
    connection: Connection, subject: str, retention: Retention, turn: datetime | None
) -> datetime | None:
    """Return when the last of it goes: the leads' end, or without one the newest conversation's, as swept (S12)."""
    sent = select(leads.c.keeps_until).where(leads.c.subject == subject)
    ends: list[datetime] = list(connection.scalars(sent))
    if ends:
        return max(ends)
    mine = select(conversations).where(conversations.c.subject == subject)
    newest = connection.execute(mine.order_by(conversations.c.updated_at.desc()).limit(1))
    drafts = [
        (turn or row.updated_at)
        + (retention.draft if scopes.is_consultation(row.scope) else retention.session)
        for row in newest
    ]
    return max(drafts, default=None)


def _recipients(connection: Connection, subject: str) -> tuple[Mapping[str, Any], ...]:
    told = select(disclosures).where(disclosures.c.subject == subject)
    return tuple(
        {
            "recipient": row.recipient,
            "at": stamp(row.at),
            "event": row.event,
            "fields": tuple(filter(None, row.fields.split(","))),
        }
        for row in connection.execute(told.order_by(disclosures.c.at, disclosures.c.id))
    )
