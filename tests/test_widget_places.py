"""The widget where it has little room or few rights: on small phones, and on other people's strict pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.chat_window import IN_ROOT, PHONE, Served, host_page, served_desk, window
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A desk on a port of its own."""
    async with served_desk(tmp_path) as running:
        yield running


async def test_a_strict_page_of_another_origin_can_embed_it(browser: Browser, tmp_path: Path) -> None:
    """S1: under a policy that allows the desk's scripts and connections nothing is blocked; an unlisted page is."""
    port, other = free_port(), free_port()
    async with served_desk(tmp_path, f"http://127.0.0.1:{port}") as served:
        socket = served.url.replace("http", "ws")
        csp = (
            f"default-src 'none'; script-src {served.url}; connect-src {served.url} {socket}; base-uri 'none'; "
            "form-action 'none'"
        )
        async with host_page(served.url, csp, port) as listed, window(browser, listed) as seen:
            await seen.open()
            await seen.to_consent()
            await seen.pick("Agree")
            await seen.sees("Are the details your own")
            assert await seen.stored() == ["", 0, 0, 0, 0]
        async with host_page(served.url, csp, other) as unlisted, window(browser, unlisted) as seen:
            await seen.page.locator("#launcher").click()
            await expect(seen.dialog.get_by_role("alert")).not_to_be_empty()


async def test_it_fits_a_small_phone(browser: Browser, served: Served) -> None:
    """WCAG 1.4.10: at 320 CSS px nothing needs sideways scrolling, and every target is 44 px high."""
    small = f"""() => [...{IN_ROOT}.querySelectorAll('button, input:not([type=checkbox]), textarea, .box')]
        .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
    async with window(browser, f"{served.url}/", size=PHONE) as seen:
        await seen.open()
        states = [await seen.sideways()]
        await seen.to_consent()
        states += [await seen.sideways(), await seen.page.evaluate(small)]
        assert await seen.dialog.evaluate("one => one.matches(':modal')")
        await seen.pick("Refuse")
        await seen.sees("Nothing of what you wrote is kept")
        await seen.page.evaluate("askfirst.reset()")
        await seen.page.locator(".chip").first.wait_for()
        await seen.to_review()
        states += [await seen.sideways(), await seen.page.evaluate(small)]
        await seen.dialog.get_by_role("button", name="Privacy and my data").click()
        await seen.sees("Li Na")
        states += [await seen.sideways(), await seen.page.evaluate(small)]

    assert states == [[]] * len(states)


async def test_at_the_size_of_a_magnified_window_everything_is_reached(
    browser: Browser, served: Served
) -> None:
    """WCAG 1.4.10: at 320 × 256 CSS px (400 % of a desktop) the whole dialog scrolls, and answers can be given."""
    async with window(browser, f"{served.url}/", size=(320, 256)) as seen:
        await seen.open()
        await seen.to_consent()

        await seen.pick("Agree")
        await seen.pick("My own")
        await seen.asks("Name")

        assert await seen.sideways() == []
        assert await seen.dialog.evaluate("one => getComputedStyle(one).overflowY") == "auto"
        await seen.say("Li Na")
        await seen.asks("Company")
        await expect(seen.answer).to_be_focused()
        await expect(seen.answer).to_be_in_viewport()


async def test_it_moves_only_where_that_is_wished(browser: Browser, served: Served) -> None:
    """WCAG 2.2.2: one short fade, and under reduced motion none at all."""
    moving = "one => one.getAnimations({ subtree: true }).length"
    for motion, animations in (("no-preference", 1), ("reduce", 0)):
        async with window(browser, f"{served.url}/", motion=motion) as seen:
            await seen.page.locator("#launcher").hover()
            await seen.page.wait_for_function("performance.getEntriesByType('resource').length > 4")
            await seen.page.evaluate(
                "window.moved = 0; addEventListener('askfirst:opened', () => { window.moved ="
                f" ({moving})(document.querySelector('askfirst-desk').shadowRoot.querySelector('dialog')); }})"
            )
            await seen.open()

            assert await seen.page.evaluate("window.moved") == animations
