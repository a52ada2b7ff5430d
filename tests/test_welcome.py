"""What `serve` prints at its start: the addresses, the way into the console, and how it stands with Telegram."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.commands.office import Office
from bot.running import open_desk, serve
from config.settings import Settings
from tests.bot_api import TOKEN, BotApi
from tests.house import CONFIG, settings, shipped
from tests.telegram_people import until

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # it is the same on both


@pytest.fixture
def desk(tmp_path: Path, data_url: str, keyring_url: str, free_port: int) -> Settings:
    """A development desk."""
    return settings(tmp_path, data_url, keyring_url, PORT=str(free_port))


@asynccontextmanager
async def serving(desk: Settings) -> AsyncIterator[list[str]]:
    """Yield what a served desk has said, once it said how it stands with Telegram."""
    said: list[str] = []
    running = asyncio.create_task(serve(desk, shipped(), {}, said.append))
    try:
        await until(lambda: running.done() or any("  Telegram  " in line for line in said))
        yield said
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_bot_is_named_where_it_is_on(api: BotApi, desk: Settings, tmp_path: Path) -> None:
    """Whoever set a token finds the chat by pressing the line."""
    more = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": api.url, "PORT": str(desk.port)}
    async with serving(settings(tmp_path, desk.database_url, desk.keyring_url, **more)) as said:
        pass

    assert said[-1] == "  Telegram             https://t.me/desk_test_bot"


async def test_a_refused_token_is_said(api: BotApi, desk: Settings, tmp_path: Path) -> None:
    """The rest of the desk is open all the same."""
    api.token = "9:another"
    more = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": api.url, "PORT": str(desk.port)}
    async with serving(settings(tmp_path, desk.database_url, desk.keyring_url, **more)) as said:
        pass

    assert said[-1].startswith("  Telegram             off: it refuses TELEGRAM_BOT_TOKEN")
    assert TOKEN not in said[-1]


async def test_a_desk_opens_though_its_first_colleague_was_disabled(desk: Settings, tmp_path: Path) -> None:
    """No link is printed for who was shut out, and nobody else is let in for them."""
    async with serving(desk) as first:
        pass
    async with open_desk(desk, shipped()) as opened:
        known = await opened.call(opened.storage.staff.colleagues)
    environment = {
        "ASKFIRST_VAR": str(tmp_path),
        "ASKFIRST_CONFIG": str(CONFIG),
        "DATABASE_URL": desk.database_url,
        "KEYRING_URL": desk.keyring_url,
    }
    office = Office(environment, io.StringIO(), io.StringIO())
    assert main(["staff", "disable", known[0].email], office, io.StringIO()) == 0

    async with serving(desk) as second:
        pass

    assert any("staff console" in line for line in first)
    assert [line for line in second if "demo site" in line]
    assert not any("staff console" in line for line in second)
