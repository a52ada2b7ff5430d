"""One-time codes by mail: what needs one, and what becomes of it (design, "Assurance").

A remembered session may answer, withdraw and delete. To read values, to correct, to get a copy or receipts it enters a
code first; then what was asked is carried out. Without an address to send to, values can be replaced or erased, not
read. An address that answered a code once is changed only with a code to it and another one to the new address.

The store compares a typed code with what was sent (`Presence.typed`) and keeps nothing of it; what follows is decided
here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from intake import consultation, fields, rights
from intake.asking import NEW_ADDRESS, Given, code_address, open_question
from intake.assurance import Assurance, Code
from intake.conversation import Aside, Conversation, Stage, altered
from intake.events import Corrected, ProvedAddress, Said
from intake.outcomes import EnterCode, Heard, KeepField, MissCode, Reply, SendCode, Step, WrongAnswer

LENGTH = 6  # digits: a million codes
LIFE = timedelta(minutes=10)  # design, "Assurance"
TRIES = 5  # of one code; together with the bounds below, guessing at an address succeeds once in 20,000 days
PER_HOUR, PER_DAY = 5, 10  # codes to one person in the chat, and to one address on the my-data page
FAULTS = ("code.shape", "code.wrong", "code.spent", "code.expired")  # what can be wrong with a typed code
_APART = {ord(sign): None for sign in " -\u2010\u2011\u2013"}  # what people type between digits


def typed(text: str) -> str:
    """Return the code that `text` is, or ""."""
    digits = unicodedata.normalize("NFKC", text).translate(_APART)
    return digits if len(digits) == LENGTH and digits.isascii() and digits.isdigit() else ""


def may_send(sent: Collection[datetime], now: datetime) -> bool:
    """Say whether another code may go out, given when the last ones did."""
    within_hour = [at for at in sent if now - at < timedelta(hours=1)]
    within_day = [at for at in sent if now - at < timedelta(days=1)]
    return len(within_hour) < PER_HOUR and len(within_day) < PER_DAY


def command(given: Given, name: str) -> Step:
    """Carry out a command, or ask for a code first where this session needs one."""
    if _needed(given, name):
        return _ask(given, f"{name}:{given.argument}")
    return COMMANDS[name](given)


def correct_unknown(given: Given) -> Step:
    """Say that what is to be corrected is none of the details, and which of them can be."""
    step = command(replace(given, argument=""), "correct")
    return replace(step, replies=(Reply(key="correct.unknown"), *step.replies))


def _needed(given: Given, name: str) -> bool:
    if name == "correct" and _is_proven(given.state, given.argument):
        return given.presence.assurance is not Assurance.VERIFIED
    if not given.presence.assurance.masked:
        return False
    return name in ("verify", "export", "receipts") or (name == "correct" and _reachable(given))


def _is_proven(state: Conversation, name: str) -> bool:
    return name in state.proven and name in state.kept


def _reachable(given: Given) -> bool:
    return given.presence.mails and code_address(given.state, given.rules) != ""


def _ask(given: Given, wish: str) -> Step:
    """Send a code, unless one is open still, and ask for it; or say kindly why there can be none."""
    name = code_address(given.state, given.rules)
    if not _reachable(given):
        return _say(given, "code.no_address" if given.presence.mails else "code.no_mail")
    at_hand = given.presence.open and not given.presence.waiting
    if not at_hand and not given.presence.may_send:
        return _say(given, "code.too_many")
    asking = altered(given.state, aside=Aside.CODE, aside_field=wish)
    sending = () if at_hand else (SendCode(name),)
    replies = (open_question(asking, given.rules),)
    return Step(state=asking, heard=rights.heard(given), replies=replies, effects=sending)


def _say(given: Given, key: str) -> Step:
    return rights.answer(given, rights.closed(given), Reply(key=key))


def take_again(given: Given) -> Step:
    """Send another code; the earlier one works no more."""
    state, presence = given.state, given.presence
    question = open_question(state, given.rules)
    heard = consultation.picked(given)
    if not presence.may_send:
        many = Reply(key="code.too_many", expects=question.expects)
        return Step(state=state, heard=heard, replies=(many,))
    is_new = state.aside_field.startswith(f"{NEW_ADDRESS}:")
    if is_new and not presence.waiting:
        return _late(given, heard)
    sending = SendCode(question.expects.name, presence.waiting if is_new else ())
    again = Reply(key="code.ask.again", expects=question.expects)
    return Step(state=state, heard=heard, replies=(again,), effects=(sending,))


def _late(given: Given, heard: Heard) -> Step:
    """The new address is kept no more: ask for it once more."""
    name = given.state.aside_field.partition(":")[2]
    state = altered(given.state, aside=Aside.VALUE, aside_field=name)
    return Step(state=state, heard=heard, replies=(Reply(key="code.late"), open_question(state, given.rules)))


def take_code(given: Given) -> Step:
    """Take what was typed as the code: right, and what was asked is carried out; else say what was wrong with it."""
    presence = given.presence
    if presence.typed is Code.RIGHT:
        return _entered(given)
    if presence.typed is Code.NONE:
        return _wrong(given, "code.shape")
    if presence.typed is Code.EXPIRED:
        return _wrong(given, "code.expired")
    return replace(_wrong(given, "code.wrong" if presence.tries > 1 else "code.spent"), effects=(MissCode(),))


def _wrong(given: Given, code: str) -> Step:
    expects = open_question(given.state, given.rules).expects
    reply = Reply(key=f"rejected.{code}", expects=expects, rejected=WrongAnswer(expects.name, code))
    return Step(state=given.state, heard=Heard(code=True), replies=(reply,))


def _entered(given: Given) -> Step:
    name = open_question(given.state, given.rules).expects.name
    wish, _, argument = given.state.aside_field.partition(":")
    verified = replace(given.presence, assurance=Assurance.VERIFIED)
    sure = replace(given, state=rights.closed(given), presence=verified, argument=argument)
    if wish == NEW_ADDRESS:
        value = dict(given.presence.waiting).get(argument)
        done = _changed(sure, argument, value) if value else _late(given, Heard(code=True))
    else:
        done = COMMANDS["view" if wish == "verify" else wish](sure)
    return replace(done, heard=Heard(code=True), effects=(EnterCode(name), *done.effects))


def _changed(given: Given, name: str, value: str) -> Step:
    changing = altered(given.state, aside=Aside.VALUE, aside_field=name)
    return fields.correct_value(replace(given, state=changing, event=Said(value)))


def _view(given: Given) -> Step:
    """View; where values are hidden, say how they are shown, or that they cannot be."""
    step = rights.COMMANDS["view"](given)
    first, *rest = step.replies
    if not given.presence.assurance.masked or first.key != "view":
        return step
    key = "view.masked" if _reachable(given) else "view.hidden"
    return replace(step, replies=(replace(first, key=key), *rest))


def _verify(given: Given) -> Step:
    """Nothing is hidden: there is nothing to verify."""
    return _say(given, "verify.nothing")


COMMANDS: Mapping[str, Callable[[Given], Step]] = {**rights.COMMANDS, "view": _view, "verify": _verify}


def take_field(given: Given) -> Step:
    """Take which field to correct; a proven address needs a code to it first."""
    if _needed(given, "correct"):
        return _ask(given, f"correct:{given.argument}")
    return rights.take_field(given)


def before_value(given: Given) -> Step | None:
    """Ask for a code before an answer takes the place of a kept one, where this session needs one; else None.

    Another session, which needed none, may have opened the question: so it is looked at when the answer comes.
    """
    state = given.state
    name = state.aside_field if state.aside is Aside.VALUE else state.field
    in_place = state.stage is Stage.FIELD and not state.aside and name in state.kept
    if state.aside is not Aside.VALUE and not in_place:
        return None
    changing = replace(given, argument=name)
    if _needed(changing, "correct"):
        return replace(_ask(changing, f"correct:{name}"), heard=Heard(private=True))
    if in_place and _is_proven(state, name):  # it was proven after the question
        return replace(COMMANDS["correct"](changing), heard=Heard(private=True))
    return None


def take_value(given: Given) -> Step:
    """Take the new value of a field; a proven address gives way only when a code went to the new one too."""
    said, name = given.event, given.state.aside_field
    assert isinstance(said, Said)
    value = fields.check(given, name, said.text)
    if not _is_proven(given.state, name) or isinstance(value, WrongAnswer):
        return fields.correct_value(given)
    if not given.presence.mails or not given.presence.may_send:
        step = _say(given, "code.too_many" if given.presence.mails else "code.no_mail")
        return replace(step, heard=Heard(private=True))
    asking = altered(given.state, aside=Aside.CODE, aside_field=f"{NEW_ADDRESS}:{name}")
    replies = (open_question(asking, given.rules),)
    sending = SendCode(name, ((name, value),))
    return Step(state=asking, heard=Heard(private=True), replies=replies, effects=(sending,))


def review(given: Given) -> Step:
    """Change an answer on the review card as any other time: a code first, where this session needs one."""
    name = given.argument.removeprefix("change:")
    changing = replace(given, argument=name)
    if name != given.argument and (_is_proven(given.state, name) or _needed(changing, "correct")):
        return command(changing, "correct")
    return consultation.review(given)


def replace_values(given: Given) -> Step:
    """Replace values outside the chat (`PATCH /me`), unless this session must enter a code first."""
    asked = given.event
    assert isinstance(asked, Corrected)
    if given.presence.assurance.masked and _reachable(given):
        return Step(state=given.state, refused="verification_required")
    step = fields.replace_values(given)
    proven = next((name for name, _ in asked.values if _is_proven(given.state, name)), "")
    if step.refused or asked.proven or asked.officer or not proven:
        return step
    sure = given.presence.assurance is Assurance.VERIFIED and given.presence.mails and given.presence.may_send
    if not sure:
        return Step(state=given.state, refused="verification_required")
    return Step(state=given.state, effects=(SendCode(proven, asked.values, chat=False),))


def prove(given: Given) -> Step:
    """Note that an address is its person's: a code that went there was entered outside the chat."""
    event, state = given.event, given.state
    assert isinstance(event, ProvedAddress)
    if given.presence.replaced or event.name not in state.kept or event.name in state.proven:
        return Step(state=state)
    return Step(state=altered(state, proven=(*state.proven, event.name)))


def marked(given: Given, step: Step) -> Step:
    """Return the step with its addresses marked: proven by a code, or doubted, since a remembered session gave them."""
    kept = {one.name for one in step.effects if isinstance(one, KeepField)} & _addresses(given)
    proven = {one.name for one in step.effects if isinstance(one, EnterCode)}
    if isinstance(given.event, Corrected) and given.event.proven:
        proven |= kept
    if not kept and not proven:
        return step
    doubtful = kept - proven if given.presence.assurance.masked and not proven else set()
    state = step.state
    still_proven = (*(name for name in state.proven if name not in kept | proven), *sorted(proven))
    still_doubted = (*(name for name in state.doubted if name not in kept), *sorted(doubtful))
    if (still_proven, still_doubted) == (state.proven, state.doubted):
        return step
    return replace(step, state=altered(state, proven=still_proven, doubted=still_doubted))


def _addresses(given: Given) -> set[str]:
    return {name for name, field in given.rules.fields.items() if field.kind == "email"}
