"""The widget while the desk is away: kind words, and nothing is lost."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, expect

from tests.chat_window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWAY = "The chat cannot be opened right now. It tries again by itself."


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
