"""One transaction of turns, in rounds: a round holds one turn of each person at most, so each meets a settled state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from intake.assurance import SOMEBODY_FRESH, Assurance, Presence
from intake.conversation import Aside, Conversation, altered
from intake.outcomes import Step, Submit
from storage.errors import SessionEnded
from storage.evidence import audit
from storage.keys.rows import KeyName
from storage.means import KeysAtHand, Means
from storage.outbox import enqueue
from storage.records import Turn, TurnDone, TurnFailed
from storage.references import new_reference
from storage.tables import leads
from storage.turn import codes, planning, repeats, sessions
from storage.turn.carrying import Carrying, numbers_after
from storage.turn.planning import Planned, Stepped
from storage.turn.standing import LIVE, Standing, lock, missing, must_live, open_state
from storage.turn.writing import Statements, merged

T = TypeVar("T")
_TAKEN = select(leads.c.reference).where(leads.c.reference.in_(bindparam("references", expanding=True)))


class Group:
    """The turns of one transaction. `left` are the keys to discard once it is committed."""

    def __init__(
        self,
        means: Means,
        statements: Statements,
        connection: Connection,
        batch: Sequence[Turn],
        decide: Callable[[Turn, Conversation], Step],
    ) -> None:
        self.left: list[KeyName] = []
        self._means = means
        self._statements = statements
        self._connection = connection
        self._batch = batch
        self._decide = decide
        self._keys = KeysAtHand(means)
        self._standings: dict[str, Standing] = {}
        self._states: dict[str, Conversation] = {}  # as the next turn meets them
        self._said: dict[bytes, repeats.Said] = {}  # by event key
        self._held: dict[bytes, sessions.Held] = {}  # sessions, by their tokens' hashes
        self._event_keys: list[bytes] = []  # by place in the batch; empty: cannot be repeated
        self._results: dict[int, TurnDone | TurnFailed] = {}  # by place in the batch

    def carry_out(self) -> list[TurnDone | TurnFailed]:
        """Carry out every turn and return what became of each, in order."""
        self._standings = lock(
            self._connection, {turn.conversation for turn in self._batch if not turn.opening}
        )
        self._open_states()
        self._event_keys = [self._event_key(turn) for turn in self._batch]
        self._said = repeats.known(self._connection, list(filter(None, self._event_keys)))
        self._held = sessions.held(self._connection, {turn.session for turn in self._batch if turn.session})
        for places in self._rounds():
            self._round(places)
        # one that is missing is a fault of ours
        return [self._results[place] for place in range(len(self._batch))]

    def _open_states(self) -> None:
        live = [one for one in self._standings.values() if one.status == LIVE]
        self._keys.fetch({(one.subject, one.scope) for one in live})
        for standing in live:
            with suppress(Exception):  # tried again when its turn comes, which then fails alone
                self._states[standing.id] = open_state(self._keys, standing)

    def _event_key(self, turn: Turn) -> bytes:
        state = turn.opening.state if turn.opening else self._states.get(turn.conversation)
        return repeats.event_key(state, turn.key) if state and turn.key else turn.key

    def _rounds(self) -> Iterator[list[int]]:
        persons = {name: standing.subject for name, standing in self._standings.items()}
        persons |= {turn.conversation: turn.opening.subject for turn in self._batch if turn.opening}
        turns_of: dict[str, int] = defaultdict(int)
        rounds: dict[int, list[int]] = defaultdict(list)
        for place, turn in enumerate(self._batch):
            person = persons.get(turn.conversation, turn.conversation)
            rounds[turns_of[person]].append(place)
            turns_of[person] += 1
        yield from rounds.values()

    def _round(self, places: list[int]) -> None:
        met = [(place, one) for place in places if (one := self._attempt(place, self._meet, place))]
        stepped = [done for place, one in met if (done := self._attempt(place, self._step, place, one))]
        stepped = self._with_free_references(stepped)
        known = planning.read(self._means, self._connection, self._keys, stepped)
        given = self._means, self._connection, self._keys
        planned = [
            plan for one in stepped if (plan := self._attempt(one.place, planning.plan, *given, one, known))
        ]
        self._write([plan.carrying for plan in planned])
        for plan in planned:
            self._settle(plan)

    def _attempt(self, place: int, call: Callable[..., T | None], *given: object) -> T | None:
        """Return what `call` returns; whatever it raises fails this one turn, except a fault of the database."""
        try:
            return call(*given)
        except SQLAlchemyError:
            raise
        except Exception as fault:
            self._results[place] = TurnFailed(self._batch[place].conversation, fault)
            return None

    def _meet(self, place: int) -> Standing | None:
        """Return the row that a turn meets; None for a repeat, which is answered here."""
        turn = self._batch[place]
        said = self._said.get(self._event_keys[place])
        if turn.opening:
            return planning.opened_row(turn.conversation, turn.opening)
        standing = self._standings.get(turn.conversation)
        if standing is None:
            raise missing(self._connection, turn.conversation)
        must_live(standing.subject, standing.status)
        held = self._held.get(turn.session)
        if turn.session and (held is None or held.expires_at <= turn.at):
            raise SessionEnded(f"conversation {turn.conversation}: a session that ended")
        if said is None:
            return standing
        if turn.update:
            repeats.record_update(self._connection, turn.update, turn.at, "")
        state = self._state(standing)
        done = repeats.answer(self._means, self._connection, self._keys, turn, standing, state, said)
        self._results[place] = replace(done, session=turn.session, trust=held.trust if held else None)
        return None

    def _step(self, place: int, standing: Standing) -> Stepped:
        turn = self._batch[place]
        state = turn.opening.state if turn.opening else self._state(standing)
        presence = self._presence(turn, standing, state)
        if presence is not SOMEBODY_FRESH:
            turn = replace(turn, presence=presence)
        return self._decided(
            place, turn, standing, state if state.reference else self._with_fresh_reference(state)
        )

    def _state(self, standing: Standing) -> Conversation:
        return self._states.get(standing.id) or open_state(self._keys, standing)

    def _presence(self, turn: Turn, standing: Standing, state: Conversation) -> Presence:
        """Return what is known of whoever is there: a turn without a session comes from a channel that knows."""
        held = self._held.get(turn.session)
        assurance = held.trust.at(turn.at) if held else Assurance.FRESH
        if assurance is Assurance.FRESH and state.aside is not Aside.CODE and not state.proven:
            return SOMEBODY_FRESH
        return codes.presence(self._means, self._keys, self._connection, turn, standing, state, assurance)

    def _decided(self, place: int, turn: Turn, standing: Standing, state: Conversation) -> Stepped:
        step = self._decide(turn, state)
        used = [effect.reference for effect in step.effects if isinstance(effect, Submit)]
        if step.state.reference in used:
            step = replace(step, state=self._with_fresh_reference(step.state))
        event_key, held = self._event_keys[place], self._held.get(turn.session)
        numbers = numbers_after(standing, step, self._means.rules)
        return Stepped(place, turn, event_key, held, standing, state, step, numbers, tuple(used))

    def _with_free_references(self, stepped: list[Stepped]) -> list[Stepped]:
        """Step a turn again with its next reference where the first one belongs to a lead already."""
        wanted = [reference for one in stepped for reference in one.references]
        if not wanted:
            return stepped
        taken = set(self._connection.scalars(_TAKEN, {"references": wanted}))
        again: list[Stepped] = []
        for one in stepped:
            if taken.isdisjoint(one.references):
                again.append(one)
                continue
            renamed = self._with_fresh_reference(one.state)
            if done := self._attempt(one.place, self._decided, one.place, one.turn, one.standing, renamed):
                again.append(done)
        return again

    def _with_fresh_reference(self, state: Conversation) -> Conversation:
        """Return the state with a fresh reference for its next lead."""
        return altered(state, reference=new_reference(self._means.random))

    def _write(self, planned: Sequence[Carrying]) -> None:
        self._statements.write(self._connection, merged([one.rows for one in planned]))
        enqueue(self._connection, [task for one in planned for task in one.tasks])
        entries = [entry for one in planned for entry in one.entries]
        audit.write(self._connection, self._means.writer, entries)
        for one in planned:
            for write in one.later:
                write(self._connection)

    def _settle(self, planned: Planned) -> None:
        """Note what the next round meets, and the turn's result."""
        carrying, stepped = planned.carrying, planned.stepped
        self._results[stepped.place] = planned.done
        self._standings[planned.standing.id] = planned.standing
        self._states[planned.standing.id] = carrying.state
        if planned.said:
            self._said[stepped.event_key] = planned.said
        if stepped.held and planned.done.trust:
            self._held[stepped.turn.session] = stepped.held._replace(trust=planned.done.trust)
        for scope in carrying.doomed:
            self.left.extend(self._keys.names(carrying.standing.subject, scope))
