"""Telegram is always fresh: the account is its authentication. Only a proven address is guarded there as everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intake.events import ProvedAddress
from storage.records import Turn
from storage.sources import Sources
from tests.bot_api import BotApi
from tests.mailing import code_in
from tests.receivers import MailBox
from tests.telegram_house import TelegramHouse, at_phone, kept, running_house
from tests.telegram_people import Person, until

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # the journeys run on both

TIMES = {"now": datetime(2026, 11, 23, 4, 0, tzinfo=UTC)}


@pytest.fixture
async def house(
    api: BotApi, box: MailBox, tmp_path: Path, data_url: str, keyring_url: str
) -> AsyncIterator[TelegramHouse]:
    """A bot that polls, with a clock that a test moves."""
    more = {"sources": Sources(clock=lambda: TIMES["now"]), "SMTP_URL": f"smtp://127.0.0.1:{box.port}"}
    async with running_house(api, tmp_path, data_url, keyring_url, **more) as running:
        yield running


async def consulted(api: BotApi) -> Person:
    """Return somebody who gave name, company, phone and e-mail address."""
    robin = Person(api, 5_550_100)
    await at_phone(robin)
    await robin.say("+86 138 0000 0000")
    await robin.sees("Which e-mail")
    await robin.say("li.na@example.com")
    await robin.sees("What is your position")
    return robin


async def test_a_chat_that_lay_idle_for_days_reads_as_ever(house: TelegramHouse, api: BotApi) -> None:
    """S21: view shows values, export is a file, a correction needs no code; nothing is masked, nothing mailed."""
    robin = await consulted(api)
    TIMES["now"] += timedelta(hours=23)

    await robin.say("/view")
    view = await robin.sees("what we keep")
    await robin.say("/export")
    exported = await robin.sees("your own copy")
    await robin.say("correct phone")
    await robin.sees("what should it be")
    await robin.say("+86 139 0000 0000")
    await robin.sees("is corrected")

    assert "Li Na" in view["text"]
    assert "+86 138 0000 0000" in view["text"]
    assert "•" not in view["text"].replace("• ", "")
    assert "document" in exported
    assert (await house.desk.call(house.desk.storage.outbox.counts)).pending == 0


async def test_a_proven_address_is_changed_with_two_codes(
    house: TelegramHouse, api: BotApi, box: MailBox
) -> None:
    """S8: the questions are asked in the chat, and say where the codes went; another one is a button away."""
    robin = await consulted(api)
    mine = await kept(house, robin)
    now = house.desk.clock()
    await house.desk.act(Turn(conversation=mine.conversation, event=ProvedAddress("email"), at=now))

    await robin.say("correct e-mail")
    asked = await robin.sees("6-digit code")
    await until(lambda: len(box.got) == 1)
    assert "l•••@e•••.com" in asked["text"]
    assert robin.buttons == ["Send a new code", "Leave it"]
    await robin.say(code_in(box.got[0]))
    await robin.sees("what should it be")
    await robin.say("li.next@example.org")
    await robin.sees("l•••@e•••.org")
    await until(lambda: len(box.got) == 2)
    await robin.say(code_in(box.got[1]))
    await robin.sees("is corrected")

    assert box.got[1]["To"] == "li.next@example.org"
    assert await house.desk.call(house.desk.storage.store.find, "email", "li.next@example.org") == [
        mine.subject
    ]


async def test_what_telegram_deletes_no_more_is_said_to_stay(house: TelegramHouse, api: BotApi) -> None:
    """S24: after 48 hours Telegram keeps a message for good; the person hears of it, and what to do."""
    robin = await consulted(api)
    for _ in range(2):
        TIMES["now"] += timedelta(hours=23)
        await robin.say("/help")
        await robin.sees("at any time")
    TIMES["now"] += timedelta(hours=3)
    await robin.say("/delete")
    await robin.sees("What shall be erased")
    await robin.press("Everything about me")
    said = await robin.sees("Everything we kept about you is erased")
    left = [one["text"] for one in api.messages.values()]

    assert "older messages" in said["text"]
    assert "li.na@example.com" in left
    assert "/help" not in left
