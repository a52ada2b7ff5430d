"""The consent card: what may be decided on it, and what a decision does (L1–L6, S5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from intake import visit
from intake.asking import NEED, Given, card_purposes, open_question, own_consent
from intake.conversation import Conversation, Stage, altered
from intake.events import Picked
from intake.outcomes import Heard, OpenConsultation, RecordConsent, Reply, ShredSession, Step
from intake.policy import in_force
from intake.rules import CONTACT, PolicyVersion, Rules

AGREED = "agreed"  # how a live consent is told


def may_be_replaced(rules: Rules, name: str, decided: Mapping[str, str]) -> bool:
    """Tell whether a kept value may be replaced: the question in use, or a field that is asked, under live consents.

    Args: decided: the last decision about each purpose; a field's own consent is one of them (S5, L2).
    """
    field = rules.fields.get(name)
    if field is None or not field.asked:
        return name == NEED
    needed = (field.purpose, *((own_consent(name),) if field.separate_consent else ()))
    return all(decided.get(purpose) == AGREED for purpose in needed)


def has_ended(decided: Mapping[str, str]) -> bool:
    """Tell whether nobody may use the details any more (L3). Who never decided has not withdrawn."""
    return decided.get(CONTACT, AGREED) != AGREED


def show_card(given: Given, state: Conversation) -> tuple[Conversation, tuple[Reply, ...]]:
    """Return the state at the card of the policy in force, with the card."""
    shown = altered(state, stage=Stage.CONSENT, card=in_force(given.rules, given.now).version)
    return shown, (open_question(shown, given.rules),)


def decide(given: Given) -> Step:
    """Carry out a decision on the first card."""
    return settle(given, _agree, _refuse)


def settle(
    given: Given, agree: Callable[[Given, Picked], Step], refuse: Callable[[Given, Picked], Step]
) -> Step:
    """Carry out agree, refuse or a look at the policy; a card of an older version is shown anew instead."""
    picked = given.event
    assert isinstance(picked, Picked)
    if given.argument == "policy":
        replies = (Reply(key="consent.policy"), open_question(given.state, given.rules))
        return Step(state=given.state, heard=Heard(picked=picked.value), replies=replies)
    fault = _fault(given, picked)
    if fault == "consent_stale":
        state, card = show_card(given, given.state)
        return Step(state=state, replies=card, refused=fault)
    if fault:
        return Step(state=given.state, refused=fault)
    return (agree if given.argument == "agree" else refuse)(given, picked)


def _fault(given: Given, picked: Picked) -> str:
    if not set(picked.purposes) <= set(card_purposes(given.state, given.rules)):
        return "unknown_purpose"
    current = in_force(given.rules, given.now).version
    return "consent_stale" if (picked.policy or given.state.card) != current else ""


def _agree(given: Given, picked: Picked) -> Step:
    state, agreed = given.state, chosen(given, picked)
    number = state.consultations + 1
    agreeing = replace(
        decided(state, card_purposes(state, given.rules), agreed),
        stage=Stage.WHOSE,
        policy=state.card,
        consultation=number,
        consultations=number,
    )
    agreeing, erased = visit.unless_agreed(agreeing, given.rules)
    effects = (record_card(given, agreed), OpenConsultation(state.session, number), *erased)
    heard = Heard(picked=picked.value, purposes=picked.purposes)
    return Step(state=agreeing, heard=heard, replies=(open_question(agreeing, given.rules),), effects=effects)


def chosen(given: Given, picked: Picked) -> frozenset[str]:
    """Return what agreeing means: the required purposes on the card, and the optional ones that were ticked."""
    on_card, purposes = card_purposes(given.state, given.rules), given.rules.purposes
    return frozenset(p for p in on_card if purposes[p].required or p in picked.purposes)


def _refuse(given: Given, picked: Picked) -> Step:
    state = given.state
    refusing = replace(
        decided(state, card_purposes(state, given.rules), frozenset()),
        stage=Stage.ENDED,
        session=state.session + 1,
        kept=visit.items(state, given.rules),
        skipped=(),
    )
    refusing, erased = visit.unless_agreed(refusing, given.rules)
    effects = (record_card(given, frozenset()), ShredSession(state.session), *erased)
    return Step(
        state=refusing,
        heard=Heard(picked=picked.value),
        replies=(Reply(key="consent.refused"),),
        effects=effects,
    )


def decided(state: Conversation, purposes: tuple[str, ...], agreed: frozenset[str]) -> Conversation:
    """Return the state after these purposes were decided anew: those of `agreed` live, the others refused."""
    return altered(
        state,
        agreed=(*(p for p in state.agreed if p not in purposes), *(p for p in purposes if p in agreed)),
        refused=(*(p for p in state.refused if p not in purposes), *(p for p in purposes if p not in agreed)),
    )


def record_question(given: Given, purpose: str, agreed: bool) -> RecordConsent:
    """Return the record of a purpose decided by a question of its own (L2)."""
    return _record(given, ((purpose, agreed),), in_force(given.rules, given.now), "question")


def record_card(given: Given, agreed: frozenset[str]) -> RecordConsent:
    """Return the record of the purposes on the card: those of `agreed`, and the others as refused."""
    decisions = tuple((purpose, purpose in agreed) for purpose in card_purposes(given.state, given.rules))
    return _record(given, decisions, given.rules.policies[given.state.card], "card")


def _record(
    given: Given, decisions: tuple[tuple[str, bool], ...], version: PolicyVersion, method: str
) -> RecordConsent:
    return RecordConsent(
        decisions=decisions,
        policy=version.version,
        notice_sha256=version.notice_sha256[given.state.locale],
        locale=given.state.locale,
        method=method,
    )
