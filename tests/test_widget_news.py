"""What a colleague writes is seen: followed where the end is read, announced where the visitor is elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.chat_window import Window, served_desk, window
from tests.scripted_desk import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

TYPING = {"type": "typing", "from": "staff"}
COUNTS_CHANGES = """(one) => new MutationObserver((all) => { window.changes = (window.changes || 0) + all.length; })
    .observe(one, { childList: true, characterData: true, subtree: true })"""
LONG = "Something longer that fills a good part of the panel, so that it has to be scrolled. " * 3


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


async def test_the_launcher_says_that_nothing_could_be_fetched(chat: Window) -> None:
    """Pressed without a network before anything was loaded: its name says so, and the next press tries again."""
    await chat.page.route("**/widget/**", lambda route: route.abort())
    launcher = chat.page.locator("#launcher")
    await launcher.click()

    await expect(launcher).to_have_attribute("aria-label", "Open the chat (not possible now)")
    await expect(launcher).to_have_attribute("title", "not possible now")
    assert await launcher.evaluate("one => getComputedStyle(one, '::before').content") == '"!"'
    await chat.page.unroute("**/widget/**")
    await launcher.click()
    await expect(chat.dialog).to_be_visible()
    await expect(launcher).to_have_attribute("aria-label", "Close the chat")


async def test_a_message_is_told_of_once(chat: Window, script: Script) -> None:
    """`askfirst:message`: what is read again after a part was erased is no news to the page."""
    await chat.page.evaluate(
        "window.told = []; addEventListener('askfirst:message', ({ detail }) => window.told.push(detail.seq))"
    )
    script.say("staff", "Good morning!", name="Bo Ren")
    await chat.sees("Good morning!")
    certificate = {"id": "c", "scope": "conversation", "destroyed": [], "remaining": [], "backups": {}}

    script.tell({"type": "erased", "certificate": certificate})
    await expect(chat.dialog.locator(".title.ok")).to_be_visible()
    script.say("staff", "Good evening!", name="Bo Ren")
    await chat.sees("Good evening!")

    assert await chat.page.evaluate("window.told") == [2, 3]


async def test_a_language_that_is_spoken_or_unknown_changes_nothing(chat: Window, script: Script) -> None:
    """`setLocale` of the same language, or of one that falls back to it, says nothing in the conversation."""
    for locale in ("en", "en-GB", "fr"):
        await chat.page.evaluate("one => askfirst.setLocale(one)", locale)
    await chat.say("Hello?")

    await expect(chat.dialog.locator(".visitor")).to_have_count(1)
    assert [frame.get("text") for frame in script.heard[1:]] == ["Hello?"]


async def test_turning_a_phone_leaves_the_typing_where_it_is(chat: Window, script: Script) -> None:
    """WCAG 2.4.3: crossing 480 px the panel becomes modal or not; the field keeps the focus and the view its place."""
    for number in range(8):
        script.say("staff", f"Message {number}. {LONG}", name="Ben Roe")
    await chat.sees("Message 7.")
    await chat.answer.fill("half a quest")
    talk = chat.dialog.locator(".talk")
    await talk.evaluate("one => { one.scrollTop = 100; }")

    for width, modal in ((400, True), (800, False)):
        await chat.page.set_viewport_size({"width": width, "height": 700})
        await expect(chat.page.locator("dialog:modal")).to_have_count(int(modal))

        await expect(chat.answer).to_be_focused()
        assert await talk.evaluate("one => one.scrollTop") == 100


async def test_an_opening_that_was_given_up_does_not_disturb(chat: Window) -> None:
    """The first request hangs, the page resets, the new chat works; the old one's end is nobody's concern."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    script = Script()
    await script.begin(chat)
    await chat.page.route("**/api/v1/sessions", hold, times=1)
    await chat.page.locator("#launcher").click()
    await expect(chat.dialog.locator(".status")).to_have_text("Opening the chat …")
    while not held:
        await chat.page.evaluate("1")
    script.say("bot", "Hello.", locale="en", expects={"kind": "none"})

    await chat.page.evaluate("askfirst.reset()")
    await chat.sees("Hello.")
    await held[0].abort()
    await chat.say("Does it work?")

    await expect(chat.dialog.locator(".visitor:not(.waiting)")).to_have_count(1)
    await expect(chat.dialog.get_by_role("alert")).to_be_empty()


async def test_a_reset_of_the_closed_panel_holds(chat: Window, script: Script) -> None:
    """The page resets what is closed: the next opening begins another conversation, whatever the browser remembers."""
    credentials = (
        "() => { const plain = fetch;"
        " window.fetch = (url, more) => ((window.sent = more.credentials), plain(url, more)); }"
    )
    await chat.page.keyboard.press("Escape")
    await chat.page.evaluate("askfirst.reset()")
    await chat.page.evaluate(credentials)

    await chat.page.evaluate("askfirst.open()")

    await chat.sees("Hello.")
    assert await chat.page.evaluate("window.sent") == "omit"


async def test_a_page_with_an_element_of_our_name_has_its_chat(browser: Browser, tmp_path: Path) -> None:
    """`<div id="askfirst">` makes a property of the window too; it is no chat."""
    async with served_desk(tmp_path) as served, window(browser, f"{served.url}/policy") as seen:
        await seen.page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<div id=\"askfirst\"></div>')"
        )
        await seen.page.add_script_tag(url=f"{served.url}/widget.js")

        await seen.open()


async def test_typing_that_goes_on_is_announced_once(chat: Window, script: Script) -> None:
    """Told anew every few seconds, it stays in its line and is read out once (WCAG 4.1.3)."""
    await chat.page.clock.install()
    script.tell(TYPING)
    await expect(chat.dialog.locator(".status")).to_have_text("A colleague is typing …")
    await chat.dialog.locator(".status").evaluate(COUNTS_CHANGES)

    for words in ("First mark.", "Second mark."):
        await chat.page.clock.fast_forward(3_000)
        script.tell(TYPING)
        script.say("bot", words, expects={"kind": "none"})
        await chat.sees(words)  # so what was told before it has arrived
        await expect(chat.dialog.locator(".status")).to_have_text("A colleague is typing …")

    assert await chat.page.evaluate("window.changes || 0") == 0
    await chat.page.clock.fast_forward(5_000)
    await expect(chat.dialog.locator(".status")).to_be_empty()


async def test_a_line_that_stays_broken_is_announced_once(chat: Window, script: Script) -> None:
    """However often it is tried in vain, that the connection is lost is read out once (WCAG 4.1.3)."""
    await chat.page.clock.install()
    await chat.page.route("**/api/v1/messages*", lambda route: route.abort())
    await chat.page.route_web_socket("**/api/v1/chat", lambda socket: socket.close(code=1011))
    await chat.dialog.locator(".bar").evaluate(COUNTS_CHANGES)
    assert script.socket is not None

    await script.socket.close()
    await expect(chat.dialog.locator(".bar")).to_contain_text("Connection lost")
    await chat.answer.fill("A line that waits.")
    await chat.page.keyboard.press("Enter")
    while not await chat.dialog.get_by_role("alert").inner_text():
        await chat.page.clock.fast_forward(2_000)

    assert await chat.page.evaluate("window.changes") == 1


async def test_that_it_opens_is_announced_once(chat: Window) -> None:
    """The panel says that the chat opens, and so does the conversation once it is fetched: it is one piece of news."""
    await chat.page.route("**/api/v1/sessions", lambda route: route.abort())
    await chat.page.evaluate("""() => { const root = document.querySelector('askfirst-desk').shadowRoot;
        window.told = []; new MutationObserver((all) => window.told.push(...all
            .flatMap((one) => [...one.addedNodes]).map((one) => one.textContent)
            .filter((one) => one === 'Opening the chat …'))).observe(root, { childList: true, subtree: true }); }""")

    await chat.page.locator("#launcher").click()

    await expect(chat.dialog.get_by_role("alert")).to_contain_text("cannot be opened")
    assert await chat.page.evaluate("window.told") == ["Opening the chat …"]
