"""What goes wrong on the way: Telegram asks for patience, networks break, people block, updates are poisoned."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import logs, telegram_channel
from bot.telegram import receiving
from intake.events import ColleagueSaid, Picked, Said
from storage.errors import Conflict, KekAway
from storage.records import Turn
from storage.tables import chats
from tests.bot_api import TOKEN, BotApi
from tests.telegram_house import QUESTION, TelegramHouse, committed, delivered, kept, running_house
from tests.telegram_people import Person, until

# troubles of Telegram, not of storage
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
ALWAYS = 10**6  # times: until the test says otherwise


@pytest.fixture
async def robin(house: TelegramHouse, api: BotApi) -> Person:
    """Somebody who was greeted."""
    person = Person(api, 5_550_100)
    await person.say("/start")
    await person.sees("automated assistant")
    return person


@pytest.mark.parametrize("times", [1, 4])
async def test_patience_is_kept_when_asked_for(
    house: TelegramHouse, api: BotApi, robin: Person, times: int
) -> None:
    """429 is waited out, also when it comes more often than the library tries; nothing is lost, nothing comes twice."""
    api.slow_down["sendMessage"] = times
    await robin.say(QUESTION)
    await robin.sees("get back to you")

    assert len(robin.shown) == 2


async def test_a_broken_network_loses_nothing(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """Polls and messages alike are tried again, in order."""
    api.lose_requests = 4
    await robin.say(QUESTION)
    await robin.sees("get back to you")
    api.lose_requests = 2
    await robin.say("/help")
    await robin.sees("You can say at any time")
    await robin.sees("get back to you")

    assert (await kept(house, robin)).last == 6


async def test_a_lost_answer_repeats_a_message_and_never_a_turn(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """Telegram cannot be asked whether it sent: at least once is what there is."""
    api.lose_answers["sendMessage"] = 1
    await robin.say(QUESTION)
    await robin.sees("get back to you")
    await robin.sees("get back to you")

    assert (await kept(house, robin)).last == 3


async def test_what_was_not_sent_before_a_stop_is_sent_after_the_start(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """The replies stand in the transcript; the next process finds what the chat lacks."""
    api.slow_down["sendMessage"] = ALWAYS
    await robin.say(QUESTION)
    await committed(house, robin, 3)
    await house.stop()
    api.slow_down.clear()
    await house.start()
    await robin.sees("get back to you")

    assert len(robin.shown) == 2


async def test_an_old_question_comes_without_buttons(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """What waited while Telegram was away is sent in order, but only the open question can be answered."""
    api.slow_down["sendMessage"] = ALWAYS
    await robin.say(QUESTION)
    await robin.say("/help")
    await committed(house, robin, 6)
    await house.stop()
    api.slow_down.clear()
    await house.start()
    first = await robin.sees("get back to you")
    await robin.sees("You can say at any time")
    again = await robin.sees("get back to you")

    assert "reply_markup" not in first
    assert "reply_markup" in again


async def test_a_block_ends_delivery_quietly_and_unblocking_goes_on(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """Nobody is chased: what was said meanwhile is not sent later, the conversation goes on with the next word."""
    api.blocked.add(robin.id)
    await robin.say(QUESTION)
    await committed(house, robin, 3)
    await until(lambda: api.sent("sendMessage")[-1]["text"].startswith("I have no prepared answer"))
    tried = len(api.sent("sendMessage"))
    await robin.block()
    api.blocked.clear()
    await robin.say("/help")
    await robin.sees("You can say at any time")

    await delivered(house)

    assert len(api.sent("sendMessage")) == tried + 2


async def test_a_broken_update_is_recorded_and_its_neighbours_are_answered(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """What cannot be read is noted by id and class of fault, and acknowledged."""
    number = api.number("update")
    await api.queue({"update_id": number, "message": {"message_id": "canary", "date": "never"}})
    await robin.say("/help")
    await robin.sees("You can say at any time")

    assert await house.desk.call(house.desk.storage.store.update_seen, number)


async def test_a_poisoned_turn_is_given_up_after_some_tries(
    house: TelegramHouse, api: BotApi, robin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails every time, so that it is recorded and lets the next ones pass."""
    take, tried = house.desk.turns.take, []

    async def failing(turn: Any) -> Any:
        if getattr(turn.event, "text", "") == "poison":
            tried.append(turn)
            raise ZeroDivisionError
        return await take(turn)

    monkeypatch.setattr(house.desk.turns, "take", failing)
    await robin.say("poison")
    poisoned = api.last_update["update_id"]
    await robin.say("/help")
    await robin.sees("You can say at any time")

    assert len(tried) == 3
    assert await house.desk.call(house.desk.storage.store.update_seen, poisoned)


async def test_what_is_said_while_a_database_is_away_is_answered_when_it_is_back(
    house: TelegramHouse, api: BotApi, robin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded, nothing acknowledged: Telegram keeps the words and sends them again."""
    monkeypatch.setattr(receiving, "TRIES_AFTER", ())
    take = house.desk.turns.take
    faults: list[Exception] = [ConnectionRefusedError(), Conflict("as ordered"), KekAway("as ordered")]

    async def failing(turn: Any) -> Any:
        if faults:
            raise faults.pop()
        return await take(turn)

    monkeypatch.setattr(telegram_channel, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(house.desk.turns, "take", failing)
    await robin.say(QUESTION)
    await robin.sees("get back to you")

    assert not faults
    assert (await kept(house, robin)).last == 3


async def test_a_damaged_chat_keeps_no_answer_from_the_others(
    house: TelegramHouse, api: BotApi, robin: Person, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whose chat cannot be opened gets no answers; the operator is told once, everybody else is answered."""
    lost = await kept(house, robin)
    await house.desk.call(_damage, house, lost.subject)
    agreed = Picked("followup:yes"), Picked("abroad:agree"), Picked("consent:agree")
    for event in (Said(QUESTION), *agreed, ColleagueSaid("canary answer", "Alex")):
        await house.desk.act(Turn(conversation=lost.conversation, event=event, at=house.desk.clock()))
    others = [Person(api, 5_550_200), Person(api, 5_550_300)]
    for other in others:
        await other.say("/start")
        await other.sees("automated assistant")

    assert "".join(capfd.readouterr()).count("telegram.chat_lost") == 1
    assert len(robin.shown) == 1


def _damage(house: TelegramHouse, subject: str) -> None:
    with house.desk.storage.engine.begin() as connection:
        theirs = sa.update(chats).where(chats.c.subject == subject)
        connection.execute(theirs.values(sealed_chat=b"no envelope"))


async def test_a_refused_token_is_said_without_telling_it(
    api: BotApi, tmp_path: Path, data_url: str, keyring_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The operator reads what to do; the library's own text has the token in it and is not shown."""
    logs.set_up("DEBUG", "console")
    api.token = "9:another"
    logged = ""
    async with running_house(api, tmp_path, data_url, keyring_url), asyncio.timeout(10):
        while "token_refused" not in logged:
            logged += "".join(capfd.readouterr())
            await asyncio.sleep(0.01)

    assert "TELEGRAM_BOT_TOKEN" in logged
    assert TOKEN not in logged


async def test_neither_words_nor_token_reach_the_log(
    house: TelegramHouse,
    api: BotApi,
    robin: Person,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Even at DEBUG: libraries that print requests are quieted."""
    caplog.set_level(logging.DEBUG)
    api.slow_down["sendMessage"] = 4
    await robin.say("kanarienvogel question about gateways?")
    await robin.sees("get back to you")
    await api.queue({"update_id": api.number("update"), "message": {"message_id": "kanarienvogel"}})
    await robin.say("/help")
    await robin.sees("You can say at any time")
    logged = caplog.text + "".join(capfd.readouterr())

    assert "kanarienvogel" not in logged
    assert TOKEN not in logged
    assert str(robin.id) not in logged
