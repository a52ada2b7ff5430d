"""Frames as Telegram messages: everything escaped, values behind spoilers, warnings before what is sensitive."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from bot.telegram.drawing import Drawn, draw
from bot.wording import Wording
from intake.asking import card_purposes, field_question, open_question
from intake.conversation import Conversation, Stage
from intake.events import ColleagueSaid
from intake.outcomes import Expects, Reply
from intake.rules import Rules
from storage.records import KeptField, Message, Record
from tests.bot_api_schema import Schema, plain
from tests.house import shipped

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
CONVERSATION = "0123456789abcdef" * 2
EVIL = "<b>R & D</b> <script>"
STATE = Conversation(channel="telegram", site="default", locale="en", agreed=("contact",))


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The shipped configuration."""
    return shipped().rules


@pytest.fixture(scope="module")
def wording() -> Wording:
    """The shipped words."""
    loaded = shipped()
    return Wording(loaded.rules, loaded.catalogues, "https://desk.example.com")


def drawing(
    wording: Wording,
    body: Reply | ColleagueSaid,
    record: Record | None = None,
    locale: str = "en",
    **values: str,
) -> Drawn:
    """Return a message as Telegram gets it, judged by the Bot API schema."""
    sender = "bot" if isinstance(body, Reply) else "staff"
    message = Message(seq=4, sender=sender, at=NOW, locale=locale, body=body)
    frame = wording.frame(message, values=MappingProxyType(values), record=record)
    drawn = draw(wording, CONVERSATION, message, frame, live=True)
    form = {"chat_id": "7", "text": drawn.html, "parse_mode": "HTML"}
    if drawn.markup is not None:
        form["reply_markup"] = json.dumps(drawn.markup.to_dict())
    if drawn.fits:
        Schema().call("sendMessage", form)
    return drawn


def test_a_card_that_is_asked_again_begins_with_what_is_new(wording: Wording) -> None:
    """S28: what changed since the version agreed to stands before the purposes, with the comparison."""
    asked = Expects(kind="consent", policy="2026-11", purposes=("contact",), since="2020-01")

    text = drawing(wording, Reply(key="consent.again", params={"policy": "2020-01"}, expects=asked)).plain

    assert "What is new since version 2020-01\n• The first version.\nhttps://" in text
    assert text.index("The first version") < text.index("Answer this consultation")


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_every_question_of_the_shipped_configuration_is_taken_by_the_bot_api(
    wording: Wording, rules: Rules, locale: str
) -> None:
    """At every stage, in both languages."""
    values = dict.fromkeys(("need", *rules.fields), "a")
    state = replace(
        STATE,
        locale=locale,
        kept=tuple(values),
        field=next(iter(rules.fields)),
        card=next(iter(rules.policies)),
    )

    for stage in Stage:
        reply = open_question(replace(state, stage=stage), rules)
        assert drawing(wording, reply, None, locale, **values).plain


def test_a_sensitive_question_shows_its_warning_and_its_reason(wording: Wording, rules: Rules) -> None:
    """The warning stands in the message, before anything can be answered (S7)."""
    for field in rules.fields.values():
        drawn = drawing(wording, field_question(STATE, rules, field.name, aside=False))

        assert field.why["en"] in drawn.plain
        assert field.warning.get("en", "") in drawn.plain
        assert ("⚠️" in drawn.plain) is field.sensitive


def test_the_phone_question_offers_to_share_the_contact(wording: Wording, rules: Rules) -> None:
    """One button shares the person's own number; the options stand beside it as words to send."""
    drawn = drawing(wording, field_question(STATE, rules, "phone", aside=False))

    assert drawn.markup is not None
    rows = drawn.markup.to_dict()["keyboard"]
    assert rows[0] == [{"text": "Share my number", "request_contact": True}]
    assert rows[1] == [{"text": "Skip"}]


def test_the_consent_card_names_every_purpose_and_the_policy(wording: Wording, rules: Rules) -> None:
    """What is asked for, why, and which version: all on the card (S8, L1)."""
    version = next(iter(rules.policies))
    purposes = card_purposes(STATE, rules)
    options = ("consent:agree", "consent:refuse", "consent:policy")
    reply = Reply(
        key="consent.ask", expects=Expects(kind="consent", options=options, purposes=purposes, policy=version)
    )
    drawn = drawing(wording, reply)

    for purpose in purposes:
        assert rules.purposes[purpose].label["en"] in drawn.plain
        assert rules.purposes[purpose].text["en"] in drawn.plain
    assert f"/policy/{version}" in drawn.plain
    assert "visit" not in purposes


def test_view_puts_every_value_behind_a_spoiler(wording: Wording) -> None:
    """Values are spoilers; names, dates, recipients and readers are not (S21)."""
    when = NOW.isoformat()
    record = Record(
        fields=(
            KeptField(name="name", value=EVIL, given_at=NOW, policy="2026-11"),
            KeptField(name="need", value="How long?", given_at=NOW, policy=""),
            KeptField(name="browser", value="Firefox", given_at=NOW, policy="2026-11"),
        ),
        consents=(
            {"purpose": "contact", "decision": "agreed", "policy": "2026-11", "at": when},
            {"purpose": "news", "decision": "refused", "policy": "2026-11", "at": when},
        ),
        recipients=({"recipient": "sales", "at": when, "fields": ["name"], "event": "lead.created"},),
        opened_by=({"by": "Alex", "at": when, "purpose": "contact", "fields": ["name"]},),
        keeps_until=NOW,
        lead="AF-2345-6789",
    )
    drawn = drawing(wording, Reply(key="view", expects=Expects(kind="record")), record)
    text, entities = plain(drawn.html)
    hidden = [one for one in entities if one["type"] == "spoiler"]

    assert [text[one["offset"] : one["offset"] + one["length"]] for one in hidden] == [
        EVIL,
        "How long?",
        "Firefox",
    ]
    assert "2026-11-22 09:30 UTC" in text
    assert "Visit record: kept until" in text
    assert "Alex: Answer this consultation (Name), 2026-11-22 09:30 UTC" in text


def test_view_says_that_nobody_may_use_what_is_left(wording: Wording) -> None:
    """L3: after a withdrawal the record says so itself, on Telegram as in the widget."""
    ended = {"purpose": "contact", "decision": "withdrawn", "policy": "2026-11", "at": NOW}
    kept = KeptField(name="name", value="Li Na", given_at=NOW, policy="2026-11")
    record = Record(fields=(kept,), consents=(ended,), recipients=(), opened_by=(), keeps_until=None, lead="")

    drawn = drawing(wording, Reply(key="view", expects=Expects(kind="record")), record)

    assert wording.say("record.unusable", "en") in drawn.plain


def test_nothing_kept_is_said_in_one_line(wording: Wording) -> None:
    """An empty record draws no empty headings."""
    drawn = drawing(wording, Reply(key="view.nothing", expects=Expects(kind="record")))

    assert drawn.plain == wording.say("view.nothing", "en")


def test_what_people_type_is_never_markup(wording: Wording) -> None:
    """Review card and colleague's words are escaped: they show as they were typed."""
    review = Reply(
        key="review.ask", expects=Expects(kind="review", options=("review:send",), fields=("name",))
    )

    assert EVIL in drawing(wording, review, name=EVIL).plain
    assert drawing(wording, ColleagueSaid(EVIL, "A<b>")).plain == f"A<b>: {EVIL}"


def test_only_the_open_question_has_buttons(wording: Wording, rules: Rules) -> None:
    """A question that was asked anew since comes without buttons, so that none is old from the start."""
    message = Message(seq=4, sender="bot", at=NOW, locale="en", body=open_question(STATE, rules))
    frame = wording.frame(message, values=MappingProxyType({}), record=None)

    assert draw(wording, CONVERSATION, message, frame, live=False).markup is None
    assert draw(wording, CONVERSATION, message, frame, live=True).markup is not None


def test_what_is_too_long_for_a_message_is_noticed() -> None:
    """The limit counts UTF-16 code units of the text without its HTML."""
    assert Drawn(html=f"<b>{'&amp;' * 4096}</b>", title="").fits
    assert not Drawn(html="😀" * 2049, title="").fits


def test_chinese_has_chinese_marks(wording: Wording, rules: Rules) -> None:
    """What is kept, decided and told is written with the marks of its language."""
    when = "2026-11-23T04:00:00.000Z"
    record = Record(
        fields=(),
        consents=({"purpose": "affiliates", "decision": "agreed", "policy": "2026-11", "at": when},),
        recipients=(
            {"recipient": "sales", "at": when, "fields": ["name", "phone"], "event": "lead.created"},
        ),
        opened_by=(),
        keeps_until=None,
        lead="",
    )

    shown = drawing(wording, Reply(key="view", expects=Expects(kind="record")), record, "zh-CN").plain

    assert "关联公司：已同意（2026-11、2026-11-23 04:00 UTC）" in shown
    assert "sales：姓名、手机号码（2026-11-23 04:00 UTC）" in shown
    assert "您的信息" not in shown.partition("\n\n")[2]
