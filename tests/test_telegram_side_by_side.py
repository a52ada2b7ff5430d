"""Telegram's webhook on several web processes: a new chat's first messages come to all of them at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession

from bot.desk import Desk
from bot.running import open_desk, web_role
from bot.telegram.pipe import webhook_secret
from bot.telegram_channel import SECRET_HEADER, WEBHOOK, TelegramChannel
from storage.store import Store
from storage.tables import chats, conversations, fields, index_rows, messages, subjects
from tests.bot_api import TOKEN, BotApi
from tests.house import settings, shipped
from tests.servers import free_port

CHATS = range(7_001, 7_006)
WORDS = "Can a gateway be valve number {}?"


@dataclass(frozen=True)
class Pair:
    """Two web processes over the same databases, and Telegram's hand that posts to them."""

    desk: Desk
    ports: tuple[int, ...]
    client: ClientSession
    numbers: count[int]

    async def post(self, port: int, chat: int, text: str) -> int:
        """Return the status that an update with a message gets."""
        number = next(self.numbers)
        user = {"id": chat, "is_bot": False, "first_name": "Robin", "language_code": "en"}
        private = {"id": chat, "type": "private", "first_name": "Robin"}
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": private,
            "from": user,
            "text": text,
        }
        url, secret = f"http://127.0.0.1:{port}{WEBHOOK}", {SECRET_HEADER: webhook_secret(TOKEN)}
        update = {"update_id": number, "message": message}
        async with self.client.post(url, json=update, headers=secret) as answer:
            return answer.status

    async def holds(self, table: sa.Table) -> Counter[str]:
        """Return how many rows of a table each person has."""
        return Counter(await self.desk.call(_subjects, self.desk.storage.store, table))


def _subjects(store: Store, table: sa.Table) -> list[str]:
    with store.means.engine.begin() as connection:
        return list(connection.scalars(sa.select(table.c.subject)))


@pytest.fixture
async def pair(api: BotApi, tmp_path: Path, data_url: str, keyring_url: str) -> AsyncIterator[Pair]:
    """Two that serve the webhook, as `web --workers 2` does; replies are another role's."""
    more = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": api.url, "TELEGRAM_WEBHOOK": "1"}
    asked = settings(tmp_path / "var", data_url, keyring_url, **more)
    ports = free_port(), free_port()
    async with AsyncExitStack() as stack:
        for port in ports:
            desk = await stack.enter_async_context(open_desk(asked, shipped(), migrate=True))
            channel = TelegramChannel(desk)
            stack.push_async_callback(channel.stop)
            await stack.enter_async_context(web_role(desk, channel, port=port))
        client = await stack.enter_async_context(ClientSession())
        yield Pair(desk, ports, client, count(1))


async def test_a_new_chat_has_one_person_and_everything_of_it_can_be_deleted(pair: Pair) -> None:
    """S24: its first messages are all carried out, in one conversation; "everything" then leaves nothing."""
    for chat in CHATS:
        said = [pair.post(port, chat, WORDS.format(number)) for port in pair.ports for number in range(2)]
        assert set(await asyncio.gather(*said)) == {200}

    assert len(await pair.holds(subjects)) == len(CHATS)
    assert set((await pair.holds(chats)).values()) == {1}
    assert len(await pair.holds(messages)) == len(CHATS)

    for chat in CHATS:
        for port, text in zip(pair.ports, ("/delete", "Everything about me"), strict=True):
            assert await pair.post(port, chat, text) == 200
    for table in (subjects, conversations, messages, fields, index_rows, chats):
        assert not await pair.holds(table)
