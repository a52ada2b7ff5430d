"""The state in which a restored conversation goes on: what it says of values, decisions and numbers must be so.

Pure: from the state that was restored, where its key lives, or else from what stands in the clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from intake.asking import may_be_given
from intake.conversation import Aside, Conversation, Stage
from intake.rules import Rules
from storage.evidence.terms import own
from storage.turn.consents import ATTESTATION

AGREED = "agreed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What stands in the clear of a conversation and its person."""

    kept: frozenset[str]  # names of the values that can be opened
    decisions: Mapping[str, str]  # purpose -> agreed, refused, withdrawn: the decisions that hold
    policy: str = ""  # version that was agreed to
    sent: str = ""  # reference of the lead that the conversation stood at, if its question is lost
    topic: str = ""  # of that lead
    leads: int = 0  # how many leads there are


def carried_on(state: Conversation, known: Known, number: int, rules: Rules) -> Conversation:
    """Return a restored state with the values and decisions that there are now, counting on from `number`.

    A pending command is left when what it is about may have changed; without `contact` nothing more is asked.
    """
    agreed = _agreed(state.agreed, known, rules)
    refused = dict.fromkeys((*state.refused, *_not_agreed(known, rules), *state.agreed))
    kept = tuple(name for name in state.kept if name in known.kept)
    changed = (kept, agreed) != (state.kept, state.agreed)
    state = replace(
        state,
        kept=kept,
        proven=tuple(name for name in state.proven if name in kept),
        doubted=tuple(name for name in state.doubted if name in kept),
        separate=tuple(name for name in state.separate if known.decisions.get(own(name)) == AGREED),
        visit=any(name in rules.visit for name in kept),
        agreed=agreed,
        refused=tuple(purpose for purpose in refused if purpose not in agreed),
        aside=Aside.NONE if changed else state.aside,
        aside_field="" if changed else state.aside_field,
        session=number,
        consultations=number,
    )
    asked_here = _may_be_asked(agreed, rules) and may_be_given(state.channel, agreed)
    if state.consultation and not asked_here:
        return replace(state, stage=Stage.ENDED, field="", changing=False, sent="")
    return state


def begun_again(opened: Conversation, known: Known, number: int, rules: Rules) -> Conversation:
    """Return the state of a conversation whose own is lost: free chat, or at its lead if there is one.

    Args: opened: a new conversation of this channel, site and language. Whether a browser had refused sharing by a
    signal (L13) is lost too: so sharing counts as refused unless it was agreed to. So is who gave an address: no code
    goes to one before it was given anew.
    """
    agreed = _agreed((), known, rules)
    marketing = (one.id for one in rules.purposes.values() if one.marketing and one.id not in agreed)
    kept = tuple(name for name in (*rules.fields, *rules.visit) if name in known.kept)
    sent = bool(known.sent) and _may_be_asked(agreed, rules)
    return replace(
        opened,
        stage=Stage.SENT if sent else Stage.ENDED,
        topic=known.topic,
        kept=kept,
        doubted=tuple(name for name in kept if name in rules.fields and rules.fields[name].kind == "email"),
        separate=tuple(name for name in rules.fields if known.decisions.get(own(name)) == AGREED),
        other=known.decisions.get(ATTESTATION) == AGREED,
        agreed=agreed,
        refused=tuple(dict.fromkeys((*_not_agreed(known, rules), *marketing))),
        policy=known.policy,
        session=number,
        consultation=number if known.sent else 0,
        consultations=number,
        sent=known.sent if sent else "",
        leads=known.leads,
        visit=any(name in rules.visit for name in known.kept),
    )


def _agreed(before: Iterable[str], known: Known, rules: Rules) -> tuple[str, ...]:
    ordered = dict.fromkeys((*before, *rules.purposes))
    return tuple(one for one in ordered if known.decisions.get(one) == AGREED)


def _not_agreed(known: Known, rules: Rules) -> list[str]:
    return [one for one in rules.purposes if known.decisions.get(one, AGREED) != AGREED]


def _may_be_asked(agreed: Iterable[str], rules: Rules) -> bool:
    return any(rules.purposes[one].required for one in agreed if one in rules.purposes)
