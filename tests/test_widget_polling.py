"""The widget where no WebSocket gets through: it waits longer each time, and keeps to one line."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, WebSocketRoute

from tests.chat_window import Window

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _closed(socket: WebSocketRoute) -> None:
    """Let no WebSocket through."""
    await socket.close()


async def test_what_is_refused_for_now_is_sent_ever_more_rarely(chat: Window) -> None:
    """A desk that answers 429 is not asked every second: the pause doubles."""
    pauses = """() => { Math.random = () => 0.5; window.pauses = [];
        const plain = setTimeout, ours = [1000, 2000, 4000];
        window.setTimeout = (act, ms, ...more) => { if (ours.includes(ms)) window.pauses.push(ms);
            return plain(act, ours.includes(ms) ? 0 : ms, ...more); }; }"""

    async def later(route: Route) -> None:
        if route.request.method == "POST":
            await route.fulfill(status=429, headers={"Retry-After": "30"})
        else:
            await route.fallback()

    await chat.page.route_web_socket("**/api/v1/chat", _closed)
    await chat.open()
    await chat.page.route("**/api/v1/messages*", later)
    await chat.page.evaluate(pauses)

    await chat.pick("Gateways")
    while await chat.page.evaluate("window.pauses.length") < 3:
        continue

    assert await chat.page.evaluate("window.pauses.slice(0, 3)") == [1000, 2000, 4000]


async def test_a_page_that_wakes_up_does_not_open_a_second_line(chat: Window) -> None:
    """A `focus` while the code for polling is on its way: no socket runs beside it."""
    held: list[Route] = []
    sockets: list[WebSocketRoute] = []

    async def closed(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        await socket.close()

    def hold(route: Route) -> None:
        held.append(route)

    await chat.page.route_web_socket("**/api/v1/chat", closed)
    await chat.page.route("**/polling.js", hold)
    async with chat.page.expect_request("**/polling.js"):
        await chat.page.locator("#launcher").click()
    while not held:
        await chat.page.evaluate("1")
    before = len(sockets)

    await chat.page.evaluate("dispatchEvent(new Event('focus'))")
    await held[0].fallback()
    await chat.page.locator(".chip").first.wait_for()

    assert len(sockets) == before
