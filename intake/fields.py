"""Answers to the field questions: taken, refused with a reason, skipped, corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from intake.answers import parse
from intake.asking import NEED, Given, advance, may_skip, next_field, open_question
from intake.commands import is_plain_skip
from intake.consultation import go, with_field
from intake.conversation import Aside, Conversation, Stage, altered
from intake.events import Corrected, Said, SharedContact
from intake.hearing import HeardText, hear, masked_notice
from intake.outcomes import DropField, Effect, Heard, KeepField, Reply, Step, WrongAnswer
from intake.policy import consent_outdated
from intake.rejection import Rejected
from intake.screening import screen_forbidden


def check(given: Given, name: str, text: str) -> str | WrongAnswer:
    """Return the value of `text` as an answer to the field `name`, or what is wrong with it."""
    if name == NEED:
        heard = hear(given, text)
        return WrongAnswer(NEED, heard.fault) if heard.fault else heard.text
    field = given.rules.fields[name]
    choices = [(choice.id, tuple(choice.label.values())) for choice in field.choices]
    region = given.rules.company.country
    value = parse(field.kind, text, region=region, max_length=field.max_length, choices=choices)
    return WrongAnswer(name, value.code, value.example) if isinstance(value, Rejected) else value


def keep(given: Given, name: str, value: str, *, asked: bool = True) -> KeepField:
    """Return the effect that keeps `value`; where it was `asked`, with the hash of the warning shown before (S7)."""
    field = given.rules.fields.get(name)
    warned = field.warning_sha256[given.state.locale] if asked and field and field.sensitive else ""
    return KeepField(name=name, value=value, warning_sha256=warned, replaces=name in given.state.kept)


def take_answer(given: Given) -> Step:
    """Take a typed answer to the open field, or say kindly what was wrong and ask the same again."""
    said, name = given.event, given.state.field
    assert isinstance(said, Said)
    value = _must_be_given(given, name, said.text) or check(given, name, said.text)
    if isinstance(value, WrongAnswer):
        early = value.code.startswith("phone.") and _is_mail_asked_next(given, name, said.text)
        return _refused(given, WrongAnswer(name, "phone.email_next") if early else value, said.text)
    return _taken(given, name, value, Heard(answered=name))


def _is_mail_asked_next(given: Given, name: str, text: str) -> bool:
    """Tell whether an e-mail address came one question early: this one may be skipped, and the next asks for it."""
    state, rules = given.state, given.rules
    if state.changing or not may_skip(state, rules, name):
        return False
    following = next_field(altered(state, skipped=(*state.skipped, name)), rules)
    is_mail = following != "" and rules.fields[following].kind == "email"
    return is_mail and not isinstance(check(given, following, text), WrongAnswer)


def _must_be_given(given: Given, name: str, text: str) -> WrongAnswer | None:
    """Return why a typed "skip" does not work here: the field, or one of the two ways to be reached, is required."""
    if name == NEED or not is_plain_skip(text):
        return None
    return WrongAnswer(name, "one_contact" if name in given.rules.contact_fields else "required")


def take_choice(given: Given) -> Step:
    """Take a picked value of a choice field, or a skip."""
    state = given.state
    if given.argument == "skip":
        return _skipped(given)
    name, _, value = given.argument.partition(":")
    if state.aside is Aside.VALUE:
        return _corrected(given, name, value, Heard(answered=name))
    return _taken(given, name, value, Heard(answered=name))


def take_contact(given: Given) -> Step:
    """Take Telegram's shared contact as the phone answer; someone else's only where their details are meant (S6)."""
    shared, state = given.event, given.state
    assert isinstance(shared, SharedContact)
    question = open_question(state, given.rules).expects
    if question.kind != "tel":
        return take_unexpected(given)
    if not shared.own and not state.other:
        return _refused(given, WrongAnswer(question.name, "phone.not_own"), "")
    phone = shared.phone if shared.phone.startswith("+") else f"+{shared.phone}"
    typed = replace(given, event=Said(phone))
    return correct_value(typed) if state.aside is Aside.VALUE else take_answer(typed)


def take_unexpected(given: Given) -> Step:
    """Explain, and ask again: an unexpected message is never an error."""
    question = open_question(given.state, given.rules)
    said = given.event
    heard = hear(given, said.text) if isinstance(said, Said) else HeardText("")
    again = Reply(key="unexpected", params=question.params, expects=question.expects)
    return Step(
        state=given.state,
        heard=Heard(text=heard.text, private=True),
        replies=(*masked_notice(heard), again),
    )


def _taken(given: Given, name: str, value: str, heard: Heard) -> Step:
    state = _with_value(given.state, name, value)
    step = go(given, advance(state, given.rules), keep(given, name, value))
    return replace(step, heard=heard)


def _with_value(state: Conversation, name: str, value: str) -> Conversation:
    """Return the state with `name` kept; of the question its length, so that what is added fits."""
    length = len(value) if name == NEED else state.need_length
    skipped = tuple(s for s in state.skipped if s != name)
    return altered(state, kept=with_field(state, name), skipped=skipped, need_length=length)


def _skipped(given: Given) -> Step:
    state, name = given.state, given.state.field
    dropping: tuple[Effect, ...] = (DropField(name),) if name in state.kept else ()
    skipping = altered(
        state, kept=tuple(kept for kept in state.kept if kept != name), skipped=(*state.skipped, name)
    )
    return go(given, advance(skipping, given.rules), *dropping)


def _refused(given: Given, rejected: WrongAnswer, text: str) -> Step:
    question = open_question(given.state, given.rules)
    params = {"example": rejected.example}
    reply = Reply(key=f"rejected.{rejected.code}", params=params, expects=question.expects, rejected=rejected)
    # The question may be corrected before consent: nothing of what was refused is kept then, masked or not.
    heard = "" if rejected.name == NEED else screen_forbidden(text).text
    return Step(state=given.state, heard=Heard(text=heard, private=True), replies=(reply,))


def correct_value(given: Given) -> Step:
    """Take the new value of the field under correction; validated like the first time (S21)."""
    said, name = given.event, given.state.aside_field
    assert isinstance(said, Said)
    value = check(given, name, said.text)
    if isinstance(value, WrongAnswer):
        return _refused(given, value, said.text)
    return _corrected(given, name, value, Heard(answered=name))


def _corrected(given: Given, name: str, value: str, heard: Heard) -> Step:
    effect = keep(given, name, value)
    state = after_correction(altered(given.state, aside=Aside.NONE, aside_field=""), (effect,), given)
    return Step(
        state=state,
        heard=heard,
        replies=(_told(given, name), open_question(state, given.rules)),
        effects=(effect,),
    )


def _told(given: Given, name: str) -> Reply:
    """Return what is said of a new value: that who had received the old one is told, only where somebody may have."""
    state, received = given.state, any(name in (NEED, *one.fields) for one in given.rules.recipients.values())
    corrected = "corrected.told" if state.leads and received else "corrected"
    return Reply(key=corrected if name in state.kept else "added", params={"field": name})


def after_correction(state: Conversation, kept: Sequence[KeepField], given: Given) -> Conversation:
    """Return the state with these values kept; an open question that was answered thereby is passed."""
    for effect in kept:
        state = _with_value(state, effect.name, effect.value)
    answered = state.stage is Stage.FIELD and any(effect.name == state.field for effect in kept)
    return advance(state, given.rules) if answered else state


def replace_values(given: Given) -> Step:
    """Replace values outside the chat (`PATCH /me`): all are right and consented, or nothing changes."""
    asked = given.event
    assert isinstance(asked, Corrected)
    effects: list[KeepField] = []
    for name, text in asked.values:
        fault, effect = _replacement(given, name, text)
        if effect is None:
            return Step(state=given.state, refused=fault)
        effects.append(effect)
    state = after_correction(given.state, effects, given)
    told = tuple(_told(given, name) for name, _ in asked.values)
    return Step(state=state, replies=(*told, open_question(state, given.rules)), effects=tuple(effects))


def _replacement(given: Given, name: str, text: str) -> tuple[str, KeepField | None]:
    if name != NEED and name not in given.rules.fields:
        return f"rejected/{name}/unknown_field", None
    if not _consented(given, name):
        return "consent_required", None
    value = check(given, name, text)
    if isinstance(value, WrongAnswer):
        return f"rejected/{name}/{value.code}", None
    return "", keep(given, name, value, asked=False)


def _consented(given: Given, name: str) -> bool:
    """Tell whether `name` may be kept: named on the card, consent live, and settled whose it is (S6)."""
    state = given.state
    if name == NEED:
        return NEED in state.kept
    field = given.rules.fields[name]
    event = given.event
    mending = isinstance(event, Corrected) and event.officer and name in state.kept  # collects nothing new
    if not mending and consent_outdated(given.rules, state, given.now):
        return False
    settled = state.stage not in (Stage.WHOSE, Stage.AUTHORISED)
    named = field.asked and (not field.separate_consent or name in state.separate)
    return settled and named and field.purpose in state.agreed
