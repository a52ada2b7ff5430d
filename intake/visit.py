"""The visit record: how the page was visited, kept item by item under the purpose `visit` alone (S3).

Its items stand in the state's `kept` like fields, but no question asks for them and no card lists them.
"""

from __future__ import annotations

from intake.answers import parse
from intake.asking import Given
from intake.conversation import Conversation, altered
from intake.events import Visited
from intake.outcomes import Effect, Erase, KeepField, Step
from intake.policy import consent_outdated
from intake.rejection import Rejected
from intake.rules import VISIT, Rules

ITEM_MAX = 200  # characters of one item; docs/contract.md


def record(given: Given) -> Step:
    """Keep what a page tells of the visit: all of it is right and consented, or nothing is kept. Nothing is said."""
    told, state = given.event, given.state
    assert isinstance(told, Visited)
    if VISIT not in state.agreed or consent_outdated(given.rules, state, given.now):
        return Step(state=state, refused="consent_required")
    effects: list[Effect] = []
    for name, text in told.values:
        value = _check(given, name, text)
        if isinstance(value, Rejected):
            return Step(state=state, refused=f"rejected/{name}/{value.code}")
        effects.append(KeepField(name=name, value=value, replaces=name in state.kept))
    names = dict.fromkeys((*state.kept, *(name for name, _ in told.values)))
    return Step(
        state=altered(state, visit=state.visit or bool(effects), kept=tuple(names)), effects=tuple(effects)
    )


def _check(given: Given, name: str, text: str) -> str | Rejected:
    if name not in given.rules.visit:
        return Rejected("unknown_field")
    return parse("text", text, region=given.rules.company.country, max_length=ITEM_MAX)


def items(state: Conversation, rules: Rules) -> tuple[str, ...]:
    """Return the items of the visit record that are kept."""
    return tuple(name for name in state.kept if name in rules.visit)


def without(state: Conversation, rules: Rules) -> Conversation:
    """Return the state after the visit record is gone."""
    return altered(state, visit=False, kept=tuple(name for name in state.kept if name not in rules.visit))


def unless_agreed(state: Conversation, rules: Rules) -> tuple[Conversation, tuple[Effect, ...]]:
    """Return the state without a visit record that is agreed to no more, and the erasure of it."""
    if not state.visit or VISIT in state.agreed:
        return state, ()
    return without(state, rules), (Erase("visit"),)
