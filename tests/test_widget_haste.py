"""The widget in haste and on a bad line: what is wished is not dropped, and nothing is done that nobody wished."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.chat_window import Served, Window, served_desk, window

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A desk on a port of its own."""
    async with served_desk(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def chat(browser: Browser, served: Served) -> AsyncIterator[Window]:
    """An English visitor on the demo site, with the chat open."""
    async with window(browser, f"{served.url}/") as seen:
        await seen.open()
        yield seen


async def _to_phone(chat: Window) -> None:
    """Agree, and answer until the phone number is asked for."""
    await chat.to_consent()
    await chat.pick("Agree")
    await chat.pick("My own")
    for label, text in (("Name", "Li Na"), ("Company", "Example Pumps")):
        await chat.asks(label)
        await chat.say(text)
    await chat.asks("Mobile phone")


async def test_what_my_data_offers_is_not_dropped_behind_an_answer(chat: Window) -> None:
    """S23: "Delete my data" while an answer still waits for the line: it goes out behind it."""
    await _to_phone(chat)
    await chat.context.set_offline(True)
    await expect(chat.dialog.locator(".bar")).to_contain_text("Connection lost")
    await chat.say("+86 138 0013 8000")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()

    await chat.pick("Delete my data")

    await expect(chat.dialog.locator(".visitor.waiting")).to_have_count(2)
    await chat.context.set_offline(False)
    await expect(chat.dialog.get_by_role("button", name="Everything about me", exact=True)).to_be_visible()


async def test_a_double_click_presses_once(chat: Window) -> None:
    """S23: the second click hits what took the button's place; it erases nothing and skips no second question."""
    await _to_phone(chat)
    await chat.dialog.get_by_role("button", name="Skip", exact=True).dblclick()
    await chat.asks("E-mail")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.sees("Li Na")
    await chat.pick("Delete my data")
    everything = chat.dialog.get_by_role("button", name="Everything about me", exact=True)
    await everything.hover()

    await chat.page.mouse.down(click_count=2)
    await chat.page.mouse.up(click_count=2)

    await expect(everything).to_be_visible()
    await expect(chat.dialog.locator(".title.ok")).to_have_count(0)
    assert (await chat.dialog.locator(".visitor").all_inner_texts())[-2:] == ["Skip", "Erase your data"]


async def test_a_double_click_on_the_launcher_opens_it(chat: Window) -> None:
    """Who double-clicks everything finds the panel open."""
    await chat.page.keyboard.press("Escape")

    await chat.page.locator("#launcher").dblclick()

    await expect(chat.dialog).to_be_visible()


async def test_skip_leaves_nothing_in_the_next_field(chat: Window) -> None:
    """Half a phone number, or one that was not taken, is no e-mail address."""
    await _to_phone(chat)
    await chat.say("+86")
    await expect(chat.dialog.locator("#fault")).to_be_visible()
    await expect(chat.answer).to_have_value("+86")
    await chat.answer.press_sequentially(" 138 00")

    await chat.pick("Skip")

    await chat.asks("E-mail")
    await expect(chat.answer).to_have_value("")
