"""Deleting the messages of a chat after an erasure, and saying honestly what stays."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from telegram.error import NetworkError

from bot.telegram.forgetting import Farewell
from bot.telegram.pipe import open_pipe
from bot.wording import Wording
from storage.errors import NotFound
from tests.bot_api import TOKEN, BotApi
from tests.house import shipped
from tests.telegram_people import Person

CERTIFICATE, OF_A_PART = "c" * 32, "d" * 32
SCOPES = {CERTIFICATE: "all", OF_A_PART: "lead"}


@pytest.fixture
async def farewell(api: BotApi) -> AsyncIterator[Farewell]:
    """What carries out `telegram.erase`."""
    loaded = shipped()
    bot = open_pipe(TOKEN, api.url)
    wording = Wording(loaded.rules, loaded.catalogues, "https://desk.example.com")

    async def certificate(number: str) -> Mapping[str, Any] | None:
        backups = {"due": "2026-12-23T04:00:00.000Z", "done": None}
        return {"id": number, "scope": SCOPES[number], "backups": backups} if number in SCOPES else None

    yield Farewell(bot, wording, certificate)
    await bot.shutdown()


async def chatted(api: BotApi, times: int) -> tuple[Person, dict[str, Any]]:
    """Return a person who wrote some messages, and the task that forgets them."""
    robin = Person(api, 5_550_100)
    messages = [await robin.say(f"canary {number}") for number in range(times)]
    return robin, {"chat": robin.id, "messages": messages, "certificate": CERTIFICATE, "locale": "en"}


async def test_forgetting_deletes_the_chat_and_hands_over_the_certificate(
    api: BotApi, farewell: Farewell
) -> None:
    """A hundred messages a call; then one message is left, with the certificate (S23)."""
    robin, task = await chatted(api, 230)
    await farewell.carry(task)

    assert [len(call["message_ids"]) for call in api.sent("deleteMessages")] == [100, 100, 30]
    assert [one["text"] for one in api.messages.values()] == robin.shown
    assert CERTIFICATE in robin.shown[0]
    assert "Copies in backups cannot be read any more from Wednesday, December 23, 2026" in robin.shown[0]
    assert "older messages" not in robin.shown[0]


async def test_an_old_message_does_not_keep_the_others(api: BotApi, farewell: Farewell) -> None:
    """They go one by one then, and the person is told that some stay and what to do."""
    robin, task = await chatted(api, 5)
    api.undeletable.add(task["messages"][2])
    await farewell.carry(task)

    assert [one["text"] for one in api.messages.values()] == ["canary 2", *robin.shown]
    assert "older messages" in robin.shown[0]


async def test_older_messages_are_said_to_stay(api: BotApi, farewell: Farewell) -> None:
    """What is older than 48 hours is not even tried; the person hears of it all the same."""
    robin, task = await chatted(api, 0)
    await farewell.carry({**task, "older": True})

    assert not api.sent("deleteMessages")
    assert "older messages" in robin.shown[0]


async def test_a_part_that_was_erased_is_told_of_in_the_conversation(api: BotApi, farewell: Farewell) -> None:
    """Its messages go too, but "everything is erased" would not be true; only what stays is said."""
    robin, task = await chatted(api, 3)
    await farewell.carry({**task, "messages": task["messages"][:2], "certificate": OF_A_PART})
    quiet = list(robin.shown)
    api.undeletable.add(task["messages"][2])
    await farewell.carry({**task, "messages": task["messages"][2:], "certificate": OF_A_PART})

    assert not quiet
    assert [one["text"] for one in api.messages.values()] == ["canary 2", *robin.shown]
    assert OF_A_PART not in robin.shown[0]


async def test_nothing_is_said_before_there_is_a_certificate(api: BotApi, farewell: Farewell) -> None:
    """A process that dies between deleting the rows and the certificate finishes the erasure first."""
    robin, task = await chatted(api, 1)
    with pytest.raises(NotFound):
        await farewell.carry({**task, "certificate": "e" * 32})

    assert not robin.shown
    assert not api.calls


async def test_forgetting_twice_does_no_harm(api: BotApi, farewell: Farewell) -> None:
    """A kill in the middle leaves the task; the next try finds some messages gone already."""
    robin, task = await chatted(api, 3)
    api.undeletable.add(task["messages"][0])
    del api.messages[task["messages"][1]]
    await farewell.carry(task)

    assert [one["text"] for one in api.messages.values()] == ["canary 0", *robin.shown]


async def test_a_person_who_blocked_the_bot_is_left_in_peace(api: BotApi, farewell: Farewell) -> None:
    """Nobody is there to be told, so the task is done."""
    robin, task = await chatted(api, 3)
    api.blocked.add(robin.id)
    await farewell.carry(task)

    assert not robin.shown


async def test_an_unreachable_telegram_lets_the_outbox_try_again(api: BotApi, farewell: Farewell) -> None:
    """The fault comes out, so that the task stays."""
    robin, task = await chatted(api, 3)
    await farewell.carry({**task, "messages": []})
    api.lose_requests = 1
    with pytest.raises(NetworkError):
        await farewell.carry(task)
    await farewell.carry(task)

    assert "canary 0" not in [one["text"] for one in api.messages.values()]
    assert len(robin.shown) == 2
