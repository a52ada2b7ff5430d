"""The words that work at every step: help, view, correct, delete, withdraw and the rest (S21, S23, S24, L3).

A command that needs a choice opens an *aside*: the open question stands back and is asked again afterwards, except
after `cancel`, after deleting, and after withdrawing `contact`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from intake import consent, visit
from intake.asking import (
    COLLECTING,
    DRAFT,
    NEED,
    Given,
    advance,
    correctable,
    erasable,
    open_question,
    own_consent,
    withdrawable,
)
from intake.consultation import anew, cancel_draft, end, picked, without_consultation
from intake.conversation import Aside, Conversation, Stage, altered
from intake.events import AskedToForget, AskedToWithdraw, Said
from intake.hearing import hear
from intake.notices import notice_closed, notice_coming
from intake.outcomes import (
    CallColleague,
    DropField,
    Effect,
    Erase,
    Expects,
    Heard,
    Reply,
    ShredSession,
    Step,
    Withdraw,
)
from intake.rules import ABROAD, CONTACT, Rules


def heard(given: Given) -> Heard | None:
    """Return what is kept of a command: its words, or the option that was picked."""
    event = given.event
    return Heard(text=hear(given, event.text).text) if isinstance(event, Said) else picked(given)


def answer(given: Given, state: Conversation, *replies: Reply, effects: tuple[Effect, ...] = ()) -> Step:
    """Return the step that answers a command and asks the open question again."""
    question = open_question(state, given.rules)
    return Step(state=state, heard=heard(given), replies=(*replies, question), effects=effects)


def _aside(given: Given, aside: Aside, name: str = "") -> Step:
    state = altered(given.state, aside=aside, aside_field=name)
    return Step(state=state, heard=heard(given), replies=(open_question(state, given.rules),))


def closed(given: Given) -> Conversation:
    """Return the state without the command that was pending."""
    return altered(given.state, aside=Aside.NONE, aside_field="")


def _tell(key: str) -> Callable[[Given], Step]:
    return lambda given: answer(given, closed(given), Reply(key=key))


def _policy(given: Given) -> Step:
    return answer(given, closed(given), Reply(key="policy", params=notice_coming(given)))


def _view(given: Given) -> Step:
    known = (NEED, *given.rules.fields, *given.rules.visit)
    fields = tuple(name for name in known if name in given.state.kept)
    record = Expects(kind="record", fields=fields)
    decided = given.state.agreed or given.state.refused
    unreadable = given.presence.assurance.masked and not given.presence.mails
    shown = "view.no_mail" if unreadable else "view"
    key = shown if fields else "view.decided" if decided else "view.nothing"
    return answer(given, closed(given), Reply(key=key, expects=record))


def _correct(given: Given) -> Step:
    fields = correctable(given.state, given.rules)
    if given.argument in fields:
        return _aside(given, Aside.VALUE, given.argument)
    if given.argument in given.state.kept and CONTACT not in given.state.agreed:
        return answer(given, closed(given), Reply(key="correct.withdrawn"))
    if not fields:
        return answer(given, closed(given), Reply(key="correct.nothing"))
    return _aside(given, Aside.CORRECT)


def _delete(given: Given) -> Step:
    return _aside(given, Aside.DELETE)


def _withdraw(given: Given) -> Step:
    may = withdrawable(given.state, given.rules)
    if given.argument in may:
        return withdraw(given, (given.argument,))
    if not may:
        return answer(given, closed(given), Reply(key="withdraw.nothing"))
    return _aside(given, Aside.WITHDRAW)


def _receipts(given: Given) -> Step:
    decided = given.state.agreed or given.state.refused
    return answer(given, closed(given), Reply(key="receipts" if decided else "receipts.nothing"))


def _language(given: Given) -> Step:
    if given.argument in given.rules.locales:
        return take_language(given)
    return _aside(given, Aside.LANGUAGE)


def _human(given: Given) -> Step:
    state, params = closed(given), notice_closed(given)
    if not state.sent:
        return answer(given, state, Reply(key="human", params=params))
    called = Reply(key="human.called", params=params)
    return answer(given, state, called, effects=(CallColleague(state.sent),))


def _new(given: Given) -> Step:
    """Begin a new consultation after the last one ended; details that may be reused are kept."""
    state = closed(given)
    if state.stage not in (Stage.SENT, Stage.ENDED):
        return answer(given, state, *(() if state.stage is Stage.TOPIC else (Reply(key="new.open"),)))
    fresh, opening = anew(state)
    return answer(given, fresh, effects=opening)


def _cancel(given: Given) -> Step:
    """Leave the pending command, or the change, or else the consultation: what was given goes, after one question."""
    state = given.state
    if state.aside_field == DRAFT:  # who says it twice means it
        return cancel_draft(replace(given, state=closed(given)), heard(given))
    if state.aside:
        key = "delete.cancelled" if state.aside is Aside.DELETE else "cancel.aside"
        return answer(given, closed(given), Reply(key=key))
    if state.asked_again and state.behind and state.behind not in COLLECTING:  # it stood before a correction
        return answer(given, altered(state, stage=state.behind, behind=None), Reply(key="cancel.aside"))
    if state.changing:
        return answer(given, altered(state, stage=Stage.REVIEW, field="", changing=False))
    if state.stage in (Stage.TOPIC, Stage.SENT, Stage.ENDED):
        return answer(given, state, Reply(key="cancel.nothing"))
    if state.consultation and NEED in state.kept:
        return _aside(given, Aside.DELETE, DRAFT)
    if state.consultation:
        return cancel_draft(given, heard(given))
    dropped = altered(state, session=state.session + 1, kept=visit.items(state, given.rules), skipped=())
    return end(replace(given, state=dropped), "cancelled", ShredSession(state.session))


COMMANDS: Mapping[str, Callable[[Given], Step]] = {
    "help": _tell("help"),
    "view": _view,
    "correct": _correct,
    "delete": _delete,
    "withdraw": _withdraw,
    "export": _tell("export"),
    "policy": _policy,
    "receipts": _receipts,
    "language": _language,
    "human": _human,
    "cancel": _cancel,
    "new": _new,
}


def take_field(given: Given) -> Step:
    """Take which field to correct; ask for its new value."""
    return _aside(given, Aside.VALUE, given.argument)


def take_language(given: Given) -> Step:
    """Go on in another language."""
    state = replace(closed(given), locale=given.argument)
    return answer(given, state, Reply(key="language.changed"))


def take_erasure(given: Given) -> Step:
    """Erase the chosen scope: choosing is the confirmation (S24)."""
    if given.argument == "cancel":
        return answer(given, closed(given), Reply(key="delete.cancelled"))
    if given.argument == DRAFT:
        return cancel_draft(replace(given, state=closed(given)), picked(given))
    return forget(given, given.argument)


def forget(given: Given, scope: str) -> Step:
    """Begin the erasure of `scope` and say what is left."""
    state = closed(given)
    told = Reply(key=f"erased.{scope}", params={"certificate": ""})
    if scope == "all":
        return Step(state=altered(state, stage=Stage.ENDED), heard=picked(given), effects=(Erase("all"),))
    if scope == "visit":
        return answer(given, visit.without(state, given.rules), told, effects=(Erase("visit"),))
    left = without_consultation(state, given.rules, profile=False)
    erase = Erase("lead", number=state.consultation)
    return Step(state=left, heard=picked(given), replies=(told,), effects=(erase,))


def withdraw(given: Given, purposes: tuple[str, ...]) -> Step:
    """End consent for `purposes` at once; without `contact`, or `telegram_abroad` there, nothing more is asked (L3)."""
    own = tuple(name for name in given.state.separate if own_consent(name) in purposes)
    settled = tuple(purpose for purpose in purposes if purpose in given.rules.purposes)
    left = consent.decided(closed(given), settled, frozenset())
    state, erased = visit.unless_agreed(_without_own(left, own, given.rules), given.rules)
    dropped = tuple(DropField(name) for name in own if name in given.state.kept)
    effects = (Withdraw(purposes), *dropped, *erased)
    if CONTACT in purposes or (ABROAD in purposes and state.channel == "telegram"):
        key = "withdrawn.contact" if CONTACT in purposes else "withdrawn.abroad"
        ended = altered(state, stage=Stage.ENDED, field="", changing=False, sent="", behind=None)
        return Step(state=ended, heard=heard(given), replies=(Reply(key=key),), effects=effects)
    told = Reply(key="withdrawn", params={"purposes": ",".join(purposes)})
    return answer(given, state, told, effects=effects)


def _without_own(state: Conversation, names: tuple[str, ...], rules: Rules) -> Conversation:
    """Return the state without these fields, whose own consent ended: their values go, and they are not asked again."""
    left = altered(
        state,
        separate=tuple(name for name in state.separate if name not in names),
        kept=tuple(name for name in state.kept if name not in names),
        skipped=(*state.skipped, *names),
    )
    return advance(left, rules) if state.stage is Stage.FIELD and state.field in names else left


def take_withdrawal(given: Given) -> Step:
    """Withdraw the chosen purpose: choosing is the confirmation."""
    return withdraw(given, (given.argument,))


def asked_to_forget(given: Given) -> Step:
    """Begin an erasure asked for outside the chat."""
    event = given.event
    assert isinstance(event, AskedToForget)
    if event.scope not in erasable(given.state):
        return Step(state=given.state, refused="not_offered")
    return replace(forget(given, event.scope), heard=None)


def asked_to_withdraw(given: Given) -> Step:
    """Withdraw purposes outside the chat; those without live consent stay as they are."""
    event = given.event
    assert isinstance(event, AskedToWithdraw)
    own = (own_consent(one.name) for one in given.rules.fields.values() if one.separate_consent)
    may = withdrawable(given.state, given.rules)
    if not set(event.purposes) <= {*given.rules.purposes, *own, *may}:
        return Step(state=given.state, refused="unknown_purpose")
    live = tuple(purpose for purpose in event.purposes if purpose in may)
    return replace(withdraw(given, live), heard=None) if live else Step(state=given.state)
