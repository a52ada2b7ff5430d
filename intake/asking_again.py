"""Consent asked again: after a major policy version nothing more is collected before its card was answered (S28).

The card stands in front of the open question (`Conversation.behind`) and asks for what was agreed to before, nothing
else; what was refused is not asked again. Agreeing leads back to that question. Refusing ends the consent, as
withdrawing does. Until then what was agreed to holds for what is kept.
"""

from __future__ import annotations

from dataclasses import replace

from intake import consent, consultation, rights, visit
from intake.asking import COLLECTING, NEED, NEW_ADDRESS, Given, card_purposes, open_question
from intake.conversation import Aside, Conversation, Stage, altered
from intake.events import Event, Picked, Said
from intake.outcomes import Heard, RecordConsent, Reply, Step, Withdraw
from intake.policy import consent_outdated
from intake.rules import ABROAD, Rules

_GIVING_UP = ("review:cancel", "whose:not")  # nothing is collected by these


def stands_before(given: Given) -> bool:
    """Tell whether consent must be asked again before this answer is taken."""
    event = given.event
    if isinstance(event, Picked) and event.value in _GIVING_UP:
        return False
    return _collects(given.state, event) and consent_outdated(given.rules, given.state, given.now)


def _collects(state: Conversation, event: Event) -> bool:
    if state.aside:
        new_address = state.aside is Aside.CODE and state.aside_field.startswith(f"{NEW_ADDRESS}:")
        return new_address or _corrects(state)
    if state.stage is Stage.SENT:  # what is said then joins the lead
        return isinstance(event, Said)
    return state.stage in COLLECTING and state.field != NEED


def _corrects(state: Conversation) -> bool:
    return state.aside is Aside.VALUE and state.aside_field != NEED


def before_correcting(given: Given, step: Step) -> Step:
    """Return the step, or where it begins a correction under an outdated consent, the card before anybody types."""
    begins = _corrects(step.state) and not _corrects(given.state)
    if not begins or not consent_outdated(given.rules, given.state, given.now):
        return step
    return replace(_ask(given, step.state), heard=step.heard)


def ask(given: Given) -> Step:
    """Put the card in front of what is open, and say that nothing is kept of an answer that was typed."""
    step = _ask(given, given.state)
    if isinstance(given.event, Picked):
        return step
    return replace(step, heard=Heard(private=True), replies=(Reply(key="policy.not_kept"), *step.replies))


def _ask(given: Given, state: Conversation) -> Step:
    asking = altered(state, aside=Aside.NONE, aside_field="")
    if state.asked_again:  # it is open already, with a correction before it
        replies: tuple[Reply, ...] = (open_question(asking, given.rules),)
    elif state.channel == "telegram":  # its being abroad is asked again too
        asking = altered(asking, behind=state.stage, stage=Stage.ABROAD)
        told = Reply(key="policy.changed", params={"policy": state.policy})
        replies = (told, open_question(asking, given.rules))
    else:
        asking, replies = consent.show_card(given, altered(asking, behind=state.stage))
    return Step(state=asking, heard=consultation.picked(given), replies=replies)


def take_followup(given: Given) -> Step:
    """Go on as ever; where the details of an earlier consultation are used again, the card may stand before that."""
    step = consultation.take_followup(given)
    collects = step.state.stage in COLLECTING
    return (
        _ask(given, step.state) if collects and consent_outdated(given.rules, step.state, given.now) else step
    )


def take_abroad(given: Given) -> Step:
    """Take the answer about Telegram's being abroad; refused when asked again, it ends like a withdrawal."""
    if not given.state.asked_again or given.argument == "agree":
        return consultation.take_abroad(given)
    return _end(given, (ABROAD,), consent.record_question(given, ABROAD, agreed=False))


def decide(given: Given) -> Step:
    """Carry out a decision on the card, the first one or one that is asked again."""
    if not given.state.asked_again:
        return consent.decide(given)
    return consent.settle(given, _agree, _refuse)


def _agree(given: Given, picked: Picked) -> Step:
    """Go back to the question that stood behind the card.

    Fields' own consents were given under the old version too. Where nothing was kept under one it is asked again.
    """
    state, on_card = given.state, card_purposes(given.state, given.rules)
    agreed = consent.chosen(given, picked)
    renewed = replace(
        consent.decided(state, on_card, agreed),
        stage=_stood(state, given.rules),
        behind=None,
        policy=state.card,
        separate=tuple(name for name in state.separate if name in state.kept),
    )
    renewed, erased = visit.unless_agreed(renewed, given.rules)
    left_out = tuple(one for one in on_card if one not in agreed)
    stopping = (Withdraw(left_out),) if left_out else ()
    effects = (consent.record_card(given, agreed), *stopping, *erased)
    heard = Heard(picked=picked.value, purposes=picked.purposes)
    return Step(state=renewed, heard=heard, replies=(open_question(renewed, given.rules),), effects=effects)


def _stood(state: Conversation, rules: Rules) -> Stage:
    """Return the stage behind the card; before a field that needs its own consent, the question for that."""
    field = rules.fields.get(state.field)
    own = field is not None and field.separate_consent and field.name not in state.kept
    assert state.behind, "the card is asked again"
    return Stage.SEPARATE if own and state.behind is Stage.FIELD else state.behind


def _refuse(given: Given, picked: Picked) -> Step:
    return _end(given, card_purposes(given.state, given.rules), consent.record_card(given, frozenset()))


def _end(given: Given, purposes: tuple[str, ...], refusal: RecordConsent) -> Step:
    """Return the step of a withdrawal, with the refusal as its record."""
    step = rights.withdraw(given, purposes)
    told = (Reply(key="policy.refused"),)
    return replace(step, heard=consultation.picked(given), replies=told, effects=(refusal, *step.effects))
