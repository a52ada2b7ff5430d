"""The door of the my-data page: while it loads, without scripts, while the desk is away, and without mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from tests.chat_window import Served, Window, served_desk, window
from tests.my_data_page import EMAIL
from tests.receivers import MailBox

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path, box: MailBox) -> AsyncIterator[Served]:
    """A desk that can send mail."""
    async with served_desk(tmp_path, SMTP_URL=f"smtp://127.0.0.1:{box.port}") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def seen(browser: Browser, served: Served) -> AsyncIterator[Window]:
    """An English reader of the page."""
    async with window(browser, f"{served.url}/my-data") as opened:
        yield opened


async def test_the_page_says_that_it_loads(browser: Browser, served: Served) -> None:
    """S21: while the script is on its way a status says so, and goes when the form is there."""
    loading = "One moment, the form is on its way …"
    async with window(browser, "about:blank") as seen:
        held: list[Route] = []
        await seen.page.route("**/my_data.js", lambda route: held.append(route))
        await seen.page.goto(f"{served.url}/my-data", wait_until="commit")
        await expect(seen.page.get_by_role("status").first).to_have_text(loading)
        assert await seen.axe() == []
        await held[0].fallback()
        await expect(seen.page.locator("#address")).to_be_visible()
        await expect(seen.page.get_by_text(loading)).to_have_count(0)


async def test_a_desk_that_is_away_is_no_refusal(seen: Window) -> None:
    """A 503 while the desk starts or stops: it is said to be away, and the next try goes on from what was typed."""
    await seen.page.route("**/api/v1/rights/verify", lambda route: route.fulfill(status=503))
    await seen.page.locator("#address").fill(EMAIL)
    await seen.page.keyboard.press("Enter")
    await expect(seen.page.locator("#door-fault")).to_contain_text("The desk is away for a moment")

    await seen.page.unroute("**/api/v1/rights/verify")
    await seen.page.keyboard.press("Enter")

    await expect(seen.page.locator("#code")).to_be_focused()


async def test_a_desk_that_is_away_is_told(seen: Window) -> None:
    """What was typed stays."""
    await seen.context.set_offline(True)
    await seen.page.locator("#address").fill(EMAIL)
    await seen.page.keyboard.press("Enter")

    await expect(seen.page.locator("#door [role=alert]")).to_contain_text("cannot be reached")
    await expect(seen.page.locator("#address")).to_have_value(EMAIL)


async def test_a_desk_without_mail_leads_to_people(browser: Browser, tmp_path: Path) -> None:
    """Nobody waits for a code that cannot come."""
    async with served_desk(tmp_path) as served, window(browser, f"{served.url}/my-data") as seen:
        await seen.page.locator("#address").fill(EMAIL)
        await seen.page.keyboard.press("Enter")

        await expect(seen.page.locator("#door [role=alert]")).to_contain_text("privacy@example.com")


async def test_without_a_script_the_page_leads_to_people(browser: Browser, served: Served) -> None:
    """The form is not there, the address of the officer is."""
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    answer = await page.goto(f"{served.url}/my-data")

    assert answer is not None
    assert '<noscript><p class="note">This form needs JavaScript' in await answer.text()
    await expect(page.locator("#door")).to_be_hidden()
    await expect(page.get_by_role("link", name="privacy@example.com").first).to_be_visible()
    await context.close()
