"""A desk with a Telegram channel, on a port of its own: the bot, the worker, real storage, and the tests' Bot API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.desk import Desk
from bot.running import open_desk, telegram_role, web_role, worker_role
from bot.telegram import pipe
from bot.telegram_channel import TelegramChannel
from storage.records import Transcript
from storage.sources import Sources
from tests.bot_api import TOKEN, BotApi
from tests.house import settings, shipped
from tests.servers import free_port
from tests.telegram_people import PATIENCE_SECONDS, Person

REQUESTS_A_SECOND = (
    1_000  # that the tests' Bot API takes; at Telegram's 30 a journey would wait half of its time
)
QUESTION = "Do your gateways speak OPC UA over TLS to plant historians?"


class TelegramHouse:
    """Can be started and stopped as often as a test wants; the person's chat and the databases stay."""

    def __init__(
        self,
        api: BotApi,
        var: Path,
        data_url: str,
        keyring_url: str,
        *,
        webhook: bool = False,
        sources: Sources | None = None,
        **environment: str,
    ) -> None:
        """Nothing is opened before `start`. `sources` replace the clock and the like."""
        self.api, self.sources = api, sources
        self.port = free_port()
        more = {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": api.url,
            "TELEGRAM_WEBHOOK": str(int(webhook)),
        }
        url = f"http://127.0.0.1:{self.port}"
        self.settings = settings(var, data_url, keyring_url, PUBLIC_URL=url, **more, **environment)
        self.loaded = shipped()
        self.desk: Desk
        self.channel: TelegramChannel
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Open storage, serve the web routes, start the bot and the worker."""
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(pipe, "REQUESTS_A_SECOND", REQUESTS_A_SECOND)
        opening = open_desk(self.settings, self.loaded, self.sources, migrate=True)
        self.desk = await self._stack.enter_async_context(opening)
        self.channel = TelegramChannel(self.desk)
        await self._stack.enter_async_context(web_role(self.desk, self.channel, port=self.port))
        await self._stack.enter_async_context(telegram_role(self.channel))
        await self._stack.enter_async_context(worker_role(self.desk, self.channel, {}))

    async def stop(self) -> None:
        """Stop everything."""
        await self._stack.aclose()

    async def restart(self) -> None:
        """Stop and start again."""
        await self.stop()
        await self.start()


@asynccontextmanager
async def running_house(
    api: BotApi, folder: Path, data_url: str, keyring_url: str, **more: Any
) -> AsyncIterator[TelegramHouse]:
    """Yield a started house, and stop it."""
    house = TelegramHouse(api, folder / "var", data_url, keyring_url, **more)
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


async def committed(house: TelegramHouse, robin: Person, last: int) -> None:
    """Wait until the transcript has come so far."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await kept(house, robin)).last < last:  # noqa: ASYNC110 -- it is committed in another thread
            await asyncio.sleep(0.01)


async def delivered(house: TelegramHouse) -> None:
    """Wait until no chat lacks anything."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await house.desk.call(house.desk.storage.store.undelivered):  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.01)


async def at_consent(robin: Person) -> None:
    """Bring a person to the consent card."""
    await robin.say("/start")
    await robin.sees("automated assistant")
    await robin.say(QUESTION)
    await robin.sees("get back to you")
    await robin.press("Yes, please")
    await robin.sees("Telegram's servers are abroad")
    await robin.press("I agree")
    await robin.sees("that you are 14")


async def at_phone(robin: Person) -> None:
    """Bring a person to the phone question."""
    await at_consent(robin)
    await robin.press("Agree")
    await robin.sees("someone else's")
    await robin.press("My own")
    await robin.sees("What name")
    await robin.say("Li Na")
    await robin.sees("Which company")
    await robin.say("Example Valves Ltd")
    await robin.sees("Which number")


async def kept(house: TelegramHouse, robin: Person) -> Transcript:
    """Return what the desk keeps of a person's chat."""
    store = house.desk.storage.store
    conversation = await house.desk.call(store.telegram_conversation, robin.id)
    assert conversation is not None
    return await house.desk.call(store.transcript, conversation, 0)
