"""The way in for who has lost the chat: an address, a code to it, and a session for rights alone.

Whether an address is known must not show. So asking does the same for every address: a row, and a sealed task that
takes the address to the worker. Only the worker looks whose it is, notes that beside the row, and mails, or does not.

Whoever reads the mailbox is taken for each person who gave that address; each has a session of their own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from intake import codes as intake_codes
from intake.answers import normalised, parse
from intake.assurance import NEVER, Trust
from storage import outbox, scopes
from storage.errors import UNOPENED
from storage.means import KeysAtHand, Means
from storage.people import lookups
from storage.records import Session
from storage.tables import codes as code_rows
from storage.tables import conversations, fields, subjects
from storage.tables import sessions as session_rows
from storage.turn import codes, sessions, showing, waiting
from storage.turn.codes import CHANGE, CODES_KEPT, DOOR
from storage.turn.standing import LIVE, open_state, read

RIGHTS_LIFE = timedelta(hours=1)  # of a session of the my-data page; verified for the first ten minutes
PERSONS_MAX = 100  # people with one address whom one code lets in; the next code lets in the next
TOKEN_BYTES = 32  # bytes: 256 bits, as any token; docs/contract.md, "Sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A person whose code was entered, and the only copy of their token."""

    session: Session
    name: str  # of the field whose address answered the code
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What became of a code: a fault with the tries that are left, people who are let in, or values to keep."""

    fault: str = ""  # wrong_code, code_expired
    left: int = 0
    admitted: tuple[Admitted, ...] = ()
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A person who gave an address."""

    subject: str
    conversation: str
    address: str = field(repr=False)
    sent: bool  # a lead
    proven: bool  # a code that went there was entered


EXPIRED = Confirmation(fault="code_expired")


def ask(means: Means, connection: Connection, name: str, address: str, locale: str, now: datetime) -> str:
    """Note that a code was asked for an address in the field `name`; return the challenge. The same for any address."""
    challenge, code = means.new_id(), codes.drawn(means)
    one_form = normalised(means.rules.fields[name].kind, _kept(means, name, address) or address)
    macs = [mac for _, mac in means.keyring.macs(name, one_form)]
    # Those of a chat do not count here: they would tell that the address is known.
    earlier = connection.scalars(codes.asked((DOOR,), macs, now - CODES_KEPT)).all()
    if not intake_codes.may_send(earlier, now):
        return challenge
    row = codes.new_row("", challenge, DOOR, "", name, macs[0], now)
    row["code_mac"] = codes.code_mac(means.keyring, challenge, code)
    carried = {"subject": "", "field": name, "to": address, "code": code, "locale": locale}
    task = codes.mail_task(means, challenge, now, carried)
    connection.execute(insert(code_rows).values(**row))
    outbox.enqueue(connection, [task])
    return challenge


def _kept(means: Means, name: str, address: str) -> str:
    """Return the address as a person's is kept; "" for what can be none."""
    rule = means.rules.fields[name]
    kept = parse(rule.kind, address, region=means.rules.company.country, max_length=rule.max_length)
    return kept if isinstance(kept, str) else ""


def receiver(means: Means, connection: Connection, carried: Mapping[str, str], now: datetime) -> str:
    """Return the address to which a code goes now; "" where it works no more, or nobody here gave that address."""
    this = select(code_rows).where(code_rows.c.subject == carried["subject"], code_rows.c.id == carried["id"])
    row = connection.execute(this).first()
    if (
        row is None
        or not codes.is_open(row, now)
        or not codes.goes_out(means, connection, row, carried["to"])
    ):
        return ""
    if carried["subject"]:
        return carried["to"]
    people = persons(means, connection, carried["field"], carried["to"])
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for one in people:
        of_person = {
            **row._mapping,
            "subject": one.subject,
            "conversation": one.conversation,
            "code_mac": None,
        }
        connection.execute(dialect.insert(code_rows).values(**of_person).on_conflict_do_nothing())
    return people[0].address if people else ""


def persons(means: Means, connection: Connection, name: str, address: str) -> list[Found]:
    """Return who gave exactly this address and is let in now. What was only doubted opens nothing.

    Anybody can invent people with somebody else's address. So who sent a lead or proved the address comes before all
    others, then who came first; where they are too many, the next code lets in those whom none did within a day.

    Look-ups fold letters together that are different domains to a mail server: so capitals alone may differ.
    Of whom something opens no more nobody is let in; it keeps no mail from the others.
    """
    kept = _kept(means, name, address)
    if not kept:
        return []
    keys = KeysAtHand(means)
    known = lookups.find(means, connection, name, normalised(means.rules.fields[name].kind, kept))
    found = [_found(keys, connection, row, name) for row in _conversations(connection, known)]
    same = (one for one in found if one and one.address.lower() == kept.lower())
    first_of_each: dict[str, Found] = {}
    for one in same:
        first_of_each.setdefault(one.subject, one)
    let_in = _let_in(connection, known)
    in_turn = sorted(
        first_of_each.values(),
        key=lambda one: (one.subject in let_in, not one.sent, not one.proven),
    )
    return in_turn[:PERSONS_MAX]


def _let_in(connection: Connection, known: list[str]) -> set[str]:
    """Return which of these people a code has let in; rows of codes are kept for a day."""
    theirs = code_rows.c.subject.in_(known), code_rows.c.kind == DOOR, code_rows.c.entered_at.is_not(None)
    return set(connection.scalars(select(code_rows.c.subject).where(*theirs)))


def _conversations(connection: Connection, known: list[str]) -> list[Row[Any]]:
    """Return the conversations of these people, in the order in which the people came, the newest of each last."""
    theirs = (
        select(conversations.c.id, subjects.c.subject)
        .join(subjects, subjects.c.subject == conversations.c.subject)
        .where(subjects.c.subject.in_(known))
    )
    order = subjects.c.created_at, subjects.c.subject, conversations.c.updated_at.desc()
    return list(connection.execute(theirs.order_by(*order)))


def _found(keys: KeysAtHand, connection: Connection, row: Row[Any], name: str) -> Found | None:
    """Return what the person gave, as their conversation stands; None where something of it opens no more."""
    standing = read(connection, row.id)
    scope = scopes.profile(standing.profile)
    value = connection.execute(
        select(fields).where(fields.c.subject == row.subject, fields.c.scope == scope, fields.c.name == name)
    ).first()
    try:
        keys.fetch([(row.subject, scope), (row.subject, standing.scope)])
        state = open_state(keys, standing)
        doubted = name in state.doubted
        address = "" if value is None or doubted else showing.open_value(keys, value)
    except UNOPENED:
        return None
    return Found(row.subject, row.id, address, state.leads > 0, name in state.proven)


def confirm(
    means: Means, connection: Connection, challenge: str, code: str, now: datetime, session: Session | None
) -> Confirmation:
    """Take a code that was asked for outside the chat.

    Args: session: whose it is, where it came with a token: a new address is confirmed by the session that gave it.
    """
    owner = session.subject if session else ""
    this = select(code_rows).where(code_rows.c.id == challenge, code_rows.c.subject.in_(["", owner]))
    row = connection.execute(this.order_by(code_rows.c.subject).with_for_update()).first()
    known = row is not None and row.kind == (CHANGE if row.subject else DOOR)
    if row is None or not known or not codes.is_open(row, now):
        return EXPIRED
    mine = update(code_rows).where(code_rows.c.subject == row.subject, code_rows.c.id == challenge)
    typed = intake_codes.typed(code)
    if not typed or not codes.is_right(means.keyring, challenge, typed, row.code_mac):
        connection.execute(mine.values(misses=row.misses + bool(typed)))
        return Confirmation(fault="wrong_code", left=intake_codes.TRIES - row.misses - bool(typed))
    values = waiting.opened(KeysAtHand(means), row)
    everybodys = update(code_rows).where(code_rows.c.id == challenge)
    connection.execute(everybodys.values(code_mac=None, entered_at=now, sealed_values=None))
    if row.subject:
        return Confirmation(values=values) if values else EXPIRED
    admitted = tuple(_admit(means, connection, one, now) for one in _resolved(connection, challenge))
    return Confirmation(admitted=admitted) if admitted else EXPIRED


def _resolved(connection: Connection, challenge: str) -> list[Row[Any]]:
    """Return the rows of the people whose address a code went to and is still, who came last first."""
    since = exists().where(
        fields.c.subject == code_rows.c.subject,
        fields.c.name == code_rows.c.field,
        fields.c.given_at <= code_rows.c.created_at,  # it was not corrected meanwhile
    )
    people = (
        select(code_rows)
        .join(subjects, subjects.c.subject == code_rows.c.subject)
        .where(code_rows.c.id == challenge, code_rows.c.kind == DOOR, subjects.c.status == LIVE, since)
    )
    return list(connection.execute(people.order_by(subjects.c.created_at.desc(), subjects.c.subject)))


def _admit(means: Means, connection: Connection, row: Row[Any], now: datetime) -> Admitted:
    token = base64.urlsafe_b64encode(means.random(TOKEN_BYTES)).rstrip(b"=").decode()
    token_hash = hashlib.sha256(token.encode()).digest()
    trust = Trust(fresh_until=NEVER).verified(now)
    opened = sessions.opened(
        row.subject, row.conversation, token_hash, now + RIGHTS_LIFE, trust, kind=sessions.RIGHTS
    )
    connection.execute(insert(session_rows).values(**opened))
    session = sessions.session(connection, token_hash, now)
    assert session is not None, "it was opened a moment ago"
    return Admitted(session=session, name=row.field, token=token)
