"""Conversations whose consultation is erased from outside go on under a key of their own, without what went."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from intake.asking import NEED
from intake.conversation import Aside, Conversation, Stage, altered
from intake.rules import Rules
from storage import scopes
from storage.codec import encode_state
from storage.errors import UNOPENED, Conflict
from storage.means import KeysAtHand, Means
from storage.tables import conversations, subjects
from storage.turn.standing import Standing, lock, must_live, open_state, state_place


def start(means: Means, connection: Connection, subject: str, doomed: Collection[str]) -> None:
    """Seal the states of a person's conversations anew, outside the doomed scopes; count their numbers on.

    When the words of a conversation are doomed it is as after an erasure in the chat: free chat, nothing open. A state
    that opens no more stays as it is: nobody can go on there, and it keeps nothing from being erased.
    Raises: Conflict when the person is gone; SubjectErased.
    """
    ids = connection.scalars(select(conversations.c.id).where(conversations.c.subject == subject)).all()
    standings = lock(connection, ids)
    if not standings:
        raise Conflict(f"subject {subject}: gone")
    keys = KeysAtHand(means, passing=True)  # as they are now: no state is given up over a key in memory
    keys.fetch_sound({(subject, standing.scope) for standing in standings.values()})
    for standing in standings.values():
        must_live(subject, standing.status)
        _amend(means, connection, keys, standing, doomed)
    person = next(iter(standings.values()))
    numbers = {
        "profile": person.profile + (scopes.profile(person.profile) in doomed),
        "visit": person.visit + (scopes.visit(person.visit) in doomed),
    }
    connection.execute(update(subjects).where(subjects.c.subject == subject).values(**numbers))


def _amend(
    means: Means, connection: Connection, keys: KeysAtHand, standing: Standing, doomed: Collection[str]
) -> None:
    try:
        state = open_state(keys, standing)
    except UNOPENED:
        return
    amended = _without(state, standing, doomed, means.rules)
    if amended == state:
        return
    scope = scopes.conversation(standing.scope, amended.scope, standing.id)
    keys.make([(standing.subject, scope)], new=[(standing.subject, scope)] if scope != standing.scope else ())
    place = state_place(standing.subject, standing.id, standing.revision + 1)
    mine = update(conversations).where(
        conversations.c.subject == standing.subject, conversations.c.id == standing.id
    )
    connection.execute(
        mine.values(
            scope=scope,
            revision=standing.revision + 1,
            sealed_state=keys.seal(scope, place, encode_state(amended)),
        )
    )


def _without(state: Conversation, standing: Standing, doomed: Collection[str], rules: Rules) -> Conversation:
    kept = state.kept
    if scopes.profile(standing.profile) in doomed:
        kept = tuple(name for name in kept if name == NEED or name in rules.visit)
    if scopes.visit(standing.visit) in doomed:
        kept = tuple(name for name in kept if name not in rules.visit)
        state = altered(state, visit=False)
    if standing.scope not in doomed:
        return altered(state, kept=kept)
    return altered(
        state,
        stage=Stage.ENDED,
        field="",
        changing=False,
        aside=Aside.NONE,
        aside_field="",
        kept=tuple(name for name in kept if name != NEED),
        skipped=(),
        session=state.session + 1,
        consultation=0,
        sent="",
    )
