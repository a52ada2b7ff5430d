"""Wording: whole frames, what the visitor said, and the choice of the language."""

import pytest

from intake.events import ColleagueSaid
from intake.outcomes import Heard, Reply, WrongAnswer
from tests.drawn_frames import drawn, message, question, rules, wording


def test_a_rejection_says_what_was_wrong_with_an_example() -> None:
    """The code goes to the client, the sentence and a good example to the person, the question stays."""
    asked = question("phone").expects
    reply = Reply(
        key="rejected.phone.too_short",
        expects=asked,
        rejected=WrongAnswer("phone", "phone.too_short", "+86 1"),
    )

    frame = drawn(reply)

    assert frame["rejected"] == {"name": "phone", "code": "phone.too_short"}
    assert frame["text"].endswith("\nFor example: +86 1")
    assert frame["expects"] == drawn(question("phone"))["expects"]


def test_a_limit_is_named_in_its_rejection() -> None:
    """Too long says how long it may be: of the field, or of the question."""
    assert "at most 100 characters" in wording().rejected("name", "name.too_long", "en")
    assert f"at most {rules().need_max} characters" in wording().rejected("need", "text.too_long", "en")


def test_prepared_answers_come_from_the_configuration() -> None:
    """The text of a prepared answer is the operator's; one that is gone says nothing."""
    assert "Modbus" in drawn(Reply(key="faq", params={"id": "protocols"}), "zh-CN")["text"]
    assert drawn(Reply(key="faq", params={"id": "gone"}))["text"] == ""


@pytest.mark.parametrize(
    ("heard", "text", "masked"),
    [
        (Heard(text="Call +86 138 0013 8000"), "Call +86 138 0013 8000", "Call [•••]"),
        (Heard(answered="phone"), "+86 138 0000 0000", "+86 ••• •••• 0000"),
        (Heard(answered="name"), "李华", "李•••"),
        (Heard(answered="industry"), "Water", "•••"),
        (Heard(answered="need"), "Price?", "Price?"),
        (Heard(answered="company"), "(not kept)", "(not kept)"),
        (Heard(picked="consent:agree", purposes=("news", "visit")), "Agree · News · Visit record", None),
        (Heard(text="Li Hua 1", private=True), "Li Hua 1", "(hidden)"),
        (Heard(private=True), "(not kept)", "(not kept)"),
    ],
)
def test_what_the_visitor_said(heard: Heard, text: str, masked: str | None) -> None:
    """Answers show the kept value, picks their label; a remembered session sees everything personal masked."""
    plain, hidden = drawn(heard), drawn(heard, masked=True)

    assert (plain["text"], plain["from"], "masked" in plain) == (text, "visitor", False)
    assert (hidden["text"], hidden["masked"]) == (text if masked is None else masked, True)


def test_own_messages_come_back_with_their_id() -> None:
    """The visitor's own message carries the client's id, and has no `expects`."""
    frame = wording().frame(message(Heard(text="hi"), client_id="c1"), values={}, record=None)

    assert (frame["id"], "expects" in frame) == ("c1", False)


def test_a_colleague_is_named() -> None:
    """A colleague's answer says who answers; personal values in it are masked like all others."""
    body = ColleagueSaid(text="We call +86 138 0013 8000", name="Wang")

    plain, hidden = drawn(body), drawn(body, masked=True)

    assert (plain["from"], plain["name"], plain["text"]) == ("staff", "Wang", body.text)
    assert hidden["text"] == "We call [•••]"


def test_an_erased_message_keeps_only_its_number() -> None:
    """Numbers have no gaps: what was erased stays as a place (S24)."""
    assert drawn(None) == {"type": "message", "seq": 7, "erased": True}


@pytest.mark.parametrize(
    ("wanted", "header", "locale"),
    [
        (None, "", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("zh_hans", "", "zh-CN"),
        ("ZH-TW", "", "zh-CN"),
        ("fr", "de;q=0.9, zh;q=0.8, en;q=0.1", "zh-CN"),
        (None, "en;q=0.2, zh-CN", "zh-CN"),
        (None, "zh;q=0, en", "en"),
        (None, "zh;q=x, *, ;q=1", "en"),
        ("fr", "de", "en"),
    ],
)
def test_language_follows_the_person(wanted: str | None, header: str, locale: str) -> None:
    """The wanted language first, then the browser's by weight, then the default."""
    assert wording().locale_for(wanted, header) == locale


def test_a_language_that_is_gone_falls_back() -> None:
    """A conversation in a language that was switched off goes on in the default one."""
    assert drawn(Reply(key="joined"), "fr")["text"] == wording().say("joined", "en")
