"""Retention: what nobody may keep any longer goes, by the same steps as when somebody asks for it (S12).

A lead goes at its `keeps_until`. A consultation that was never sent goes `retention.draft` after its last word, what
was said without consent `retention.session` after it. The details go with the last of these, the person with the rest.
A visit record goes when the time of its purpose is over, counted from the visit, or with the person before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, func, or_, select, update

from intake.rules import Rules
from storage import scopes
from storage.connecting import is_away, truncate_wal
from storage.errors import Conflict, OperatorMustAct, SubjectErased
from storage.means import Means
from storage.people import erasure, lookups, orphans
from storage.tables import conversations, fields, leads, messages, subjects
from storage.turn import erasing
from storage.turn.erasing import ALL, DRAFT, LEAD, VISIT
from storage.turn.standing import LIVE

STUB_KEPT = timedelta(days=30)  # contract: an erased token answers 410 for 30 days
# Telegram repeats an update for 24 hours at most; Bot API, "Getting updates"
UPDATES_KEPT = timedelta(days=2)
ORPHAN_AGE = timedelta(hours=1)  # design, "Sealing": no turn takes that long between key and data
AT_ONCE = 500  # people looked at in one query; bounds its parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be erased: a whole person (no scopes named), or these scopes of theirs."""

    subject: str
    scope: str  # all, lead, draft, visit
    scopes: tuple[str, ...] = ()


T = TypeVar("T", str, Due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something of a person that comes to its end at a time of its own."""

    scope: str
    ends: datetime
    kind: str  # LEAD or DRAFT
    consented: bool  # the details may be kept as long as this
    held: bool  # something stands there still


def due(rules: Rules, connection: Connection, now: datetime) -> list[Due]:
    """Return what has come to its end at `now`, oldest persons first."""
    found: list[Due] = []
    for some in _batches(_candidates(connection, now)):
        for subject, pieces in _pieces(rules, connection, some).items():
            ended = list(_ended(subject, pieces, _details(connection, subject), now))
            if all(part.scope != ALL for part in ended):
                visits = _visits(rules, connection, subject)
                ended += [
                    Due(subject=subject, scope=VISIT, scopes=(scope,))
                    for scope, ends in visits
                    if ends <= now
                ]
            found.extend(ended)
    return found


def _candidates(connection: Connection, now: datetime) -> list[str]:
    """Return the live people who have something that may have ended."""
    resting = select(conversations.c.subject).where(conversations.c.look_at <= now)
    over = select(leads.c.subject).where(leads.c.keeps_until <= now)
    some = select(subjects.c.subject).where(
        subjects.c.status == LIVE, or_(subjects.c.subject.in_(resting), subjects.c.subject.in_(over))
    )
    return list(connection.scalars(some.order_by(subjects.c.created_at, subjects.c.subject)))


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]


def _pieces(rules: Rules, connection: Connection, some: Sequence[str]) -> dict[str, list[Piece]]:
    """Return what each of these people has, by when it ends."""
    pieces: dict[str, list[Piece]] = {subject: [] for subject in some}
    spoken: dict[tuple[str, str], datetime] = {}  # last word under each scope
    words = select(messages.c.subject, messages.c.scope, func.max(messages.c.at).label("last"))
    there = words.where(messages.c.subject.in_(some), messages.c.sealed_body.is_not(None))
    for row in connection.execute(there.group_by(messages.c.subject, messages.c.scope)):
        spoken[row.subject, row.scope] = row.last
    for lead in connection.execute(select(leads).where(leads.c.subject.in_(some))):
        spoken.pop((lead.subject, lead.scope), None)
        pieces[lead.subject].append(
            Piece(scope=lead.scope, ends=lead.keeps_until, kind=LEAD, consented=True, held=True)
        )
    sent = {(subject, piece.scope) for subject, mine in pieces.items() for piece in mine}
    for talk in connection.execute(select(conversations).where(conversations.c.subject.in_(some))):
        if (talk.subject, talk.scope) not in sent:
            held = spoken.pop((talk.subject, talk.scope), None) is not None
            pieces[talk.subject].append(_draft(rules, talk.scope, talk.updated_at, held=held))
    for (subject, scope), last in spoken.items():  # consultations that were left behind
        pieces[subject].append(_draft(rules, scope, last, held=True))
    return pieces


def _draft(rules: Rules, scope: str, last: datetime, *, held: bool) -> Piece:
    consented = scopes.is_consultation(scope)
    keep = rules.retention.draft if consented else rules.retention.session
    return Piece(scope=scope, ends=last + keep, kind=DRAFT, consented=consented, held=held)


def _details(connection: Connection, subject: str) -> tuple[str, ...]:
    kept = select(fields.c.scope).distinct().where(fields.c.subject == subject)
    return tuple(sorted(scope for scope in connection.scalars(kept) if scopes.is_profile(scope)))


def _ended(subject: str, pieces: Sequence[Piece], details: tuple[str, ...], now: datetime) -> Iterator[Due]:
    if all(piece.ends <= now for piece in pieces):
        yield Due(subject=subject, scope=ALL)
        return
    parts = [(piece.kind, (piece.scope,)) for piece in pieces if piece.ends <= now and piece.held]
    if details and not any(piece.consented for piece in pieces if piece.ends > now):
        kind, last = parts.pop() if parts else (DRAFT, ())
        parts.append((kind, (*last, *details)))
    for kind, doomed in parts:
        yield Due(subject=subject, scope=kind, scopes=doomed)


def _visits(rules: Rules, connection: Connection, subject: str) -> Iterator[tuple[str, datetime]]:
    """Yield the scope of the person's visit record, if there is one, and when its time is over."""
    kept = select(fields.c.scope, func.max(fields.c.given_at).label("last")).where(
        fields.c.subject == subject
    )
    for row in connection.execute(kept.group_by(fields.c.scope)):
        if scopes.is_visit(row.scope):
            yield row.scope, row.last + _visit_kept(rules)


def _visit_kept(rules: Rules) -> timedelta:
    purpose = rules.purposes.get(VISIT)
    return purpose.keep if purpose else timedelta()  # it may not be kept for a purpose that is there no more


def sweep(means: Means, now: datetime) -> int:
    """Finish what was left, erase what is due, forget what has served; return how many things went.

    What fails for one person keeps nobody else's data here: its fault is raised when all the rest is done.
    """
    faults: dict[str | Due, Exception] = {}
    with means.engine.begin() as connection:
        waiting = erasure.unfinished(connection)
    gone = _each(waiting, lambda one: bool(erasure.finish(means, one)), faults)
    with means.engine.begin() as connection:
        candidates = _candidates(connection, now)
        parts = due(means.rules, connection, now)
    gone += _each(parts, lambda part: _erase(means, part, now), faults)
    left = {part.subject for part in faults if isinstance(part, Due)}
    gone += _tidy(means, [subject for subject in candidates if subject not in left], now)
    for fault in faults.values():
        raise fault
    return gone


def _each(many: Sequence[T], work: Callable[[T], bool], faults: dict[str | Due, Exception]) -> int:
    """Do a work for each, and note which fail by themselves; return how often it was done."""
    done = 0
    for one in many:
        try:
            done += work(one)
        except Exception as fault:
            if is_away(fault) or isinstance(
                fault, OperatorMustAct
            ):  # nobody's own: the others would fail as well
                raise
            faults[one] = fault
    return done


def _erase(means: Means, part: Due, now: datetime) -> bool:
    begun = _begin(means, part, now)
    return bool(begun and erasure.finish(means, begun))


def _tidy(means: Means, looked_at: Sequence[str], now: datetime) -> int:
    with means.engine.begin() as connection:
        for some in _batches(looked_at):
            _look_later(means.rules, connection, some, now)
        forgotten = lookups.forget_old(connection, now, now - UPDATES_KEPT, now - STUB_KEPT)
    swept = orphans.sweep(means, now - ORPHAN_AGE)
    truncate_wal(means.engine)
    means.keyring.scrub()
    return forgotten + swept


def _begin(means: Means, part: Due, now: datetime) -> str:
    try:
        with means.engine.begin() as connection:
            return erasing.begin_due(means, connection, part.subject, part.scope, part.scopes, now)
    except (Conflict, SubjectErased):  # another worker was faster
        return ""


def _look_later(rules: Rules, connection: Connection, some: Sequence[str], now: datetime) -> None:
    """Let what may stay rest until something of it may end: no later turn ends it sooner than the shortest time."""
    soonest = now + min(rules.retention.draft, rules.retention.session)
    for subject, pieces in _pieces(rules, connection, some).items():
        visits = (ends for _, ends in _visits(rules, connection, subject))
        rests = min(
            (ends for ends in (*(piece.ends for piece in pieces), *visits) if ends > now), default=soonest
        )
        mine = update(conversations).where(conversations.c.subject == subject)
        connection.execute(mine.values(look_at=min(rests, soonest)))
