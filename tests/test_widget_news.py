"""What a colleague writes is seen: followed where the end is read, announced where the visitor is elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.chat_window import Window, served_desk, window
from tests.scripted_desk import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "Something longer that fills a good part of the panel, so that it has to be scrolled. " * 3


@pytest_asyncio.fixture(loop_scope="session")
async def chat(browser: Browser, tmp_path: Path) -> AsyncIterator[Window]:
    """An English visitor on the demo site."""
    async with served_desk(tmp_path) as served, window(browser, f"{served.url}/") as seen:
        yield seen


@pytest_asyncio.fixture(loop_scope="session")
async def script(chat: Window) -> Script:
    """A scripted desk behind the visitor's page, that has said hello."""
    scripted = Script()
    await scripted.begin(chat)
    scripted.say("bot", "Hello.", locale="en", expects={"kind": "none"})
    await chat.page.locator("#launcher").click()
    await chat.sees("Hello.")
    return scripted


async def test_a_colleagues_messages_are_followed(chat: Window, script: Script) -> None:
    """After what the visitor said, message by message: the newest is in sight."""
    await chat.say("Is anybody there?")
    for number in range(6):
        script.say("staff", f"Message {number}. {LONG}", name="Ben Roe")
        await chat.sees(f"Message {number}.")

        await expect(chat.dialog.locator(".staff").last.locator(".bubble")).to_be_in_viewport(ratio=1)
    await expect(chat.dialog.locator(".down")).to_have_count(0)


async def test_who_reads_further_up_is_not_pulled_away(chat: Window, script: Script) -> None:
    """A button leads to what came meanwhile, and a status says so; at the end it is gone."""
    for number in range(8):
        script.say("staff", f"Message {number}. {LONG}", name="Ben Roe")
    await chat.sees("Message 7.")
    talk = chat.dialog.locator(".talk")
    await talk.evaluate("one => { one.scrollTop = 0; }")

    script.say("staff", "The newest.", name="Ben Roe")

    await expect(chat.dialog.locator(".status")).to_have_text("A colleague has answered in the chat.")
    assert await talk.evaluate("one => one.scrollTop") == 0
    assert await chat.axe() == []
    down = chat.dialog.get_by_role("button", name="New", exact=True)
    await expect(down).to_be_in_viewport(ratio=1)
    await down.click()
    await expect(chat.dialog.get_by_text("The newest.")).to_be_in_viewport(ratio=1)
    await expect(down).to_have_count(0)
    await expect(talk).to_be_focused()


async def test_the_launcher_says_that_a_colleague_has_answered(chat: Window, script: Script) -> None:
    """The panel is closed: a dot, and a word in the launcher's name, until it is opened."""
    await chat.page.keyboard.press("Escape")
    launcher = chat.page.locator("#launcher")
    await expect(launcher).to_have_attribute("aria-label", "Open the chat")

    script.say("staff", "Good morning!", name="Bo Ren")

    await expect(launcher).to_have_attribute("aria-label", "Open the chat (New)")
    assert await launcher.evaluate("one => getComputedStyle(one, '::after').width") == "14px"
    await launcher.click()
    await expect(launcher).to_have_attribute("aria-label", "Close the chat")
    assert await launcher.evaluate("one => getComputedStyle(one, '::after').content") == "none"
