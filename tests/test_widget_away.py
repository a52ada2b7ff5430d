"""The widget while the desk is away, and on a page that was left and is back: kind words, and nothing is lost."""

from __future__ import annotations

import os

import pytest
from playwright.async_api import Route, async_playwright, expect

from tests.chat_window import Served, Window, window

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWAY = "The chat cannot be opened right now. It tries again by itself."
ANEW = "The page was loaded anew. What you sent is still kept by us"


async def test_a_desk_that_starts_is_waited_for(chat: Window) -> None:
    """A 503 is no refusal: the desk is said to be away, and once it is back the chat opens by itself."""
    await chat.page.clock.install()
    asked: list[str] = []

    async def away(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=503, json={"code": "not_ready", "detail": "…"})

    await chat.page.route("**/api/v1/sessions", away)
    await chat.page.locator("#launcher").click()
    await expect(chat.dialog.get_by_role("alert")).to_have_text(AWAY)
    while len(asked) < 3:
        await chat.page.clock.fast_forward(2_000)

    await chat.page.unroute("**/api/v1/sessions")
    await chat.page.clock.fast_forward(20_000)

    await chat.sees("automated assistant")
    await expect(chat.dialog.get_by_role("alert")).to_be_empty()


async def test_a_desk_that_stays_away_is_not_asked_for_ever(chat: Window) -> None:
    """After a minute the visitor decides; the button asks again, and what begins then is what was wished."""
    await chat.page.clock.install()
    asked: list[str] = []

    async def away(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=502)

    await chat.page.route("**/api/v1/sessions", away)
    await chat.page.evaluate("askfirst.start({ topic: 'gateway' })")
    while await chat.dialog.get_by_role("alert").inner_text() != "The chat cannot be opened right now.":
        await chat.page.clock.fast_forward(60_000)
    assert len(asked) == 7
    await chat.page.unroute("**/api/v1/sessions")

    await chat.dialog.get_by_role("button", name="Try again").click()

    await chat.asks("Your question")


async def test_trying_again_is_said_and_keeps_the_focus(chat: Window) -> None:
    """The button that was pressed goes once the chat is open: the focus is on the heading then, never on the page."""
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await chat.page.route("**/api/v1/sessions", lambda route: route.fulfill(status=502))
    await chat.page.locator("#launcher").click()
    await expect(chat.dialog.get_by_role("alert")).to_have_text(AWAY)
    await chat.page.unroute("**/api/v1/sessions")
    await chat.page.route("**/api/v1/sessions", hold)

    await chat.dialog.get_by_role("button", name="Try again").press("Enter")

    await expect(chat.dialog.locator(".status")).to_have_text("Opening the chat …")
    await held[0].continue_()
    await chat.sees("automated assistant")
    await expect(chat.dialog.locator("#title")).to_be_focused()


async def test_half_an_answer_is_asked_for_again(chat: Window) -> None:
    """A desk that is killed while it answers: what arrived of a session is none, and the next try opens one."""
    await chat.page.clock.install()
    await chat.page.route(
        "**/api/v1/sessions", lambda route: route.fulfill(status=201, body='{"session": "s", ')
    )
    await chat.page.locator("#launcher").click()
    await expect(chat.dialog.get_by_role("alert")).to_have_text(AWAY)

    await chat.page.unroute("**/api/v1/sessions")
    await chat.page.clock.fast_forward(20_000)

    await chat.sees("automated assistant")


async def test_going_back_to_a_page_says_what_became_of_the_talk(opened: Window, served: Served) -> None:
    """Where the browser loads the page anew the talk is gone from it, as after a reload: the same note says so."""
    await opened.pick("Gateways")
    await opened.asks("Your question")
    await opened.page.goto(f"{served.url}/policy")
    await opened.page.go_back()

    await opened.open()

    await opened.sees(ANEW)


async def test_a_page_that_the_browser_kept_goes_on_talking(chromium: str, served: Served) -> None:
    """Where the browser kept the page as it was, the talk is still there, and its line is taken up again."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=arguments, ignore_default_args=["--disable-back-forward-cache"]
        )
        async with window(browser, f"{served.url}/") as seen:
            await seen.page.evaluate(
                "addEventListener('pageshow', (one) => { window.kept = one.persisted; })"
            )
            await seen.open()
            await seen.pick("Gateways")
            await seen.asks("Your question")
            await seen.page.goto(f"{served.url}/policy")
            await seen.page.go_back(wait_until="commit")
            assert await seen.page.evaluate("window.kept")
            await seen.say("Can your gateways read an old pump?")
            await seen.sees("Would you like a colleague")
        await browser.close()
