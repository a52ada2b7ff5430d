"""One turn between its step and its commit: what is known, what will be written. Nothing is written while planning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from intake.asking import NEED
from intake.conversation import Conversation
from intake.outcomes import (
    Erase,
    KeepField,
    OpenConsultation,
    RecordAttestation,
    RecordConsent,
    SendCode,
    Step,
    Withdraw,
)
from intake.rules import Rules
from storage import scopes
from storage.evidence.audit import Entry
from storage.keys.cache import Name
from storage.keys.sealing import Place
from storage.means import KeysAtHand, Means
from storage.outbox import Task
from storage.records import Turn
from storage.turn.standing import Standing
from storage.turn.writing import Rows


@dataclass(frozen=True, slots=True)
class Numbers:
    """Under which scopes a turn leaves the conversation's words, the profile and the visit record."""

    scope: str
    profile: int
    visit: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was read for all turns of a round before any is planned."""

    live: Mapping[str, Mapping[str, str]]  # subject -> purpose with a live consent -> policy version
    messages: Mapping[Name, Sequence[Row[Any]]]  # rows of the scopes that move
    fields: Mapping[Name, Sequence[Row[Any]]]
    shown: Mapping[str, Sequence[Row[Any]]]  # subject -> rows of kept values, where messages show some


@dataclass(slots=True, eq=False, kw_only=True)
class Carrying:
    """Inputs of one turn's effects, and what they come to."""

    means: Means
    keys: KeysAtHand
    turn: Turn
    event_key: bytes  # salted; empty: cannot be repeated
    standing: Standing
    step: Step
    numbers: Numbers
    known: Known
    live: dict[str, str]  # grows and shrinks with the effects
    rows: dict[str, Rows] = field(default_factory=dict, repr=False)
    kept: dict[Name, dict[str, Any]] = field(default_factory=dict, repr=False)  # (scope, field) -> row
    indexed: dict[str, Rows] = field(default_factory=dict, repr=False)  # field -> look-up rows
    values: dict[str, str] = field(default_factory=dict, repr=False)  # at hand: kept by this turn, or waiting
    # after the rows, same transaction
    later: list[Callable[[Connection], None]] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    doomed: list[str] = field(default_factory=list)  # scopes whose keys go after the commit
    moved: set[str] = field(default_factory=set)  # scopes that were moved by this turn already
    verified: bool = False  # a code was entered
    challenge: str = ""  # id of a code that is confirmed over HTTP
    erasure: str = ""
    erased: Erase | None = None

    @property
    def at(self) -> datetime:
        """Return when the turn happened."""
        return self.turn.at

    @property
    def rules(self) -> Rules:
        """Return the company's rules."""
        return self.means.rules

    @property
    def state(self) -> Conversation:
        """Return the state after the step."""
        return self.step.state

    def write(self, statement: str, /, **row: Any) -> None:
        """Have a row written by the statement of this name."""
        self.rows.setdefault(statement, []).append(row)

    def seal(
        self,
        scope: str,
        table: str,
        column: str,
        row: str,
        revision: int,
        plaintext: bytes,
        *,
        text: bool = False,
    ) -> bytes:
        """Return the envelope of a value of this person; `text` hides the length of free text better."""
        place = Place(self.standing.subject, table, column, row, revision)
        return self.keys.seal(scope, place, plaintext, powers_of_two=text)


def numbers_after(standing: Standing, step: Step, rules: Rules) -> Numbers:
    """Return the scopes after a step: what is corrected moves to a new key, what is erased leaves its own behind."""
    scope = scopes.conversation(standing.scope, step.state.scope, standing.id)
    profile, visit = standing.profile, standing.visit
    if not step.effects:
        return Numbers(scope, profile, visit)
    corrected = {effect.name for effect in step.effects if isinstance(effect, KeepField) and effect.replaces}
    if NEED in corrected:
        scope = scopes.next_number(scope)
    if any(name in rules.visit for name in corrected):
        visit += 1
    if any(name != NEED and name not in rules.visit for name in corrected):
        profile += 1
    for effect in step.effects:
        if isinstance(effect, Erase):
            visit += effect.scope == "visit"
            profile += effect.profile
    return Numbers(scope, profile, visit)


def scopes_to_make(standing: Standing, step: Step, numbers: Numbers, rules: Rules) -> set[str]:
    """Return the scopes that a step will seal under. The profile's comes with consent: one keyring commit less."""
    wanted = {numbers.scope}
    for effect in step.effects:
        if isinstance(effect, RecordConsent):
            wanted.add(scopes.CONSENTS)
            if any(agreed for _, agreed in effect.decisions):
                wanted.add(scopes.profile(numbers.profile))
        elif isinstance(effect, RecordAttestation | Withdraw):
            wanted.add(scopes.CONSENTS)
        elif isinstance(effect, KeepField) and effect.name in rules.visit:
            wanted.add(scopes.visit(numbers.visit))
        elif isinstance(effect, KeepField | SendCode) and effect.name != NEED:
            wanted.add(scopes.profile(numbers.profile))
    if step.heard and step.heard.answered not in ("", NEED):
        wanted.add(scopes.profile(numbers.profile))
    return wanted


def scopes_in_use(standing: Standing) -> set[str]:
    """Return the scopes whose keys are no orphans, with or without data: the next turn may seal under each."""
    numbered = {scopes.profile(standing.profile), scopes.visit(standing.visit)}
    return {standing.scope, *numbered, scopes.CONSENTS, scopes.CHAT}


def scopes_to_read(standing: Standing, step: Step, numbers: Numbers) -> set[str]:
    """Return the scopes whose rows a step needs: to seal them anew under another key, or to join words to them."""
    moving: set[str] = set()
    for effect in step.effects:
        if isinstance(effect, OpenConsultation) and effect.session:
            moving.add(standing.scope)
        if isinstance(effect, KeepField) and effect.joins:
            moving.add(standing.scope)
        if not isinstance(effect, KeepField) or not effect.replaces:
            continue
        if effect.name == NEED:
            moving.add(standing.scope)
        elif numbers.profile != standing.profile:
            moving.add(scopes.profile(standing.profile))
        if numbers.visit != standing.visit:
            moving.add(scopes.visit(standing.visit))
    return moving
