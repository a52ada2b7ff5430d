"""A colleague writes in the console's page, and a visitor's page says so: a real desk, and a browser at both ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.chat_window import PATIENCE, Served, Window, window

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, served: Served) -> AsyncIterator[Window]:
    """A visitor who has sent a lead and leaves the chat open."""
    async with window(browser, f"{served.url}/") as seen:
        await seen.open()
        await seen.to_review()
        await seen.pick("Send")
        await seen.sees("reference", "AF-")
        yield seen


@dataclass
class Console:
    """A colleague's page of the only lead, and what it threw."""

    page: Page
    faults: list[str]

    @property
    def field(self) -> Locator:
        """Where the answer is written."""
        return self.page.get_by_label("Your message")

    async def told(self) -> list[int]:
        """Return when the page asked the desk for anything, in ms of its clock."""
        times: list[int] = await self.page.evaluate("window.told.map(Math.round)")
        return times

    async def sends(self) -> None:
        """Send what stands in the field."""
        await self.page.get_by_role("button", name="Send").click()


FETCHES = """window.told = []; const asks = window.fetch;
    window.fetch = (...what) => { window.told.push(performance.now()); return asks(...what); }"""


@pytest_asyncio.fixture(loop_scope="session")
async def console(browser: Browser, served: Served, visitor: Window) -> AsyncIterator[Console]:
    """A colleague has come in by their link and looks at what the visitor sent."""
    colleagues, email, now = served.desk.storage.staff, "sales@desk.example.com", served.desk.clock()
    await served.desk.call(colleagues.add, email, "sales", now)
    link = await served.desk.call(colleagues.link, email, now)
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(PATIENCE)
    await page.add_init_script(FETCHES)
    seen = Console(page, [])
    page.on("pageerror", lambda fault: seen.faults.append(str(fault)))
    await page.goto(f"{served.url}/staff/enter#{link}")
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("a.row[href]").click()
    await seen.field.wait_for()
    yield seen
    assert seen.faults == []


async def test_the_visitor_sees_that_a_colleague_is_typing(visitor: Window, console: Console) -> None:
    """From the first letter in the console to the line in the chat, and from the answer on no more."""
    status = visitor.dialog.locator(".status")

    await console.field.press_sequentially("Good")
    await expect(status).to_have_text("A colleague is typing …")
    await console.field.press_sequentially(" morning!")
    await console.sends()

    await expect(visitor.dialog.locator(".staff")).to_contain_text("Good morning!")
    await expect(status).to_be_empty()


async def test_it_is_told_as_long_as_somebody_writes(visitor: Window, console: Console) -> None:
    """Every three seconds, no oftener, for the chat shows it for five; and nothing is said of an empty field."""
    clock = console.page.clock
    await clock.install()
    await clock.pause_at(await console.page.evaluate("Date.now()") + 1_000)
    await console.field.fill("  ")
    assert await console.told() == []

    for _ in range(10):
        await console.field.press_sequentially("x")
        await clock.fast_forward(1_000)

    first, *later = await console.told()
    assert [one - first for one in later] == [3_000, 6_000, 9_000]
    await expect(visitor.dialog.locator(".status")).to_have_text("A colleague is typing …")


async def test_where_the_telling_fails_the_answer_is_sent_as_ever(visitor: Window, console: Console) -> None:
    """Nobody misses it: the page throws nothing, shows nothing, and goes on."""
    await console.page.route("**/typing", lambda route: route.abort())

    await console.field.fill("Good morning!")
    assert len(await console.told()) == 1
    await console.sends()

    await expect(visitor.dialog.locator(".staff")).to_contain_text("Good morning!")
    await expect(visitor.dialog.locator(".status")).to_be_empty()
