"""The widget in haste and on a bad line: what is wished is not dropped, and nothing is done that nobody wished."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.chat_window import Served, Window, served_desk, window
from tests.scripted_desk import Script

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


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, served: Served) -> AsyncIterator[Window]:
    """An English visitor on the demo site who has not opened the chat."""
    async with window(browser, f"{served.url}/") as seen:
        yield seen


@pytest_asyncio.fixture(loop_scope="session")
async def script(visitor: Window) -> Script:
    """A scripted desk behind that visitor's page, that has said hello."""
    scripted = Script()
    await scripted.begin(visitor)
    scripted.say("bot", "Hello.", locale="en", expects={"kind": "none"})
    await visitor.page.locator("#launcher").click()
    await visitor.sees("Hello.")
    return scripted


async def _reaches_the_page(seen: Window) -> None:
    """Press "Privacy and my data": the page of that name opens."""
    async with seen.context.expect_page() as opening:
        await seen.dialog.get_by_role("button", name="Privacy and my data").click()
    page = await opening.value
    await page.wait_for_load_state()
    assert "/my-data?lang=en" in page.url, page.url


async def test_my_data_is_reached_without_a_session(visitor: Window) -> None:
    """S21: where no conversation could be opened, the page that does the same opens."""
    await visitor.page.route("**/api/v1/sessions", lambda route: route.abort())
    await visitor.page.locator("#launcher").click()
    await expect(visitor.dialog.get_by_role("alert")).to_contain_text("cannot be opened")

    await _reaches_the_page(visitor)


async def test_my_data_is_reached_while_the_chat_is_still_fetched(visitor: Window) -> None:
    """S21: nor has anybody to wait for the rest of the code."""
    await visitor.page.route("**/talk.js", lambda route: route.abort())
    await visitor.page.locator("#launcher").click()
    await expect(visitor.dialog).to_be_visible()

    await _reaches_the_page(visitor)


async def test_an_expired_session_takes_no_more_words(visitor: Window, script: Script) -> None:
    """What was typed can be read until the visitor starts again; the focus stays in the panel."""
    await visitor.answer.fill("half a quest")
    await visitor.dialog.get_by_role("button", name="Send").focus()
    assert script.socket is not None

    await script.socket.close(code=4401)

    await expect(visitor.dialog.get_by_role("alert")).to_contain_text("has ended")
    await expect(visitor.answer).not_to_be_editable()
    await expect(visitor.answer).to_have_value("half a quest")
    await expect(visitor.page.locator("#title")).to_be_focused()
    await visitor.answer.press("Enter")
    await expect(visitor.dialog.locator(".visitor")).to_have_count(0)
    await _reaches_the_page(visitor)


async def test_what_was_erased_elsewhere_is_gone_here_too(visitor: Window, script: Script) -> None:
    """S24, close code 4410: neither what was said nor what was being typed stays on the screen."""
    script.answers = False
    await visitor.say("I am Li Na")
    await visitor.answer.fill("+86 138 0013 8000")
    assert script.socket is not None

    await script.socket.close(code=4410)

    await expect(visitor.dialog.get_by_role("alert")).to_contain_text("was erased")
    await expect(visitor.dialog.locator(".said, #answer")).to_have_count(0)
    await expect(visitor.page.locator("#title")).to_be_focused()
    await visitor.dialog.get_by_role("button", name="Start again").click()
    await visitor.sees("Hello.")
    await expect(visitor.answer).to_have_value("")


async def test_what_my_data_leads_to_keeps_the_focus(chat: Window) -> None:
    """WCAG 2.4.3: a button of my data takes itself away; without a line, too, the focus stays in the panel."""
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.context.set_offline(True)
    await expect(chat.dialog.locator(".bar")).to_contain_text("Connection lost")

    await chat.pick("Delete my data")

    await expect(chat.page.locator("#title")).to_be_focused()
    await chat.page.keyboard.press("Escape")
    await expect(chat.dialog).to_be_hidden()


HOST_PAGE = """document.body.insertAdjacentHTML('beforeend', '<button id="ours">Ask us</button><input id="search">');
    ours.onclick = () => askfirst.open()"""


async def test_closing_leaves_the_focus_where_it_belongs(visitor: Window) -> None:
    """WCAG 2.4.3: closed by the page, who types elsewhere goes on; closed by Escape, it returns to what opened it."""
    await visitor.page.evaluate(HOST_PAGE)
    await visitor.page.locator("#ours").click()
    await visitor.page.locator("#search").click()

    await visitor.page.evaluate("askfirst.close()")

    await expect(visitor.dialog).to_be_hidden()
    await expect(visitor.page.locator("#launcher")).to_have_attribute("aria-expanded", "false")
    await expect(visitor.page.locator("#search")).to_be_focused()
    await visitor.page.locator("#ours").click()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.dialog).to_be_hidden()
    await expect(visitor.page.locator("#launcher")).to_have_attribute("aria-expanded", "false")
    await expect(visitor.page.locator("#ours")).to_be_focused()
