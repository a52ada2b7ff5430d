"""The widget's line to the desk: what is typed is kept, sent once, and arrives, whatever the network does."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from tests.chat_window import PATIENCE, Served, Window, served_desk, window
from tests.scripted_desk import Script
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _said(seen: Window, text: str) -> int:
    """Return how often a text stands in the visitor's own lines."""
    lines = await seen.dialog.locator(".visitor.bubble").all_inner_texts()
    return sum(text in line for line in lines)


async def _kept(seen: Window) -> int:
    """Return the highest message number that the page was told of."""
    return int(await seen.page.evaluate("Math.max(0, ...window.seen)"))


SEEN = "window.seen = []; addEventListener('askfirst:message', (one) => window.seen.push(one.detail.seq))"


async def test_what_is_typed_offline_is_kept_and_sent_once(chat: Window) -> None:
    """Connection lost: the bar says so, the line waits on the screen, and after the return it is sent exactly once."""
    await chat.page.evaluate(SEEN)
    await chat.open()
    await chat.pick("Gateways")
    await chat.asks("Your question")
    before = await _kept(chat)
    await chat.context.set_offline(True)
    await expect(chat.dialog.locator(".bar")).to_contain_text("Connection lost")

    await chat.say("Can your gateways read an old pump?")
    await expect(chat.dialog.locator(".visitor.waiting")).to_have_count(1)
    await chat.context.set_offline(False)

    await chat.sees("Would you like a colleague")
    await expect(chat.dialog.locator(".bar")).to_be_empty()
    await expect(chat.dialog.locator(".waiting")).to_have_count(0)
    assert await _said(chat, "old pump") == 1
    assert await _kept(chat) == before + 2  # the question itself and one answer, nothing twice


async def test_text_in_the_field_survives_a_broken_line(chat: Window) -> None:
    """What is half typed stays in its field while the line breaks and comes back."""
    await chat.open()
    await chat.answer.fill("half a quest")

    await chat.context.set_offline(True)
    await expect(chat.dialog.locator(".bar")).to_contain_text("Connection lost")
    await chat.context.set_offline(False)
    await expect(chat.dialog.locator(".bar")).to_be_empty()

    await expect(chat.answer).to_have_value("half a quest")


async def test_a_restarted_desk_is_found_again(browser: Browser, tmp_path: Path) -> None:
    """The desk stops and starts: the page reconnects by itself and goes on where it was."""
    port = free_port()
    async with AsyncExitStack() as stack:
        first = AsyncExitStack()
        served = await first.enter_async_context(served_desk(tmp_path, port=port))
        seen = await stack.enter_async_context(window(browser, f"{served.url}/"))
        await seen.open()
        await seen.pick("Gateways")
        await seen.asks("Your question")

        await first.aclose()
        await seen.say("Is anybody there?")
        await expect(seen.dialog.locator(".bar")).to_contain_text("Connection lost")
        await stack.enter_async_context(served_desk(tmp_path, port=port))

        await seen.sees("Would you like a colleague")
        assert await _said(seen, "Is anybody there?") == 1


async def test_without_sockets_it_polls(browser: Browser, served: Served) -> None:
    """A network that lets no WebSocket through: the same conversation over plain HTTP."""
    async with window(browser, f"{served.url}/") as seen:
        await seen.page.route_web_socket("**/api/v1/chat", lambda socket: socket.close())
        await seen.open()

        await seen.to_consent()
        await seen.pick("Agree")
        await seen.pick("My own")
        await seen.asks("Name")

        assert any("/messages?after=" in url for url in seen.requests)
        assert await _said(seen, "Yes, please") == 1


async def test_the_token_travels_in_the_first_frame_only(chat: Window, script: Script) -> None:
    """Contract: the hello authenticates; no address ever holds the token."""
    hello = script.heard[0]

    assert hello == {"type": "hello", "token": "t", "after": 0}
    assert not any("token" in url or "?t" in url for url in chat.requests)


async def test_an_unconfirmed_line_is_sent_again_with_its_id(chat: Window, script: Script) -> None:
    """Contract: after a lost ack the same id goes out again, which tells the repeat; one line on the screen."""
    script.answers = False
    await chat.say("Did this arrive?")
    await expect(chat.dialog.locator(".waiting")).to_have_count(1)
    assert script.socket is not None
    script.answers = True

    await script.socket.close(code=1001)
    await expect(chat.dialog.locator(".waiting")).to_have_count(0)

    sent = [frame for frame in script.heard if frame["type"] == "say"]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert await _said(chat, "Did this arrive?") == 1


async def test_a_missed_message_is_fetched(chat: Window, script: Script) -> None:
    """Contract: numbers have no gaps; the page that sees one resumes from its watermark."""
    script.frames.append(
        {"type": "message", "seq": 2, "from": "staff", "name": "Ben Roe", "text": "Missed.", "at": ""}
    )
    script.say("staff", "And this.", name="Ben Roe")

    await chat.sees("Missed.")
    await chat.sees("And this.")
    hellos = [frame["after"] for frame in script.heard if frame["type"] == "hello"]
    assert hellos == [0, 1]
    assert await chat.dialog.locator(".staff").count() == 2


async def test_a_colleague_is_shown_by_name(chat: Window, script: Script) -> None:
    """A colleague's line has a name and initials; typing is announced and stops by itself within five seconds."""
    script.tell({"type": "typing", "from": "staff"})
    await expect(chat.dialog.locator(".status")).to_have_text("A colleague is typing …")

    script.say("staff", "Good morning.", name="Ben Roe")

    await expect(chat.dialog.locator(".staff .initials")).to_have_text("BR")
    await expect(chat.dialog.locator(".status")).to_be_empty()


async def test_a_reply_that_came_behind_my_data_is_shown_on_return(chat: Window, script: Script) -> None:
    """Nobody has to look for it: it is announced there, marked, and in sight when the conversation is back."""
    for number in range(12):
        script.say(
            "bot", f"Something longer that fills the panel, line {number}. " * 3, expects={"kind": "none"}
        )
    await chat.sees("line 11")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    script.say("staff", "Good morning!", name="Bo Ren")
    await expect(chat.dialog.locator(".status")).to_have_text("A colleague has answered in the chat.")

    await chat.pick("Back to chat")

    await expect(chat.dialog.locator(".staff .new")).to_have_text("New")
    await expect(chat.dialog.locator(".staff")).to_be_in_viewport()


async def test_a_code_has_its_own_field(chat: Window, script: Script) -> None:
    """Contract, kind `code`: digits, filled in by the phone, where it was sent to stands beside it."""
    script.say(
        "bot",
        "Enter it.",
        expects={"kind": "code", "length": 6, "sent_to": "l•••@example.com", "options": []},
    )

    await chat.asks("One-time code")
    attributes = await chat.answer.evaluate("one => [one.autocomplete, one.inputMode]")
    assert attributes == ["one-time-code", "numeric"]
    await expect(chat.dialog.locator("#sent-to")).to_contain_text("l•••@example.com")


async def test_a_refused_line_returns_to_the_field(chat: Window, script: Script) -> None:
    """Contract: an error frame means that nothing was stored; so the words go back and the reason is said."""
    script.answers = False
    await chat.say("Too long, let us say")

    script.tell({"type": "error", "id": script.heard[-1]["id"], "code": "too_long", "detail": "…"})

    await expect(chat.dialog.get_by_role("alert")).to_contain_text("too long")
    await expect(chat.answer).to_have_value("Too long, let us say")
    await expect(chat.dialog.locator(".visitor")).to_have_count(0)


async def test_an_ended_session_offers_a_new_one(chat: Window, script: Script) -> None:
    """Close code 4401: the visitor is told and begins again; what could not be sent is still in the field."""
    script.answers = False
    await chat.say("One more thing")
    assert script.socket is not None

    await script.socket.close(code=4401)
    await expect(chat.dialog.get_by_role("alert")).to_contain_text("has ended")
    script.frames.clear()
    script.socket = None
    script.say("bot", "Hello again.", expects={"kind": "none"})
    await chat.dialog.get_by_role("button", name="Start again").click()

    await chat.sees("Hello again.")
    await expect(chat.answer).to_have_value("One more thing")


async def test_what_was_sent_and_what_was_typed_since_both_stay(chat: Window, script: Script) -> None:
    """Unsent or refused words come before the half sentence that followed them, in one line where there is but one."""
    script.answers = False
    await chat.say("First.")
    await chat.answer.press_sequentially("And sec")
    script.tell({"type": "error", "id": script.heard[-1]["id"], "code": "too_fast", "detail": "…"})
    await expect(chat.answer).to_have_value("First.\nAnd sec")
    await chat.page.keyboard.press("Enter")
    await chat.answer.press_sequentially("Third")
    assert script.socket is not None

    await script.socket.close(code=4401)
    await expect(chat.dialog.get_by_role("alert")).to_contain_text("has ended")
    script.frames.clear()
    script.socket = None
    script.say(
        "bot", "Your name?", expects={"kind": "text", "label": "Name", "max_length": 100, "options": []}
    )
    await chat.dialog.get_by_role("button", name="Start again").click()

    await chat.asks("Name")
    await expect(chat.answer).to_have_value("First. And sec Third")


async def test_after_vain_attempts_there_is_one_try_again(chat: Window, script: Script) -> None:
    """A line that stays broken: one alert, one button, and it works once the network does."""
    await chat.page.route("**/api/v1/messages*", lambda route: route.abort())
    down = True

    async def broken(socket: WebSocketRoute) -> None:
        if down:
            await socket.close(code=1011)
        else:
            script.chat(socket)

    await chat.page.route_web_socket("**/api/v1/chat", broken)
    script.answers = False
    await chat.say("Is this line dead?")
    assert script.socket is not None
    await script.socket.close(code=1001)

    button = chat.dialog.get_by_role("button", name="Try again")
    await button.wait_for(timeout=3 * PATIENCE)
    await expect(chat.dialog.get_by_role("alert")).to_contain_text("could not send")
    assert await button.count() == 1
    down, script.answers = False, True
    await button.click()

    await expect(chat.dialog.locator(".waiting")).to_have_count(0)
    await expect(button).to_be_hidden()
    assert await _said(chat, "Is this line dead?") == 1
