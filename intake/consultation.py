"""The main path: what each answer does, from the first question to the sent lead (design: "The conversation")."""

from __future__ import annotations

from dataclasses import replace

from intake import consent, faq, visit
from intake.asking import NEED, Given, advance, asked_fields, next_field, open_question, own_consent
from intake.commands import is_greeting, is_thanks
from intake.conversation import Conversation, Stage, altered
from intake.events import Opened, Picked, Said
from intake.hearing import hear, masked_notice
from intake.hours import answer_due
from intake.notices import notice_closed, notice_coming
from intake.outcomes import (
    NEED_JOINT,
    Effect,
    Erase,
    Heard,
    JoinLead,
    KeepField,
    OpenConsultation,
    RecordAttestation,
    Reply,
    Step,
    Submit,
    WrongAnswer,
)
from intake.policy import in_force
from intake.rules import ABROAD, CONTACT, Rules


def picked(given: Given) -> Heard:
    """Return what is kept of a pick: its value, whose label the transcript shows."""
    event = given.event
    return Heard(picked=event.value) if isinstance(event, Picked) else Heard()


def go(given: Given, state: Conversation, *effects: Effect) -> Step:
    """Return the step that moves to `state` and asks what is open there."""
    replies = (open_question(state, given.rules),)
    return Step(state=state, heard=picked(given), replies=replies, effects=effects)


def end(given: Given, key: str, *effects: Effect) -> Step:
    """Return the step that ends the consultation with the message `key`; free chat goes on."""
    ended = altered(given.state, stage=Stage.ENDED)
    return Step(state=ended, heard=picked(given), replies=(Reply(key=key),), effects=effects)


def without_consultation(state: Conversation, rules: Rules, *, profile: bool) -> Conversation:
    """Return the state after this consultation is gone, and with `profile` the details too."""
    kept = visit.items(state, rules) if profile else tuple(name for name in state.kept if name != NEED)
    session = state.session + 1
    ended = altered(state, stage=Stage.ENDED, session=session, consultation=0, kept=kept, skipped=())
    return altered(ended, field="", changing=False, sent="", behind=None)


def drop_draft(state: Conversation, rules: Rules) -> tuple[Conversation, Erase]:
    """Return the state after the unsent consultation is erased, and that erasure."""
    profile = not state.leads
    erase = Erase("draft", number=state.consultation, profile=profile)
    return without_consultation(state, rules, profile=profile), erase


def cancel_draft(given: Given, heard: Heard | None) -> Step:
    """Return the step that gives the unsent consultation up: what was given goes (design, 6)."""
    dropped, erase = drop_draft(given.state, given.rules)
    replies = (Reply(key="erased.draft", params={"certificate": ""}),)
    return Step(state=dropped, heard=heard, replies=replies, effects=(erase,))


def greet(given: Given) -> Step:
    """Open the conversation; a deep link's topic is taken as chosen. Under GPC sharing starts as refused (L13)."""
    event, state = given.event, given.state
    assert isinstance(event, Opened)
    if state.gpc:
        state = altered(state, refused=tuple(p.id for p in given.rules.purposes.values() if p.marketing))
    told = notice_coming(given) if state.channel == "telegram" else {}  # a web page shows a banner of its own
    greeting = Reply(key="greeting", params={**notice_closed(given), **told})
    if event.topic not in given.rules.topics:
        question = open_question(state, given.rules)
        return Step(state=state, replies=(replace(greeting, expects=question.expects),))
    state = altered(state, stage=Stage.NEED, topic=event.topic)
    return Step(state=state, replies=(greeting, open_question(state, given.rules)))


def take_topic(given: Given) -> Step:
    """Take the topic and ask for the question itself."""
    return go(given, altered(given.state, stage=Stage.NEED, topic=given.argument))


def take_need(given: Given) -> Step:
    """Keep the question, masked; give a prepared answer if there is one; ask whether follow-up is wanted.

    A greeting is no question yet: it is heard, and the question asked again.
    """
    said = given.event
    assert isinstance(said, Said)
    if is_greeting(said.text):
        return replace(go(given, given.state), heard=Heard(text=said.text))
    heard = hear(given, said.text)
    if heard.fault:
        return refuse_text(given, heard.fault)
    length = len(heard.text)
    asked = altered(given.state, stage=Stage.FOLLOWUP, kept=with_field(given.state, NEED), need_length=length)
    answers, question = prepared(given, heard.text), open_question(asked, given.rules)
    if not answers:
        question = replace(question, key="followup.unanswered")
    return Step(
        state=asked,
        heard=Heard(answered=NEED),
        replies=(*masked_notice(heard), *answers, question),
        effects=(KeepField(name=NEED, value=heard.text),),
    )


def add_to_need(given: Given) -> Step:
    """Let what is typed instead of yes or no join the question, masked like it; ask about the follow-up again."""
    said, state = given.event, given.state
    assert isinstance(said, Said)
    if is_greeting(said.text):
        return replace(go(given, state), heard=Heard(text=said.text))
    heard = hear(given, said.text)
    length = state.need_length + len(NEED_JOINT) + len(heard.text)
    fault = heard.fault or ("text.too_long" if length > given.rules.need_max else "")
    if fault:
        return refuse_text(given, fault)
    added = altered(state, need_length=length)
    told = (Reply(key="need.added"), *prepared(given, heard.text), open_question(added, given.rules))
    return Step(
        state=added,
        heard=Heard(text=heard.text),
        replies=(*masked_notice(heard), *told),
        effects=(KeepField(name=NEED, value=heard.text, joins=True),),
    )


def refuse_text(given: Given, code: str) -> Step:
    """Return the same question with what was wrong; nothing of the text is kept."""
    question = open_question(given.state, given.rules)
    rejected = WrongAnswer(question.expects.name or NEED, code)
    replies = (Reply(key=f"rejected.{code}", expects=question.expects, rejected=rejected),)
    return Step(state=given.state, heard=Heard(private=True), replies=replies)


def with_field(state: Conversation, name: str) -> tuple[str, ...]:
    """Return the kept fields with `name` among them once."""
    return (*(kept for kept in state.kept if kept != name), name)


def prepared(given: Given, text: str) -> tuple[Reply, ...]:
    """Return the prepared answer to `text`, if there is one."""
    answer = faq.find(given.rules, text)
    return (Reply(key="faq", params={"id": answer.id}),) if answer else ()


def take_followup(given: Given) -> Step:
    """No: how to reach the company, and that is all. Yes: on to consent, or past it where consent is live."""
    state = given.state
    if given.argument == "no":
        return end(given, "followup.no")
    if state.channel == "telegram" and ABROAD in state.refused:
        return end(given, "abroad.refused")
    if state.channel == "telegram" and ABROAD not in state.agreed:
        return go(given, altered(state, stage=Stage.ABROAD))
    if state.consultation:
        return _reuse(given)
    shown, card = consent.show_card(given, state)
    return Step(state=shown, heard=picked(given), replies=card)


def _reuse(given: Given) -> Step:
    """Contact consent is live, and said to be: what is kept under it is not asked twice (WCAG 3.3.7)."""
    details = any(name in given.state.kept for name in asked_fields(given.rules))
    state = advance(given.state, given.rules) if details else altered(given.state, stage=Stage.WHOSE)
    told = Reply(key="new.reuse" if details else "new.consent", params={"policy": state.policy})
    replies = (told, open_question(state, given.rules))
    return Step(state=state, heard=picked(given), replies=replies)


def take_abroad(given: Given) -> Step:
    """Record whether Telegram's being abroad is accepted; without it no field is asked here (L2)."""
    agreed, state = given.argument == "agree", given.state
    record = consent.record_question(given, ABROAD, agreed)
    state = consent.decided(state, (ABROAD,), frozenset((ABROAD,) if agreed else ()))
    if not agreed:
        return end(replace(given, state=state), "abroad.refused", record)
    shown, card = consent.show_card(given, state)
    return Step(state=shown, heard=picked(given), replies=card, effects=(record,))


def take_whose(given: Given) -> Step:
    """Own details: on to the fields. Someone else's: only with their authorisation, else all goes (S6)."""
    state = given.state
    if given.argument == "other":
        return go(given, altered(state, stage=Stage.AUTHORISED))
    if given.argument == "own":
        return go(given, advance(altered(state, other=False), given.rules))
    if given.argument == "authorised":
        return go(given, advance(altered(state, other=True), given.rules), RecordAttestation(authorised=True))
    dropped, erase = drop_draft(state, given.rules)
    effects = (RecordAttestation(authorised=False), erase)
    return Step(state=dropped, heard=picked(given), replies=(Reply(key="whose.not"),), effects=effects)


def take_separate(given: Given) -> Step:
    """Record the field's own consent; without it the field is passed over (L2)."""
    state, agreed = given.state, given.argument == "agree"
    record = consent.record_question(given, own_consent(state.field), agreed)
    if agreed:
        asking = altered(state, stage=Stage.FIELD, separate=(*state.separate, state.field))
        return go(given, asking, record)
    return go(given, advance(altered(state, skipped=(*state.skipped, state.field)), given.rules), record)


def review(given: Given) -> Step:
    """Send, change one answer, or cancel; what is missing is asked first."""
    state = given.state
    if given.argument == "cancel":
        return cancel_draft(given, picked(given))
    if given.argument != "send":
        name = given.argument.removeprefix("change:")
        asking = go(given, altered(state, stage=Stage.FIELD, field=name, changing=True))
        return asking if name in state.kept else replace(asking, heard=Heard(picked=f"review:add:{name}"))
    if next_field(state, given.rules):
        return go(given, advance(state, given.rules))
    due = answer_due(given.now, given.rules.hours).isoformat()
    sent = altered(state, stage=Stage.SENT, sent=state.reference, leads=state.leads + 1)
    told = Reply(key="sent", params={"reference": state.reference, "due": due})
    return Step(
        state=sent, heard=picked(given), replies=(told,), effects=(Submit(state.reference, state.topic),)
    )


def chat_on(given: Given) -> Step:
    """A further message joins the lead that was sent."""
    said, state = given.event, given.state
    assert isinstance(said, Said)
    heard = hear(given, said.text)
    if heard.fault:
        return refuse_text(given, heard.fault)
    return Step(
        state=state,
        heard=Heard(text=heard.text),
        replies=(*masked_notice(heard), *prepared(given, heard.text), Reply(key="joined")),
        effects=(JoinLead(state.sent),),
    )


def ask_next(given: Given) -> Step:
    """Take the next question as a new one. Whoever refused gets prepared answers, and is not asked again (L5)."""
    said, state = given.event, given.state
    assert isinstance(said, Said)
    heard = hear(given, said.text)
    if heard.fault:
        return refuse_text(given, heard.fault)
    if is_greeting(said.text) or is_thanks(said.text):
        return replace(go(given, state), heard=Heard(text=heard.text))
    refusal = _refusal(given)
    if not refusal:
        fresh, opening = anew(state)
        step = take_need(replace(given, state=fresh))
        return replace(step, effects=(*opening, *step.effects))
    answers = prepared(given, heard.text) or (Reply(key=refusal),)
    return Step(state=state, heard=Heard(text=heard.text), replies=(*masked_notice(heard), *answers))


def _refusal(given: Given) -> str:
    """Return what is told to whoever refused to be asked for details, or "". A refusal counts for its policy (L5)."""
    state, current = given.state, in_force(given.rules, given.now).version
    if state.channel == "telegram" and ABROAD in state.refused:
        return "abroad.refused"
    return "ended.chat" if CONTACT in state.refused and state.card in ("", current) else ""


def anew(state: Conversation) -> tuple[Conversation, tuple[Effect, ...]]:
    """Return the state at a new consultation, its scope opened where consent is live; details are kept for it."""
    fresh = altered(
        state,
        stage=Stage.TOPIC,
        topic="",
        field="",
        changing=False,
        kept=tuple(name for name in state.kept if name != NEED),
        sent="",
    )
    if CONTACT not in state.agreed:
        return altered(fresh, session=state.session + 1, consultation=0), ()
    number = state.consultations + 1
    return altered(fresh, consultation=number, consultations=number), (OpenConsultation(0, number),)
