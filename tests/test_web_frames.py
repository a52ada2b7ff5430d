"""Frames from visitors."""

from __future__ import annotations

import orjson
import pytest

from bot.web.frames import BadFrame, key_of, read_asked, read_hello
from intake.events import MESSAGE_MAX, Picked, Said


def raw(**frame: object) -> bytes:
    """Return a frame as it comes over the wire."""
    return orjson.dumps(frame)


def test_a_say_is_read() -> None:
    """A say becomes what was said, with the client's id beside it."""
    asked = read_asked(raw(type="say", id="c1", text="hello"))

    assert (asked.id, asked.event) == ("c1", Said("hello"))


def test_a_pick_is_read() -> None:
    """A pick becomes the option, the ticked purposes once each, and the version of the card."""
    frame = raw(type="pick", id="c2", value="consent:agree", purposes=["news", "news"], policy="2026-11")

    assert read_asked(frame).event == Picked("consent:agree", ("news",), "2026-11")


def test_a_repeat_means_the_same_and_a_reuse_does_not() -> None:
    """The digest tells a repeat from another body under the same id; the order of ticks means nothing."""
    first = read_asked(raw(type="pick", id="a", value="consent:agree", purposes=["news", "visit"]))
    repeat = read_asked(raw(type="pick", id="a", value="consent:agree", purposes=["visit", "news"]))
    reuse = read_asked(raw(type="pick", id="a", value="consent:agree", purposes=["news"]))

    assert first.meaning == repeat.meaning
    assert first.meaning != reuse.meaning


def test_a_typed_value_is_no_pick() -> None:
    """Typing an option's value and picking it differ, under the same id too."""
    assert read_asked(raw(type="say", id="a", text="x")).meaning != (
        read_asked(raw(type="pick", id="a", value="x")).meaning
    )


def test_an_id_is_known_within_its_conversation_only() -> None:
    """Two conversations may use the same id."""
    assert key_of("one", "c1") != key_of("two", "c1")
    assert len(key_of("one", "c1")) == 16


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"say"',
        b"{",
        b"[" * 30_000,
        b'{"a":' * 5_000,
        b"9" * 9_000,
        b"\xff\xfe",
        b'{"type":NaN}',
        raw(),
        raw(type=7),
        raw(type=["say"]),
        raw(type="shout", id="a"),
        raw(type="hello", id="a", token="x"),
        raw(type="say", text="no id"),
        raw(type="say", id="", text="x"),
        raw(type="say", id=5, text="x"),
        raw(type="say", id="x" * 65, text="x"),
        raw(type="say", id="a\u0000", text="x"),
        raw(type="say", id="a\u202eb", text="x"),
    ],
)
def test_what_is_no_frame_is_refused_for_good(frame: bytes) -> None:
    """Whoever does not speak the protocol is told so and let go."""
    with pytest.raises(BadFrame) as refused:
        read_asked(frame)

    assert (refused.value.code, refused.value.fatal) == ("bad_frame", True)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (raw(type="say", id="c9"), "bad_frame"),
        (raw(type="say", id="c9", text=None), "bad_frame"),
        (raw(type="say", id="c9", text=["x"]), "bad_frame"),
        (raw(type="say", id="c9", text="x" * (MESSAGE_MAX + 1)), "too_long"),
        (raw(type="say", id="c9", text="a\u0000b"), "bad_text"),
        (b'{"type":"say","id":"c9","text":"\\ud800"}', "bad_text"),
        (raw(type="pick", id="c9"), "bad_frame"),
        (raw(type="pick", id="c9", value=""), "bad_frame"),
        (raw(type="pick", id="c9", value="x" * 257), "bad_frame"),
        (raw(type="pick", id="c9", value="topic:\u0000"), "bad_frame"),
        (raw(type="pick", id="c9", value="x", policy=1), "bad_frame"),
        (raw(type="pick", id="c9", value="x", purposes="news"), "bad_frame"),
        (raw(type="pick", id="c9", value="x", purposes=[1]), "bad_frame"),
        (raw(type="pick", id="c9", value="x", purposes=["x"] * 65), "bad_frame"),
    ],
)
def test_a_wrong_frame_leaves_its_id_free(frame: bytes, code: str) -> None:
    """A frame with an id is refused by that id; the talk goes on."""
    with pytest.raises(BadFrame) as refused:
        read_asked(frame)

    assert not refused.value.fatal
    assert refused.value.frame() == {
        "type": "error",
        "id": "c9",
        "code": code,
        "detail": refused.value.detail,
    }


def test_the_longest_message_fits() -> None:
    """4,000 characters are a message, whatever they weigh."""
    text = "网" * MESSAGE_MAX

    assert read_asked(raw(type="say", id="a", text=text)).event == Said(text)


def test_a_refused_frame_is_a_problem_over_http() -> None:
    """What is too long is 413, everything else 400."""
    with pytest.raises(BadFrame) as long:
        read_asked(raw(type="say", id="a", text="x" * (MESSAGE_MAX + 1)))
    with pytest.raises(BadFrame) as wrong:
        read_asked(b"{}")

    assert (long.value.problem().status, wrong.value.problem().status) == (413, 400)


def test_a_hello_is_read() -> None:
    """The watermark may be left out."""
    assert read_hello(raw(type="hello", token="t")).after == 0
    assert read_hello(raw(type="hello", token="t", after=7)).after == 7


@pytest.mark.parametrize("after", [-1, 1.5, "3", True, None, 2**53])
def test_a_watermark_is_a_number(after: object) -> None:
    """Anything else is refused."""
    with pytest.raises(BadFrame):
        read_hello(raw(type="hello", token="t", after=after))


def test_no_secret_stands_in_a_repr() -> None:
    """Tokens and texts stay out of what a log might print."""
    shown = f"{read_hello(raw(type='hello', token='canary'))!r}{read_asked(raw(type='say', id='a', text='canary'))!r}"

    assert "canary" not in shown
