"""Turns, carried out together: one transaction loads, steps and saves a whole group (design, "How a message flows").

A turn that cannot be carried out (its step raises, a consent is missing, a key is lost) fails alone while it is being
planned; nothing of it was written by then. Where the database itself refuses a row, the group is rolled back and every
turn of it tried by itself. A database that is away fails all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, StatementError

from intake.conversation import Conversation
from intake.outcomes import Step
from storage.connecting import is_away
from storage.errors import Conflict, KekAway, RestoreRefused, StorageError
from storage.keys.rows import KeyName
from storage.means import Means
from storage.records import Turn, TurnDone, TurnFailed
from storage.turn.group import Group
from storage.turn.writing import Statements

Decide = Callable[[Turn, Conversation], Step]
Result = TurnDone | TurnFailed

ATTEMPTS = 3  # a lost race is won within two repeats, or something else is wrong
POISON = (StatementError, StorageError, TypeError, ValueError)  # what one turn's rows can do to a whole group
LOST_RACES = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected; PostgreSQL, Appendix A


class Carried(NamedTuple):
    """What became of each turn, in order; all that succeeded are committed. `left`: keys that nothing is under now."""

    results: list[Result]
    left: list[KeyName]


def carry_out(means: Means, statements: Statements, batch: Sequence[Turn], decide: Decide) -> Carried:
    """Carry out turns; the caller discards what they left."""
    try:
        return _together(means, statements, batch, decide)
    except POISON as fault:
        if is_away(fault):
            raise
        if len(batch) == 1:
            return Carried([TurnFailed(batch[0].conversation, fault)], [])
    alone = [_alone(means, statements, turn, decide) for turn in batch]
    return Carried(
        [one for done in alone for one in done.results], [one for done in alone for one in done.left]
    )


def may_pass(fault: Exception) -> bool:
    """Say whether a turn that failed so may succeed when it is tried again later, as it is."""
    lost = isinstance(fault, DBAPIError) and _is_lost_race(fault)
    return lost or isinstance(fault, Conflict | KekAway | RestoreRefused) or is_away(fault)


def _alone(means: Means, statements: Statements, turn: Turn, decide: Decide) -> Carried:
    """Carry out one turn of a group that was split; its neighbours are committed already, so nothing is raised."""
    try:
        return carry_out(means, statements, [turn], decide)
    except Exception as fault:
        return Carried([TurnFailed(turn.conversation, fault)], [])


def _together(
    means: Means, statements: Statements, batch: Sequence[Turn], decide: Decide, attempt: int = 1
) -> Carried:
    try:
        with means.engine.begin() as connection:
            group = Group(means, statements, connection, batch, decide)
            results = group.carry_out()
    except DBAPIError as fault:
        if attempt == ATTEMPTS or not _is_lost_race(fault):
            raise
        return _together(means, statements, batch, decide, attempt + 1)
    return Carried(results, group.left)


def _is_lost_race(fault: DBAPIError) -> bool:
    return getattr(fault.orig, "sqlstate", None) in LOST_RACES
