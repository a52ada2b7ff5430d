"""Updates by webhook: only with the secret, confirmed only after the commit, once however often they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.telegram.pipe import webhook_secret
from bot.telegram_channel import SECRET_HEADER, WEBHOOK
from storage.errors import Conflict
from tests.bot_api import TOKEN, BotApi
from tests.telegram_house import QUESTION, TelegramHouse, kept, running_house
from tests.telegram_people import Person, until

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # the journeys run on both


@pytest.fixture
async def house(api: BotApi, tmp_path: Path, data_url: str, keyring_url: str) -> AsyncIterator[TelegramHouse]:
    """A bot with a webhook, on fresh databases."""
    async with running_house(api, tmp_path, data_url, keyring_url, webhook=True) as running:
        await until(lambda: api.webhook["url"])
        yield running


@pytest.fixture
async def robin(house: TelegramHouse, api: BotApi) -> Person:
    """Somebody who was greeted."""
    person = Person(api, 5_550_100)
    await person.say("/start")
    await person.sees("automated assistant")
    return person


async def posted(house: TelegramHouse, body: bytes, secret: str | None) -> int:
    """Return the status that a post to the webhook gets."""
    headers = {} if secret is None else {SECRET_HEADER: secret}
    url = f"{house.settings.public_url}{WEBHOOK}"
    async with aiohttp.ClientSession() as client, client.post(url, data=body, headers=headers) as answer:
        return answer.status


async def test_the_webhook_is_set_with_its_secret(house: TelegramHouse, api: BotApi) -> None:
    """The secret is derived from the token, so that every process knows it; edits are not asked for."""
    assert api.webhook["url"] == f"{house.settings.public_url}/telegram/webhook"
    assert api.webhook["secret_token"] == webhook_secret(TOKEN)
    assert api.webhook["allowed_updates"] == ["message", "callback_query", "my_chat_member"]


async def test_a_whole_question_by_webhook(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """Everything is answered 200, and the chat goes on."""
    await robin.say(QUESTION)
    await robin.sees("get back to you")
    await robin.press("Yes, please")
    await robin.sees("abroad")

    assert set(api.pushes) == {200}


@pytest.mark.parametrize("secret", [None, "", "wrong", webhook_secret(TOKEN)[:-1], "sécret"])
async def test_strangers_are_turned_away(
    house: TelegramHouse, api: BotApi, robin: Person, secret: str | None
) -> None:
    """Without the right secret nothing is read."""
    before = (await kept(house, robin)).last
    status = await posted(house, b'{"update_id": 1}', secret)

    assert status == 401
    assert (await kept(house, robin)).last == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"update_id": "1"}', b"\xff"])
async def test_garbage_is_a_bad_request(house: TelegramHouse, body: bytes) -> None:
    """What is no update at all gets a clear answer and no traceback."""
    assert await posted(house, body, webhook_secret(TOKEN)) == 400


async def test_a_repeated_delivery_happens_once(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """Telegram repeats what it saw no answer to; it is answered 200 and changes nothing."""
    await robin.say(QUESTION)
    await robin.sees("get back to you")
    before = await kept(house, robin)
    for _ in range(3):
        await api.queue(api.last_update)
    await until(lambda: not api.updates)

    after = await kept(house, robin)
    # Under which number the chat shows a message is noted once Telegram has answered, maybe in between.
    assert [(one.seq, one.body) for one in after.messages] == [(one.seq, one.body) for one in before.messages]
    assert set(api.pushes) == {200}


async def test_a_delivery_is_confirmed_only_after_the_commit(
    house: TelegramHouse, api: BotApi, robin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the storage is away not even the poison is recorded: no 200, and Telegram comes again."""
    working, store = [False], house.desk.storage.store
    call = type(house.desk).call

    async def failing(desk: Any, function: Any, *args: Any, **more: Any) -> Any:
        if not working[0] and function.__name__ in ("_known", "record_poisoned_update"):
            raise Conflict("as ordered")
        return await call(desk, function, *args, **more)

    monkeypatch.setattr(type(house.desk), "call", failing)
    await robin.say(QUESTION)
    await until(lambda: api.pushes[-1] >= 400)
    working[0] = True
    await robin.sees("get back to you")

    assert await call(house.desk, store.update_seen, api.last_update["update_id"])
    assert api.pushes[-1] == 200
