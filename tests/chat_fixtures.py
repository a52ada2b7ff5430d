"""What most tests of the widget begin with: a served desk, a visitor on its demo site, a scripted desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser

from tests.chat_window import Served, Window, served_desk, window
from tests.scripted_desk import Script


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A desk on a port of its own."""
    async with served_desk(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def chat(browser: Browser, served: Served) -> AsyncIterator[Window]:
    """An English visitor on the demo site, who has not opened the chat."""
    async with window(browser, f"{served.url}/") as seen:
        yield seen


@pytest_asyncio.fixture(loop_scope="session")
async def opened(chat: Window) -> Window:
    """That visitor, with the chat open."""
    await chat.open()
    return chat


@pytest_asyncio.fixture(loop_scope="session")
async def script(chat: Window) -> Script:
    """A scripted desk behind that visitor's page, that has said hello; the chat is open."""
    scripted = Script()
    await scripted.begin(chat)
    scripted.say("bot", "Hello.", locale="en", expects={"kind": "none"})
    await chat.page.locator("#launcher").click()
    await chat.sees("Hello.")
    return scripted
