"""The widget in haste and on a bad line: what is wished is not dropped, and nothing is done that nobody wished."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.chat_window import Window
from tests.scripted_desk import Script

AT = "2026-11-22T20:00:00.000Z"

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _to_phone(opened: Window) -> None:
    """Agree, and answer until the phone number is asked for."""
    await opened.to_consent()
    await opened.pick("Agree")
    await opened.pick("My own")
    for label, text in (("Name", "Li Na"), ("Company", "Example Pumps")):
        await opened.asks(label)
        await opened.say(text)
    await opened.asks("Mobile phone")


async def test_what_my_data_offers_is_not_dropped_behind_an_answer(opened: Window) -> None:
    """S23: "Delete my data" while an answer still waits for the line: it goes out behind it."""
    await _to_phone(opened)
    await opened.context.set_offline(True)
    await expect(opened.dialog.locator(".bar")).to_contain_text("Connection lost")
    await opened.say("+86 138 0013 8000")
    await opened.dialog.get_by_role("button", name="Privacy and my data").click()

    await opened.pick("Delete my data")

    await expect(opened.dialog.locator(".visitor.waiting")).to_have_count(2)
    await opened.context.set_offline(False)
    await expect(opened.dialog.get_by_role("button", name="Everything about me", exact=True)).to_be_visible()


def _asks(script: Script, kind: str, name: str, *options: tuple[str, str]) -> None:
    """The scripted desk asks for something."""
    offered = [{"value": value, "label": label} for value, label in options]
    expects = {"kind": kind, "name": name, "label": name, "why": "", "max_length": 100, "options": offered}
    script.say("bot", f"{name}?", locale="en", expects=expects)


def _takes(script: Script) -> None:
    """The scripted desk confirms what it heard last."""
    said = script.heard[-1]
    script.tell({"type": "ack", "id": said["id"], "seq": len(script.frames) + 1})
    script.say("visitor", said.get("text") or said["value"], id=said["id"])


async def test_what_follows_waits_for_a_wish_of_my_data(chat: Window, script: Script) -> None:
    """S22: "Correct" while an answer is still under way: it goes out behind it, and what is typed then waits."""
    name = {"field": "name", "label": "Name", "value": "Li Na", "sensitive": False, "correctable": True}
    record = {
        "fields": [{**name, "given_at": AT, "policy": ""}],
        "consents": [],
        "recipients": [],
        "opened_by": [],
    }
    await chat.page.route("**/api/v1/me", lambda route: route.fulfill(json=record))
    script.answers = False
    _asks(script, "tel", "Mobile phone", ("field:skip", "Skip"))
    await chat.asks("Mobile phone")
    await chat.say("+86 138 0013 8000")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.dialog.get_by_role("button", name="Correct: Name").click()
    await expect(chat.dialog.locator(".visitor.waiting")).to_have_count(2)
    assert [one.get("text") for one in script.heard[1:]] == ["+86 138 0013 8000"]

    _takes(script)
    _asks(script, "email", "E-mail", ("field:skip", "Skip"))
    await chat.asks("E-mail")
    await chat.say("li.na@example.com")
    await chat.pick("Skip")

    assert [one.get("value") for one in script.heard[2:]] == ["command:correct"]
    _takes(script)
    _asks(script, "choice", "Which", ("correct:name", "Name"))
    await expect(chat.dialog.locator(".visitor.waiting")).to_have_text(["Name"])
    assert [one.get("value") for one in script.heard[2:]] == ["command:correct", "correct:name"]
    await expect(chat.answer).to_have_value("li.na@example.com")


async def test_a_double_click_presses_once(opened: Window) -> None:
    """S23: the second click hits what took the button's place; it erases nothing and skips no second question."""
    await _to_phone(opened)
    await opened.dialog.get_by_role("button", name="Skip", exact=True).dblclick()
    await opened.asks("E-mail")
    await opened.dialog.get_by_role("button", name="Privacy and my data").click()
    await opened.sees("Li Na")
    await opened.pick("Delete my data")
    everything = opened.dialog.get_by_role("button", name="Everything about me", exact=True)
    await everything.hover()

    await opened.page.mouse.down(click_count=2)
    await opened.page.mouse.up(click_count=2)

    await expect(everything).to_be_visible()
    await expect(opened.dialog.locator(".title.ok")).to_have_count(0)
    assert (await opened.dialog.locator(".visitor").all_inner_texts())[-2:] == ["Skip", "Erase your data"]


async def test_a_double_click_on_the_launcher_opens_it(opened: Window) -> None:
    """Who double-clicks everything finds the panel open."""
    await opened.page.keyboard.press("Escape")

    await opened.page.locator("#launcher").dblclick()

    await expect(opened.dialog).to_be_visible()


async def test_skip_leaves_nothing_in_the_next_field(opened: Window) -> None:
    """Half a phone number, or one that was not taken, is no e-mail address."""
    await _to_phone(opened)
    await opened.say("+86")
    await expect(opened.dialog.locator("#fault")).to_be_visible()
    await expect(opened.answer).to_have_value("+86")
    await opened.answer.press_sequentially(" 138 00")

    await opened.pick("Skip")

    await opened.asks("E-mail")
    await expect(opened.answer).to_have_value("")


async def _reaches_the_page(seen: Window) -> None:
    """Press "Privacy and my data": the page of that name opens."""
    async with seen.context.expect_page() as opening:
        await seen.dialog.get_by_role("button", name="Privacy and my data").click()
    page = await opening.value
    await page.wait_for_load_state()
    assert "/my-data?lang=en" in page.url, page.url


async def test_my_data_is_reached_without_a_session(chat: Window) -> None:
    """S21: where no conversation could be opened, the page that does the same opens."""
    await chat.page.route("**/api/v1/sessions", lambda route: route.abort())
    await chat.page.locator("#launcher").click()
    await expect(chat.dialog.get_by_role("alert")).to_contain_text("cannot be opened")

    await _reaches_the_page(chat)


async def test_my_data_is_reached_while_the_chat_is_still_fetched(chat: Window) -> None:
    """S21: nor has anybody to wait for the rest of the code."""
    await chat.page.route("**/talk.js", lambda route: route.abort())
    await chat.page.locator("#launcher").click()
    await expect(chat.dialog).to_be_visible()

    await _reaches_the_page(chat)


async def test_an_expired_session_takes_no_more_words(chat: Window, script: Script) -> None:
    """What was typed can be read until the visitor starts again; the focus stays in the panel."""
    await chat.answer.fill("half a quest")
    await chat.dialog.get_by_role("button", name="Send").focus()
    assert script.socket is not None

    await script.socket.close(code=4401)

    await expect(chat.dialog.get_by_role("alert")).to_contain_text("has ended")
    await expect(chat.answer).not_to_be_editable()
    await expect(chat.answer).to_have_value("half a quest")
    await expect(chat.page.locator("#title")).to_be_focused()
    await chat.answer.press("Enter")
    await expect(chat.dialog.locator(".visitor")).to_have_count(0)
    await _reaches_the_page(chat)


async def test_what_was_erased_elsewhere_is_gone_here_too(chat: Window, script: Script) -> None:
    """S24, close code 4410: neither what was said nor what was being typed stays on the screen."""
    script.answers = False
    await chat.say("I am Li Na")
    await chat.answer.fill("+86 138 0013 8000")
    assert script.socket is not None

    await script.socket.close(code=4410)

    await expect(chat.dialog.get_by_role("alert")).to_contain_text("was erased")
    await expect(chat.dialog.locator(".said, #answer")).to_have_count(0)
    await expect(chat.page.locator("#title")).to_be_focused()
    await chat.dialog.get_by_role("button", name="Start again").click()
    await chat.sees("Hello.")
    await expect(chat.answer).to_have_value("")


async def test_what_my_data_leads_to_keeps_the_focus(opened: Window) -> None:
    """WCAG 2.4.3: a button of my data takes itself away; without a line, too, the focus stays in the panel."""
    await opened.dialog.get_by_role("button", name="Privacy and my data").click()
    await opened.context.set_offline(True)
    await expect(opened.dialog.locator(".bar")).to_contain_text("Connection lost")

    await opened.pick("Delete my data")

    await expect(opened.page.locator("#title")).to_be_focused()
    await opened.page.keyboard.press("Escape")
    await expect(opened.dialog).to_be_hidden()


HOST_PAGE = """document.body.insertAdjacentHTML('beforeend', '<button id="ours">Ask us</button><input id="search">');
    ours.onclick = () => askfirst.open()"""


async def test_closing_leaves_the_focus_where_it_belongs(chat: Window) -> None:
    """WCAG 2.4.3: closed by the page, who types elsewhere goes on; closed by Escape, it returns to what opened it."""
    await chat.page.evaluate(HOST_PAGE)
    await chat.page.locator("#ours").click()
    await chat.page.locator("#search").click()

    await chat.page.evaluate("askfirst.close()")

    await expect(chat.dialog).to_be_hidden()
    await expect(chat.page.locator("#launcher")).to_have_attribute("aria-expanded", "false")
    await expect(chat.page.locator("#search")).to_be_focused()
    await chat.page.locator("#ours").click()
    await chat.page.keyboard.press("Escape")
    await expect(chat.dialog).to_be_hidden()
    await expect(chat.page.locator("#launcher")).to_have_attribute("aria-expanded", "false")
    await expect(chat.page.locator("#ours")).to_be_focused()
