"""The open question: what the desk is waiting for in a given state, and so which options may be picked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from intake.assurance import SOMEBODY_FRESH, Presence
from intake.conversation import Aside, Conversation, Stage, altered
from intake.events import Event
from intake.outcomes import Expects, Reply
from intake.rules import ABROAD, RULES_KEPT, VISIT, Rules

NEED = "need"  # the question itself: kept like a field, but no detail of the person
CANCEL = "command:cancel"
CODE_AGAIN = "code:again"
DRAFT = "draft"  # the unsent consultation: as a pending erasure, and as an option
OWN = "field"  # before the name of a field: its own consent
NEW_ADDRESS = "address"  # what waits for a code: the field's new address
COLLECTING = (Stage.WHOSE, Stage.AUTHORISED, Stage.SEPARATE, Stage.FIELD, Stage.REVIEW)  # of details
_EXPECTS_KIND = {"name": "text", "address": "text", "uscc": "text"}  # the rest are drawn as what they are


@dataclass(frozen=True, slots=True)
class Given:
    """One step's inputs, handed from function to function. `argument` is of the pick or command under way."""

    state: Conversation
    event: Event
    now: datetime
    rules: Rules
    argument: str = ""
    presence: Presence = SOMEBODY_FRESH


def open_question(state: Conversation, rules: Rules) -> Reply:
    """Return the question that stands open in `state`, of the pending command if there is one.

    Args: state: as these rules know it (`as_configured`, with which every step begins).
    """
    return _ASIDES[state.aside](state, rules) if state.aside else _STAGES[state.stage](state, rules)


@lru_cache(RULES_KEPT)
def asked_fields(rules: Rules) -> tuple[str, ...]:
    """Return the names of the fields that a consultation asks for, in order."""
    return tuple(name for name, field in rules.fields.items() if field.asked)


def next_field(state: Conversation, rules: Rules) -> str:
    """Return the first asked field with neither value nor skip, or "" when all are done."""
    done = {*state.kept, *state.skipped}
    return next((name for name in asked_fields(rules) if name not in done), "")


def advance(state: Conversation, rules: Rules) -> Conversation:
    """Return the state at the next field without answer (its own consent first, L2), or at the review card."""
    name = "" if state.changing else next_field(state, rules)
    if not name:
        return altered(state, stage=Stage.REVIEW, field="", changing=False)
    own_consent = rules.fields[name].separate_consent and name not in state.separate
    return altered(state, stage=Stage.SEPARATE if own_consent else Stage.FIELD, field=name)


def as_configured(state: Conversation, rules: Rules) -> Conversation:
    """Return the state as these rules know it: a field that is configured no more counts as answered."""
    if state.locale not in rules.locales:
        state = altered(state, locale=rules.default_locale)
    if not _is_known(_pending_field(state), rules):
        state = altered(state, aside=Aside.NONE, aside_field="")
    return state if _is_known(state.field, rules) else advance(altered(state, field=""), rules)


def _is_known(name: str, rules: Rules) -> bool:
    return name in ("", NEED) or name in rules.fields


def _pending_field(state: Conversation) -> str:
    """Return the field whose new value the pending command waits for, or ""."""
    wish, _, name = state.aside_field.rpartition(":")
    return name if state.aside is Aside.VALUE or wish == NEW_ADDRESS else ""


def withdrawable(state: Conversation, rules: Rules) -> tuple[str, ...]:
    """Return what may be withdrawn: configured purposes that are agreed to, and fields' own consents (L2, L3)."""
    own = (own_consent(name) for name in state.separate if name in rules.fields)
    return (*(purpose for purpose in state.agreed if purpose in rules.purposes), *own)


def own_consent(name: str) -> str:
    """Return the purpose under which a field's own consent stands (L2)."""
    return f"{OWN}:{name}"


def may_be_given(channel: str, agreed: Collection[str]) -> bool:
    """Tell whether details may be typed here: on Telegram only while its being abroad is agreed to (L2)."""
    return channel != "telegram" or ABROAD in agreed


def may_skip(state: Conversation, rules: Rules, name: str) -> bool:
    """Tell whether skipping `name` is open now: of the contact fields one must stay answerable (contract)."""
    if name in rules.contact_fields:
        return any(other not in state.skipped for other in rules.contact_fields if other != name)
    return not rules.fields[name].required


def field_question(state: Conversation, rules: Rules, name: str, *, aside: bool) -> Reply:
    """Return the question for the field `name`; as a correction (`aside`) it can be left, not skipped."""
    if name == NEED:
        extra = (CANCEL,) if aside else ()
        return Reply(key="need.ask", expects=Expects(kind="text", name=NEED, options=extra))
    field = rules.fields[name]
    optional = not aside and may_skip(state, rules, name)
    asked = asked_fields(rules)
    expects = Expects(
        kind=_EXPECTS_KIND.get(field.kind, field.kind),
        name=name,
        options=_field_options(rules, name, optional, aside),
        optional=optional,
        step=asked.index(name) + 1 if name in asked and not aside else 0,
        of=len(asked) if name in asked and not aside else 0,
    )
    key = "other.ask" if state.other else "field.ask"
    return Reply(key="correct.value" if aside else key, params={"field": name}, expects=expects)


def _field_options(rules: Rules, name: str, optional: bool, aside: bool) -> tuple[str, ...]:
    choices = tuple(f"field:{name}:{choice.id}" for choice in rules.fields[name].choices)
    return (*choices, *(("field:skip",) if optional else ()), *((CANCEL,) if aside else ()))


def card_purposes(state: Conversation, rules: Rules) -> tuple[str, ...]:
    """Return the purposes on the consent card: a visit record exists on web sites only.

    A card that is asked again has only those that were agreed to: what was refused is not asked twice (L5).
    """
    return tuple(
        purpose.id
        for purpose in rules.purposes.values()
        if not purpose.question
        and (purpose.id != VISIT or state.channel == "web")
        and (not state.asked_again or purpose.id in state.agreed)
    )


def correctable(state: Conversation, rules: Rules) -> tuple[str, ...]:
    """Return the fields that can be corrected: those kept or skipped, while consent to keep them lives."""
    known = {*state.kept, *state.skipped}
    agreed = state.agreed if may_be_given(state.channel, state.agreed) else ()
    live = (
        name
        for name, field in rules.fields.items()
        if field.purpose in agreed and (not field.separate_consent or name in state.separate)
    )
    return tuple(name for name in (NEED, *live) if name in known)


def code_address(state: Conversation, rules: Rules) -> str:
    """Return the field whose address a code can be sent to, or "". What a remembered session gave proves nothing."""
    usable = (name for name in state.kept if name in rules.fields and name not in state.doubted)
    return next((name for name in usable if rules.fields[name].kind == "email"), "")


def erasable(state: Conversation) -> tuple[str, ...]:
    """Return the erasure scopes that hold something now; everything can always go (S23)."""
    return ("all", *(("lead",) if state.consultation else ()), *(("visit",) if state.visit else ()))


def _choice(key: str, name: str, *options: str, **params: str) -> Reply:
    return Reply(key=key, params=params, expects=Expects(kind="choice", name=name, options=options))


def _topic(state: Conversation, rules: Rules) -> Reply:
    return _choice("topic.ask", "topic", *(f"topic:{topic}" for topic in rules.topics))


def _consent(state: Conversation, rules: Rules) -> Reply:
    options = ("consent:agree", "consent:refuse", "consent:policy")
    purposes = card_purposes(state, rules)
    expects = Expects(kind="consent", options=options, purposes=purposes, policy=state.card)
    if not state.asked_again:
        return Reply(key="consent.ask", expects=expects)
    again = replace(expects, since=state.policy)
    # said there before `abroad`
    key = "consent.again.too" if state.channel == "telegram" else "consent.again"
    return Reply(key=key, params={"policy": state.policy}, expects=again)


def _separate(state: Conversation, rules: Rules) -> Reply:
    return _choice("separate.ask", state.field, "separate:agree", "separate:skip", field=state.field)


def _review(state: Conversation, rules: Rules) -> Reply:
    fields = tuple(name for name in (NEED, *rules.fields) if name in state.kept)
    passed = (name for name in correctable(state, rules) if name in state.skipped and name not in fields)
    changes = tuple(f"review:change:{name}" for name in (*fields, *passed))
    options = ("review:send", *changes, "review:cancel")
    key = "review.ask.other" if state.other else "review.ask"
    return Reply(key=key, expects=Expects(kind="review", options=options, fields=fields))


def _free(state: Conversation, rules: Rules) -> Reply:
    return Reply(key="free.ask")


def _ended(state: Conversation, rules: Rules) -> Reply:
    return Reply(key="ended.ask")  # what is typed now reaches nobody


_STAGES: Mapping[Stage, Callable[[Conversation, Rules], Reply]] = {
    Stage.TOPIC: _topic,
    Stage.NEED: lambda state, rules: field_question(state, rules, NEED, aside=False),
    Stage.FOLLOWUP: lambda state, rules: _choice("followup.ask", "followup", "followup:yes", "followup:no"),
    Stage.ABROAD: lambda state, rules: _choice("abroad.ask", ABROAD, "abroad:agree", "abroad:refuse"),
    Stage.CONSENT: _consent,
    Stage.WHOSE: lambda state, rules: _choice("whose.ask", "whose", "whose:own", "whose:other"),
    Stage.AUTHORISED: lambda state, rules: _choice(
        "authorised.ask", "whose", "whose:authorised", "whose:not"
    ),
    Stage.SEPARATE: _separate,
    Stage.FIELD: lambda state, rules: field_question(state, rules, state.field, aside=False),
    Stage.REVIEW: _review,
    Stage.SENT: _free,
    Stage.ENDED: _ended,
}


def _correct(state: Conversation, rules: Rules) -> Reply:
    options = tuple(f"correct:{name}" for name in correctable(state, rules))
    return _choice("correct.which", "correct", *options, CANCEL)


def _delete(state: Conversation, rules: Rules) -> Reply:
    if state.aside_field == DRAFT:
        expects = Expects(kind="confirm", name="delete", options=(f"delete:{DRAFT}", "delete:cancel"))
        return Reply(key="cancel.ask", expects=expects)
    options = (*(f"delete:{scope}" for scope in erasable(state)), "delete:cancel")
    return Reply(key="delete.ask", expects=Expects(kind="confirm", name="delete", options=options))


def _withdraw(state: Conversation, rules: Rules) -> Reply:
    options = (*(f"withdraw:{purpose}" for purpose in withdrawable(state, rules)), CANCEL)
    return Reply(key="withdraw.ask", expects=Expects(kind="confirm", name="withdraw", options=options))


def _language(state: Conversation, rules: Rules) -> Reply:
    return _choice("language.ask", "language", *(f"language:{locale}" for locale in rules.locales), CANCEL)


def _code(state: Conversation, rules: Rules) -> Reply:
    wish, _, new = state.aside_field.partition(":")
    name = new if wish == NEW_ADDRESS else code_address(state, rules)
    shown = f"{name}:new" if wish == NEW_ADDRESS else name  # it is not kept yet
    expects = Expects(kind="code", name=name, options=(CODE_AGAIN, CANCEL), fields=(shown,))
    return Reply(key="code.ask.new" if wish == NEW_ADDRESS else "code.ask", expects=expects)


_ASIDES: Mapping[Aside, Callable[[Conversation, Rules], Reply]] = {
    Aside.CORRECT: _correct,
    Aside.VALUE: lambda state, rules: field_question(state, rules, state.aside_field, aside=True),
    Aside.DELETE: _delete,
    Aside.WITHDRAW: _withdraw,
    Aside.LANGUAGE: _language,
    Aside.CODE: _code,
}
