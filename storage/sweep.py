"""Retention: what nobody may keep any longer goes, by the same steps as when somebody asks for it (S12).

A lead goes at its `keeps_until`. A consultation that was never sent goes `retention.draft` after its last turn, what
was said without consent `retention.session` after it. The details go with the last of these, the person with the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from intake.rules import Rules
from storage import erasing, erasure, lookups, orphans, scopes
from storage.connecting import truncate_wal
from storage.erasing import ALL, DRAFT, LEAD
from storage.errors import Conflict
from storage.means import Means
from storage.standing import LIVE
from storage.tables import conversations, fields, leads, messages, subjects

STUB_KEPT = timedelta(days=30)  # contract: an erased token answers 410 for 30 days
UPDATES_KEPT = timedelta(
    days=2
)  # Telegram repeats an update for 24 hours at most; Bot API, "Getting updates"
ORPHAN_AGE = timedelta(hours=1)  # design, "Sealing": no turn takes that long between key and data


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be erased: a whole person (no scopes named), or these scopes of theirs."""

    subject: str
    scope: str  # all, lead, draft
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    scope: str
    ends: datetime
    kind: str  # LEAD or DRAFT
    consented: bool  # the details may be kept as long as this


def due(rules: Rules, connection: Connection, now: datetime) -> list[Due]:
    """Return what has come to its end at `now`, oldest persons first."""
    found: list[Due] = []
    pieces = _pieces(rules, connection, _candidates(connection, now))
    held = _held_scopes(connection, list(pieces))
    for subject, mine in pieces.items():
        if all(piece.ends <= now for piece in mine):
            found.append(Due(subject=subject, scope=ALL))
            continue
        ended = [piece for piece in mine if piece.ends <= now]
        bare = not any(piece.consented for piece in mine if piece.ends > now)
        found.extend(_parts(subject, ended, bare, held[subject]))
    return found


def _candidates(connection: Connection, now: datetime) -> list[str]:
    """Return the live people who have something that may have ended."""
    resting = select(conversations.c.subject).where(conversations.c.look_at <= now)
    over = select(leads.c.subject).where(leads.c.keeps_until <= now)
    some = select(subjects.c.subject).where(
        subjects.c.status == LIVE, or_(subjects.c.subject.in_(resting), subjects.c.subject.in_(over))
    )
    return list(connection.scalars(some.order_by(subjects.c.created_at, subjects.c.subject)))


def _pieces(rules: Rules, connection: Connection, candidates: list[str]) -> dict[str, list[_Piece]]:
    pieces: dict[str, list[_Piece]] = {subject: [] for subject in candidates}
    sent: set[str] = set()
    for lead in connection.execute(select(leads).where(leads.c.subject.in_(candidates))):
        pieces[lead.subject].append(_Piece(lead.scope, lead.keeps_until, LEAD, consented=True))
        sent.add(lead.scope)
    for talk in connection.execute(select(conversations).where(conversations.c.subject.in_(candidates))):
        if talk.scope in sent:
            continue
        ends = talk.updated_at + _keep(rules, talk.scope)
        pieces[talk.subject].append(_Piece(talk.scope, ends, DRAFT, scopes.is_consultation(talk.scope)))
    return pieces


def _held_scopes(connection: Connection, candidates: list[str]) -> dict[str, set[str]]:
    """Return the scopes under which something is kept: what went already is not erased again."""
    held: dict[str, set[str]] = defaultdict(set)
    words = select(messages.c.subject, messages.c.scope).where(
        messages.c.subject.in_(candidates), messages.c.sealed_body.is_not(None)
    )
    values = select(fields.c.subject, fields.c.scope).where(fields.c.subject.in_(candidates))
    for subject, scope in connection.execute(words.union(values)):
        held[subject].add(scope)
    return held


def _parts(subject: str, ended: Iterable[_Piece], bare: bool, held: set[str]) -> list[Due]:
    parts = [
        Due(subject=subject, scope=piece.kind, scopes=(piece.scope,))
        for piece in ended
        if piece.kind == LEAD or piece.scope in held
    ]
    details = tuple(sorted(scope for scope in held if scope.startswith("profile.")))
    if bare and details:
        last = parts.pop() if parts else Due(subject=subject, scope=DRAFT)
        parts.append(Due(subject=subject, scope=last.scope, scopes=(*last.scopes, *details)))
    return parts


def sweep(means: Means, now: datetime) -> int:
    """Erase what is due, finish what was left, forget what has served; return how many things went."""
    with means.engine.begin() as connection:
        waiting = erasure.unfinished(connection)
        parts = due(means.rules, connection, now)
    begun = [one for part in parts if (one := _begin(means, part, now))]
    for one in (*waiting, *begun):
        erasure.finish(means, one)
    with means.engine.begin() as connection:
        _look_later(means.rules, connection, now)
        forgotten = lookups.forget_old(connection, now, now - UPDATES_KEPT, now - STUB_KEPT)
    swept = orphans.sweep(means, now - ORPHAN_AGE)
    truncate_wal(means.engine)
    means.keyring.scrub()
    return len(waiting) + len(begun) + forgotten + swept


def _look_later(rules: Rules, connection: Connection, now: datetime) -> None:
    """Let what may stay rest until it may end. No later turn can end it sooner than the shortest time after itself."""
    soonest = now + min(rules.retention.draft, rules.retention.session)
    looked_at = connection.execute(select(conversations).where(conversations.c.look_at <= now)).all()
    for talk in looked_at:
        ends = talk.updated_at + _keep(rules, talk.scope)
        this = (conversations.c.subject == talk.subject) & (conversations.c.id == talk.id)
        rests = min(ends, soonest) if ends > now else soonest
        connection.execute(update(conversations).where(this).values(look_at=rests))


def _keep(rules: Rules, scope: str) -> timedelta:
    return rules.retention.draft if scopes.is_consultation(scope) else rules.retention.session


def _begin(means: Means, part: Due, now: datetime) -> str:
    try:
        with means.engine.begin() as connection:
            return erasing.begin_due(means, connection, part.subject, part.scope, part.scopes, now)
    except Conflict:  # another worker was faster
        return ""
