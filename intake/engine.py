"""The engine: one pure function, `step`, and the literal table of what may follow what.

Rules of the table:

1. A row says: at this stage, on this trigger, that function answers, and the conversation goes to one of these stages.
2. A command works at every stage. Only cancel, delete, withdraw and new move the stage, and a correction that answers
   the open question.
3. What has no row is "unexpected": it is explained, and the open question is asked again. Never an error.
4. Where a major version of the policy outdated the consent, its card stands before whatever collects (`asking_again`).
5. A pick that the open question does not offer is refused before the table is looked at; nothing of it is kept.

The diagram in `docs/conversation.md` is made from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from intake import asking_again, codes, commands, consultation, fields, returning, rights, visit
from intake.asking import DRAFT, NEED, OWN, Given, as_configured, correctable, open_question, own_consent
from intake.assurance import SOMEBODY_FRESH, Presence
from intake.command_phrases import OPTIONS
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
from intake.rules import RULES_KEPT, Rules


@dataclass(frozen=True, slots=True)
class Transition:
    """Who answers, and to which stages that may lead."""

    action: Callable[[Given], Step]
    to: frozenset[Stage]


def _to(action: Callable[[Given], Step], *stages: Stage) -> Transition:
    return Transition(action, frozenset(stages))


OPTIONS_KEPT = 1_024  # options whose words are kept ready; a configuration has about a hundred
_S = Stage
_ASKED = (_S.SEPARATE, _S.FIELD, _S.REVIEW)
_BEHIND = (_S.TOPIC, _S.NEED, _S.FOLLOWUP, _S.AUTHORISED, *_ASKED, _S.SENT)  # a card that is asked again

TABLE: Mapping[tuple[Stage, str], Transition] = {
    (_S.TOPIC, "opened"): _to(consultation.greet, _S.TOPIC, _S.NEED),
    (_S.TOPIC, "topic"): _to(consultation.take_topic, _S.NEED),
    (_S.TOPIC, "said"): _to(consultation.take_need, _S.TOPIC, _S.FOLLOWUP),
    (_S.NEED, "said"): _to(consultation.take_need, _S.NEED, _S.FOLLOWUP),
    (_S.FOLLOWUP, "said"): _to(consultation.add_to_need, _S.FOLLOWUP),
    (_S.FOLLOWUP, "followup"): _to(
        asking_again.take_followup, _S.ABROAD, _S.CONSENT, _S.WHOSE, *_ASKED, _S.ENDED
    ),
    (_S.ABROAD, "abroad"): _to(asking_again.take_abroad, _S.CONSENT, _S.ENDED),
    (_S.CONSENT, "consent"): _to(asking_again.decide, _S.CONSENT, _S.WHOSE, _S.ENDED, *_BEHIND),
    (_S.WHOSE, "whose"): _to(consultation.take_whose, _S.AUTHORISED, *_ASKED),
    (_S.AUTHORISED, "whose"): _to(consultation.take_whose, *_ASKED, _S.ENDED),
    (_S.SEPARATE, "separate"): _to(consultation.take_separate, *_ASKED),
    (_S.FIELD, "said"): _to(fields.take_answer, *_ASKED),
    (_S.FIELD, "field"): _to(fields.take_choice, *_ASKED),
    (_S.FIELD, "shared"): _to(fields.take_contact, *_ASKED),
    (_S.REVIEW, "review"): _to(codes.review, *_ASKED, _S.SENT, _S.ENDED),
    (_S.SENT, "said"): _to(consultation.chat_on, _S.SENT),
    (_S.ENDED, "said"): _to(consultation.ask_next, _S.FOLLOWUP, _S.ENDED),
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
    taken = asking_again.before_correcting(given, _taken(given, event))
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
    rules, offered = given.rules, open_question(given.state, given.rules).expects.options
    written = _labelled(rules, offered, event.text)
    command = None if written else _command(rules, event.text)
    if command:
        return codes.command(replace(given, argument=command.argument), command.name)
    meant = written or _meant(rules, offered, event.text)
    if meant:
        return _picked(replace(given, event=Picked(meant)), Picked(meant))
    if _corrects(given, event.text):
        return codes.correct_unknown(given)
    return _table(given, "said")


def _corrects(given: Given, text: str) -> bool:
    """Tell whether something is to be corrected that is none of the details; a question or an answer may sound so."""
    state = given.state
    mine = bool(state.aside) or state.stage in (Stage.TOPIC, Stage.NEED, Stage.FIELD)
    return commands.is_correction(text, mine=mine) and bool(correctable(state, given.rules))


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
    if asking_again.stands_before(given):
        return asking_again.ask(given)
    before = codes.before_value(given) if trigger in _VALUES else None
    if before:
        return before
    if state.aside:
        return ASIDES.get((state.aside, trigger), fields.take_unexpected)(given)
    row = TABLE.get((state.stage, trigger))
    return row.action(given) if row else fields.take_unexpected(given)


def _command(rules: Rules, text: str) -> commands.Command | None:
    fields, purposes = _named(rules)
    return commands.recognise(text, fields=fields, purposes=purposes, locales=rules.locales)


@lru_cache(RULES_KEPT)
def _named(rules: Rules) -> tuple[commands.Words, commands.Words]:
    """Return the words that mean each field, and each purpose."""
    fields = {name: field.words for name, field in rules.fields.items()}
    fields |= {NEED: (*rules.labels.get(NEED, ()), "question", "问题")}
    purposes = {name: purpose.words for name, purpose in rules.purposes.items()}
    purposes |= {own_consent(one.name): one.words for one in rules.fields.values() if one.separate_consent}
    return fields, purposes


def _meant(rules: Rules, offered: Sequence[str], text: str) -> str:
    """Return the offered option that a typed yes, no, skip or phrase means, or ""."""
    return next((option for option in offered if _means(rules, option, text)), "")


def _means(rules: Rules, option: str, text: str) -> bool:
    if option in _YES:
        said = commands.is_yes(text)
    elif option in _NO:
        said = commands.is_no(text)
    else:
        said = option == "field:skip" and commands.is_skip(text)
    phrases = _phrases(rules, option)  # of most options there are none
    return said or (bool(phrases) and commands.bare(text) in phrases)


def _labelled(rules: Rules, offered: Sequence[str], text: str) -> str:
    """Return the offered option on which `text` is written, or "": typing it is pressing it."""
    if not offered or len(text) > LABEL_MAX:
        return ""
    said = commands.bare(text)
    return next((option for option in offered if said in _labels(rules, option)), "")


@lru_cache(OPTIONS_KEPT)
def _labels(rules: Rules, option: str) -> set[str]:
    trigger, _, argument = option.partition(":")
    written = rules.labels.get(option, ())
    if trigger in _LABELS:
        written = (*written, *_LABELS[trigger](rules, argument))
    return {commands.bare(label) for label in written}


@lru_cache(OPTIONS_KEPT)
def _phrases(rules: Rules, option: str) -> set[str]:
    trigger, _, argument = option.partition(":")
    words = _WORDS[trigger](rules, argument) if trigger in _WORDS else ()
    return {commands.bare(word) for word in (*OPTIONS.get(option, ()), *words)}


def _changes(rules: Rules, argument: str) -> Collection[str]:
    """Return what stands on the buttons of the review card that change an answer, or add one."""
    written = (*rules.labels.get("review:change", ()), *rules.labels.get("review:add", ()))
    called = _called(rules, argument.removeprefix("change:"))
    return [text.format(field=label) for text in written for label in called]


def _called(rules: Rules, name: str) -> Collection[str]:
    """Return what a field, or the question, is called in every language."""
    return rules.fields[name].label.values() if name in rules.fields else rules.labels.get(name, ())


def _choices(rules: Rules, argument: str) -> Collection[str]:
    name, _, value = argument.partition(":")
    choices = rules.fields[name].choices if name in rules.fields else ()
    return [label for choice in choices if choice.id == value for label in choice.label.values()]


_VALUES = frozenset(("said", "field", "shared"))  # what may carry the value of a field
LABEL_MAX = 80  # characters; no button is longer
_YES = frozenset(("followup:yes", "whose:authorised", f"delete:{DRAFT}"))
_NO = frozenset(("followup:no", "whose:not", "delete:cancel"))
_OWN = f"{OWN}:"
_Texts = Callable[[Rules, str], Collection[str]]
_LABELS: Mapping[str, _Texts] = {
    "topic": lambda rules, topic: rules.topics[topic].label.values(),
    "correct": _called,
    "withdraw": lambda rules, name: (
        rules.fields[name.removeprefix(_OWN)] if name.startswith(_OWN) else rules.purposes[name]
    ).label.values(),
    "review": _changes,
    "field": _choices,
}
_WORDS: Mapping[str, _Texts] = {
    "correct": lambda rules, field: rules.fields[field].words if field in rules.fields else (),
    "withdraw": lambda rules, name: (
        (rules.fields[name.removeprefix(_OWN)] if name.startswith(_OWN) else rules.purposes[name]).words
    ),
}
