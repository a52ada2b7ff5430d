"""The engine: one pure function, `step`, and the literal table of what may follow what.

Rules of the table:

1. A row says: at this stage, on this trigger, that function answers, and the conversation goes to one of these stages.
2. A command works at every stage. Only cancel, delete, withdraw and new move the stage, and a correction that answers
   the open question.
3. What has no row is "unexpected": it is explained, and the open question is asked again. Never an error.
4. A pick that the open question does not offer is refused before the table is looked at; nothing of it is kept.

The diagram in `docs/conversation.md` is made from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from intake import codes, commands, consent, consultation, fields, returning, rights, visit
from intake.asking import Given, as_configured, open_question, own_consent
from intake.assurance import SOMEBODY_FRESH, Presence
from intake.conversation import Aside, Conversation, Stage
from intake.events import (
    MESSAGE_MAX,
    AskedToForget,
    AskedToWithdraw,
    ColleagueSaid,
    Corrected,
    Event,
    Picked,
    ProvedAddress,
    Returned,
    Said,
    SharedContact,
    Visited,
)
from intake.outcomes import Step
from intake.rules import Rules


@dataclass(frozen=True, slots=True)
class Transition:
    """Who answers, and to which stages that may lead."""

    action: Callable[[Given], Step]
    to: frozenset[Stage]


def _to(action: Callable[[Given], Step], *stages: Stage) -> Transition:
    return Transition(action, frozenset(stages))


_S = Stage
_ASKED = (_S.SEPARATE, _S.FIELD, _S.REVIEW)

TABLE: Mapping[tuple[Stage, str], Transition] = {
    (_S.TOPIC, "opened"): _to(consultation.greet, _S.TOPIC, _S.NEED),
    (_S.TOPIC, "topic"): _to(consultation.take_topic, _S.NEED),
    (_S.TOPIC, "said"): _to(consultation.take_need, _S.TOPIC, _S.FOLLOWUP),
    (_S.NEED, "said"): _to(consultation.take_need, _S.NEED, _S.FOLLOWUP),
    (_S.FOLLOWUP, "said"): _to(consultation.add_to_need, _S.FOLLOWUP),
    (_S.FOLLOWUP, "followup"): _to(
        consultation.take_followup, _S.ABROAD, _S.CONSENT, _S.WHOSE, *_ASKED, _S.ENDED
    ),
    (_S.ABROAD, "abroad"): _to(consultation.take_abroad, _S.CONSENT, _S.ENDED),
    (_S.CONSENT, "consent"): _to(consent.decide, _S.CONSENT, _S.WHOSE, _S.ENDED),
    (_S.WHOSE, "whose"): _to(consultation.take_whose, _S.AUTHORISED, *_ASKED),
    (_S.AUTHORISED, "whose"): _to(consultation.take_whose, *_ASKED, _S.ENDED),
    (_S.SEPARATE, "separate"): _to(consultation.take_separate, *_ASKED),
    (_S.FIELD, "said"): _to(fields.take_answer, *_ASKED),
    (_S.FIELD, "field"): _to(fields.take_choice, *_ASKED),
    (_S.FIELD, "shared"): _to(fields.take_contact, *_ASKED),
    (_S.REVIEW, "review"): _to(codes.review, *_ASKED, _S.SENT, _S.ENDED),
    (_S.SENT, "said"): _to(consultation.chat_on, _S.SENT),
    (_S.ENDED, "said"): _to(consultation.chat_on, _S.ENDED),
}

ASIDES: Mapping[tuple[Aside, str], Callable[[Given], Step]] = {
    (Aside.CORRECT, "correct"): codes.take_field,
    (Aside.VALUE, "said"): codes.take_value,
    (Aside.VALUE, "field"): fields.take_choice,
    (Aside.VALUE, "shared"): fields.take_contact,
    (Aside.DELETE, "delete"): rights.take_erasure,
    (Aside.WITHDRAW, "withdraw"): rights.take_withdrawal,
    (Aside.LANGUAGE, "language"): rights.take_language,
    (Aside.CODE, "said"): codes.take_code,
    (Aside.CODE, "code"): codes.take_again,
}

ANYWHERE: Mapping[type[Event], Callable[[Given], Step]] = {
    Corrected: codes.replace_values,
    ProvedAddress: codes.prove,
    Visited: visit.record,
    Returned: returning.welcome_back,
    AskedToForget: rights.asked_to_forget,
    AskedToWithdraw: rights.asked_to_withdraw,
    ColleagueSaid: lambda given: Step(state=given.state),  # the store adds the words; nothing else changes
}


def step(
    state: Conversation, event: Event, now: datetime, rules: Rules, presence: Presence = SOMEBODY_FRESH
) -> Step:
    """Return what follows when `event` meets `state` at `now` (UTC). Pure: the same inputs give the same step.

    Args: presence: what is known of whoever is there; what they may see and do depends on it.
    """
    given = Given(as_configured(state, rules), event, now, rules, presence=presence)
    taken = _taken(given, event)
    return codes.marked(given, taken) if taken.effects else taken


def _taken(given: Given, event: Event) -> Step:
    anywhere = ANYWHERE.get(type(event))
    if anywhere:
        return anywhere(given)
    if isinstance(event, Said):
        return _said(given, event)
    if isinstance(event, Picked):
        return _picked(given, event)
    return _table(given, "shared" if isinstance(event, SharedContact) else "opened")


def _said(given: Given, event: Said) -> Step:
    if len(event.text) > MESSAGE_MAX:
        return Step(state=given.state, refused="too_long")
    command = _command(given.rules, event.text)
    if command:
        return codes.command(replace(given, argument=command.argument), command.name)
    meant = _meant(given, event.text)
    if meant:
        return _picked(replace(given, event=Picked(meant)), Picked(meant))
    return _table(given, "said")


def _picked(given: Given, event: Picked) -> Step:
    trigger, _, argument = event.value.partition(":")
    if trigger == "command":
        known = argument in codes.COMMANDS
        return codes.command(given, argument) if known else Step(state=given.state, refused="not_offered")
    if event.value not in open_question(given.state, given.rules).expects.options:
        return Step(state=given.state, refused="not_offered")
    return _table(replace(given, argument=argument), trigger)


def _table(given: Given, trigger: str) -> Step:
    state = given.state
    if state.aside:
        return ASIDES.get((state.aside, trigger), fields.take_unexpected)(given)
    row = TABLE.get((state.stage, trigger))
    return row.action(given) if row else fields.take_unexpected(given)


def _command(rules: Rules, text: str) -> commands.Command | None:
    field_words = {name: field.words for name, field in rules.fields.items()}
    purpose_words = {name: purpose.words for name, purpose in rules.purposes.items()}
    purpose_words |= {
        own_consent(one.name): one.words for one in rules.fields.values() if one.separate_consent
    }
    return commands.recognise(text, fields=field_words, purposes=purpose_words, locales=rules.locales)


def _meant(given: Given, text: str) -> str:
    """Return the offered option that a typed yes, no, skip or label means, or ""."""
    offered = open_question(given.state, given.rules).expects.options
    return next((option for option in offered if _means(given.rules, option, text)), "")


def _means(rules: Rules, option: str, text: str) -> bool:
    if option in _YES:
        return commands.is_yes(text)
    if option in _NO:
        return commands.is_no(text)
    if option == "field:skip":
        return commands.is_skip(text)
    trigger, _, argument = option.partition(":")
    words = _WORDS.get(trigger)
    said = text.strip().casefold()
    return words is not None and said in {word.casefold() for word in words(rules, argument)}


_YES = frozenset(("followup:yes", "whose:authorised"))
_NO = frozenset(("followup:no", "whose:not"))
_WORDS: Mapping[str, Callable[[Rules, str], Collection[str]]] = {
    "topic": lambda rules, topic: rules.topics[topic].label.values(),
    "correct": lambda rules, field: rules.fields[field].words if field in rules.fields else (),
    "withdraw": lambda rules, purpose: rules.purposes[purpose].words,
}
