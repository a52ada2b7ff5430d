"""Drawing: `expects` to the letter of the contract."""

import timeit
from dataclasses import replace

import pytest

from intake.outcomes import Expects, Heard, Reply
from storage.records import KeptField, Record
from tests.drawn_frames import LOCALES, NOW, PHONE, drawn, message, question, rules, wording


def test_a_field_question_has_every_key_of_the_contract() -> None:
    """A sensitive, skippable question carries label, reason, warning, limits, progress and options (S7)."""
    frame = drawn(question("phone"))

    assert frame == {
        "type": "message",
        "seq": 7,
        "from": "bot",
        "locale": "en",
        "at": "2026-11-23T09:30:00.000Z",
        "text": "Which number may we call?",
        "expects": {
            "kind": "tel",
            "name": "phone",
            "label": "Mobile phone",
            "why": rules().fields["phone"].why["en"],
            "max_length": 40,
            "optional": True,
            "sensitive": True,
            "warning": rules().fields["phone"].warning["en"],
            "autocomplete": "tel",
            "progress": {"step": 3, "of": 6},
            "options": [{"value": "field:skip", "label": "Skip"}],
        },
    }


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", list(rules().fields))
def test_no_sensitive_question_is_without_its_warning(name: str, locale: str) -> None:
    """Every field can be drawn; a sensitive one always with its warning, the hash of which is in the rules (S4, S7)."""
    expects = drawn(question(name, locale), locale)["expects"]

    assert expects["sensitive"] is rules().fields[name].sensitive
    assert expects.get("warning") == (rules().fields[name].warning[locale] if expects["sensitive"] else None)
    assert "progress" in expects if rules().fields[name].asked else "progress" not in expects


def test_the_question_itself_is_a_text() -> None:
    """The need is no field of the registry, yet it is drawn with label and length."""
    expects = drawn(question("need"))["expects"]

    assert (expects["kind"], expects["label"], expects["max_length"]) == (
        "text",
        "Your question",
        rules().need_max,
    )
    assert (expects["options"], expects["sensitive"]) == ([], False)


def test_consent_card_is_drawn_to_the_letter() -> None:
    """Policy with hash and address, each purpose with its data, both choices and the policy (L1, L2)."""
    options = ("consent:agree", "consent:refuse", "consent:policy")
    card = Expects(kind="consent", purposes=("contact", "news", "gone"), policy="2026-11", options=options)

    expects = drawn(Reply(key="consent.ask", expects=card), "zh-CN")["expects"]

    assert expects["policy"] == {
        "version": "2026-11",
        "url": "https://desk.example.com/policy/2026-11?lang=zh-CN",
        "notice_sha256": rules().policies["2026-11"].notice_sha256["zh-CN"],
    }
    assert [(one["id"], one["required"], one["sensitive"]) for one in expects["purposes"]] == [
        ("contact", True, True),
        ("news", False, True),
    ]
    assert set(expects["purposes"][1]) == {"id", "label", "text", "required", "sensitive", "fields"}
    assert [one["label"] for one in expects["options"]] == ["同意", "拒绝", "阅读隐私政策"]


def test_a_card_of_a_version_that_is_gone_still_opens() -> None:
    """An old card in a transcript is drawn though its version was removed."""
    card = Expects(kind="consent", policy="2020-01", options=("consent:agree",))

    assert drawn(Reply(key="consent.ask", expects=card))["expects"]["policy"]["notice_sha256"] == ""


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        ("topic:gateway", "Gateways", "网关产品"),
        ("topic:gone", "gone", "gone"),
        ("field:industry:water", "Water", "水务"),
        ("field:industry:gone", "gone", "gone"),
        ("review:change:phone", "Correct: Mobile phone", "更正：手机号码"),
        ("review:change:need", "Correct: Your question", "更正：您的问题"),
        ("withdraw:news", "News", "产品资讯"),
        ("withdraw:field:gender", "Gender", "性别"),
        ("correct:email", "E-mail", "电子邮箱"),
        ("language:zh-CN", "中文", "中文"),
        ("command:view", "See what we keep about you", "查看我们保存的您的信息"),
        ("command:gone", "gone", "gone"),
    ],
)
def test_options_have_labels(value: str, english: str, chinese: str) -> None:
    """Every kind of option is labelled; what is no longer configured shows its id instead of failing."""
    reply = Reply(key="free.ask", expects=Expects(kind="choice", name="x", options=(value,)))

    labels = [drawn(reply, locale)["expects"]["options"][0]["label"] for locale in LOCALES]

    assert labels == [english, chinese]


def test_review_shows_label_and_value() -> None:
    """The review card has each kept field with its label and its value as people write it."""
    card = Expects(kind="review", fields=("need", "phone", "industry", "company"), options=("review:send",))

    expects = drawn(Reply(key="review.ask", expects=card), "zh-CN")["expects"]

    assert expects["fields"] == [
        {"field": "need", "label": "您的问题", "value": "Price?", "sensitive": False},
        {"field": "phone", "label": "手机号码", "value": "+86 138 0000 0000", "sensitive": True},
        {"field": "industry", "label": "行业", "value": "水务", "sensitive": False},
    ]


def test_a_confirmation_has_name_and_options_only() -> None:
    """Deleting is drawn as the contract says."""
    asks = Expects(kind="confirm", name="delete", options=("delete:all", "delete:cancel"))

    expects = drawn(Reply(key="delete.ask", expects=asks))["expects"]

    assert expects == {
        "kind": "confirm",
        "name": "delete",
        "options": [
            {"value": "delete:all", "label": "Everything about me"},
            {"value": "delete:cancel", "label": "Erase nothing"},
        ],
    }


def test_free_chat_expects_nothing() -> None:
    """Every message of the desk says what it expects, if only that it expects nothing."""
    assert drawn(Reply(key="joined"))["expects"] == {"kind": "none"}


RECORD = Record(
    fields=(KeptField(name="phone", value=PHONE, given_at=NOW, policy="2026-11"),),
    consents=({"purpose": "contact", "decision": "agreed", "policy": "2026-11", "at": NOW},),
    recipients=({"recipient": "gone", "at": NOW, "fields": ["phone"], "event": "lead.created"},),
    opened_by=({"by": "wang@example.com", "at": NOW, "purpose": "call_back", "fields": ["phone"]},),
    keeps_until=NOW,
    lead="A-1",
)


def test_view_shows_the_whole_record() -> None:
    """Each detail with when and under what, who received it, who opened it, and until when (S21)."""
    reply = Reply(key="view", expects=Expects(kind="record"))

    expects = drawn(reply, record=RECORD)["expects"]

    at = "2026-11-23T09:30:00.000Z"
    assert expects == {
        "kind": "record",
        "fields": [
            {
                "field": "phone",
                "label": "Mobile phone",
                "value": "+86 138 0000 0000",
                "sensitive": True,
                "given_at": at,
                "policy": "2026-11",
                "correctable": True,
            }
        ],
        "consents": [
            {
                "purpose": "contact",
                "decision": "agreed",
                "policy": "2026-11",
                "at": at,
                "label": "Answer this consultation",
            }
        ],
        "recipients": [
            {"recipient": "gone", "at": at, "fields": ["phone"], "event": "lead.created", "name": "gone"}
        ],
        "opened_by": [
            {
                "by": "wang@example.com",
                "at": at,
                "purpose": "call_back",
                "fields": ["phone"],
                "name": "wang@example.com",
                "about": "Call back (Mobile phone)",
            }
        ],
        "keeps_until": at,
        "masked": False,
        "unusable": "",
    }


def test_view_is_masked_for_a_remembered_session() -> None:
    """Review and record hide their values, and say so."""
    view = drawn(Reply(key="view", expects=Expects(kind="record")), record=RECORD, masked=True)
    card = Expects(kind="review", fields=("phone",))
    review = drawn(Reply(key="review.ask", expects=card), masked=True)
    other = drawn(Reply(key="joined"), masked=True)

    assert (view["masked"], view["expects"]["masked"], view["expects"]["fields"][0]["value"]) == (
        True, True, "+86 ••• •••• 0000",
    )  # fmt: skip
    assert (review["masked"], review["expects"]["fields"][0]["value"]) == (True, "+86 ••• •••• 0000")
    assert "masked" not in other


def test_what_the_browser_told_is_masked_like_what_was_typed() -> None:
    """S8: the visit record tells a person's device and place; only their own question stays readable."""
    kept = (("ip", "127.0.0.0/24"), ("browser", "Firefox"), ("need", "Do your gateways speak Modbus?"))
    fields = tuple(KeptField(name=name, value=value, given_at=NOW, policy="") for name, value in kept)
    reply = Reply(key="view", expects=Expects(kind="record"))

    view = drawn(reply, record=replace(RECORD, fields=fields), masked=True)

    shown = [one["value"] for one in view["expects"]["fields"]]
    assert shown == ["•••", "•••", "Do your gateways speak Modbus?"]


def test_what_is_configured_no_more_is_masked_whole() -> None:
    """S8: no rule says what of such a value may be seen, so none of it is, and it is sensitive; questions are words."""
    need = "Write to li.na@example.com about Modbus"
    kept = {"company_then": "Example Valves Ltd", "need": need, "need:1": need, "browser": "Firefox"}
    fields = tuple(KeptField(name=name, value=one, given_at=NOW, policy="") for name, one in kept.items())
    reply = Reply(key="view", expects=Expects(kind="record"))

    view = drawn(reply, record=replace(RECORD, fields=fields), masked=True)
    heard = wording().frame(message(Heard(answered="company_then")), values=kept, record=None, masked=True)

    shown = [(one["value"], one["sensitive"]) for one in view["expects"]["fields"]]
    words = "Write to [•••] about Modbus"
    assert shown == [("•••", True), (words, False), (words, False), ("•••", False)]
    assert heard["text"] == "•••"


def test_an_empty_record_is_a_record() -> None:
    """Where nothing is kept, "view" shows that."""
    expects = drawn(Reply(key="view.nothing", expects=Expects(kind="record")))["expects"]

    assert (expects["fields"], expects["keeps_until"]) == ([], None)


def test_drawing_a_question_is_quick() -> None:
    """A frame costs microseconds, for it is drawn for every message: under 100 even on a busy machine."""
    asked = message(question("phone"))

    seconds = (
        min(timeit.repeat(lambda: wording().frame(asked, values={}, record=None), number=500, repeat=5)) / 500
    )

    assert seconds < 100e-6
