"""Words where nothing is asked: refused ones come back with the reason, sent ones leave the field clean."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.chat_window import Window
from tests.scripted_desk import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

FREE = {"kind": "none"}
TOO_LONG = "This is too long. Please use at most 2000 characters."
REFUSED = {"expects": FREE, "rejected": {"name": "need", "code": "text.too_long"}, "locale": "en"}


async def test_words_that_are_too_long_for_a_lead_come_back(opened: Window) -> None:
    """The desk keeps nothing of them: they are in the field again, with what is wrong, until shorter ones are sent."""
    await opened.to_review()
    await opened.pick("Send")
    await opened.sees("AF-")

    await opened.say("long " * 450)

    await expect(opened.dialog.locator("#fault")).to_have_text(TOO_LONG)
    await expect(opened.answer).to_have_value("long " * 450)
    await expect(opened.answer).to_be_focused()
    await opened.say("Shorter.")
    await opened.sees("This is added to your consultation")
    await expect(opened.dialog.locator("#fault")).to_have_count(0)
    await expect(opened.answer).to_have_value("")


async def test_of_two_lines_the_refused_one_comes_back(chat: Window, script: Script) -> None:
    """Two lines in haste: the one that was refused stands in the field again, before what was typed since."""
    script.answers = False
    await chat.say("A refused line")
    await chat.say("A good line")
    await chat.answer.fill("half a li")
    first = next(one for one in script.heard if one["type"] == "say")

    script.tell({"type": "ack", "id": first["id"], "seq": 2})
    script.say("visitor", "(not kept)", id=first["id"])
    script.say("bot", TOO_LONG, **REFUSED)

    await expect(chat.dialog.locator("#fault")).to_have_text(TOO_LONG)
    await expect(chat.answer).to_have_value("A refused line\nhalf a li")
    await chat.sees("A good line")


async def test_what_another_page_was_refused_does_not_come_here(chat: Window, script: Script) -> None:
    """Two pages of one session: only the page that sent the words has them in its field again."""
    await chat.say("A good line")
    script.say("bot", "Thank you.", locale="en", expects=FREE)
    await chat.sees("Thank you.")

    script.say("visitor", "(not kept)", id="of-another-page")
    script.say("bot", TOO_LONG, **REFUSED)

    await expect(chat.dialog.locator("#fault")).to_have_text(TOO_LONG)
    await expect(chat.answer).to_have_value("")


async def test_a_line_that_is_sent_leaves_nothing_under_the_field(chat: Window, script: Script) -> None:
    """WCAG 3.3.1: what was said of an empty field, and the count of a full one, go with what is sent."""
    fault, count = chat.dialog.locator("#fault"), chat.dialog.locator(".count")
    await chat.say("")
    await expect(fault).to_have_text("Please type something first.")
    await chat.say("x" * 3_990)

    await expect(chat.dialog.locator(".visitor")).to_have_count(1)
    await expect(fault).to_have_count(0)
    assert await chat.answer.get_attribute("aria-invalid") is None
    await expect(count).to_be_hidden()
