"""Turns, carried out together: one transaction loads, steps and saves a whole group (design, "How a message flows").

A turn that cannot be carried out (its step raises, a consent is missing, a key is lost) fails alone while it is being
planned; nothing of it was written by then. Where the database itself refuses a row, the group is rolled back and every
turn of it tried by itself. A database that is away fails all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy.exc import DBAPIError, StatementError

from intake.conversation import Conversation
from intake.outcomes import Step
from storage.connecting import FAULTS, is_away
from storage.errors import Conflict, KekAway, RestoreRefused, StorageError
from storage.means import Means
from storage.records import Turn, TurnDone, TurnFailed
from storage.turn.group import Group
from storage.turn.writing import Statements

Decide = Callable[[Turn, Conversation], Step]
Result = TurnDone | TurnFailed

ATTEMPTS = 3  # a lost race is won within two repeats, or something else is wrong
POISON = (StatementError, StorageError, TypeError, ValueError)  # what one turn's rows can do to a whole group
LOST_RACES = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected; PostgreSQL, Appendix A


def carry_out(means: Means, statements: Statements, batch: Sequence[Turn], decide: Decide) -> list[Result]:
    """Return what became of each turn, in order; all that succeeded are committed."""
    try:
        return _together(means, statements, batch, decide)
    except POISON as fault:
        if is_away(fault):
            raise
        if len(batch) == 1:
            return [TurnFailed(batch[0].conversation, fault)]
    return [_alone(means, statements, turn, decide) for turn in batch]


def may_pass(fault: Exception) -> bool:
    """Say whether a turn that failed so may succeed when it is tried again later, as it is."""
    lost = isinstance(fault, DBAPIError) and _is_lost_race(fault)
    return lost or isinstance(fault, Conflict | KekAway | RestoreRefused) or is_away(fault)


def _alone(means: Means, statements: Statements, turn: Turn, decide: Decide) -> Result:
    """Carry out one turn of a group that was split; its neighbours are committed already, so nothing is raised."""
    try:
        return carry_out(means, statements, [turn], decide)[0]
    except Exception as fault:
        return TurnFailed(turn.conversation, fault)


def _together(
    means: Means, statements: Statements, batch: Sequence[Turn], decide: Decide, attempt: int = 1
) -> list[Result]:
    try:
        with means.engine.begin() as connection:
            group = Group(means, statements, connection, batch, decide)
            results = group.carry_out()
    except DBAPIError as fault:
        if attempt == ATTEMPTS or not _is_lost_race(fault):
            raise
        return _together(means, statements, batch, decide, attempt + 1)
    if group.doomed:
        with suppress(*FAULTS):  # the data is committed: the sweep destroys what is left over
            means.keyring.discard(group.doomed)
    return results


def _is_lost_race(fault: DBAPIError) -> bool:
    return getattr(fault.orig, "sqlstate", None) in LOST_RACES
