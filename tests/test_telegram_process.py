"""The Telegram role as a process of its own: killed at any moment, it loses nothing and does nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from bot.running import open_desk
from tests.bot_api import TOKEN, BotApi
from tests.house import CONFIG, settings, shipped
from tests.telegram_people import Person, until

ROOT = Path(__file__).parent.parent
KILLS = 4
START_SECONDS = 30  # seconds that a process may take to start on a busy machine
CALLS = 8  # requests from the start of the process to the answer: log in, commands, webhook, polls, messages
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
async def environment(api: BotApi, tmp_path: Path, data_url: str, keyring_url: str) -> dict[str, str]:
    """What the process is started with, over databases that are laid out."""
    async with open_desk(settings(tmp_path / "var", data_url, keyring_url), shipped(), migrate=True):
        pass
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
        "ASKFIRST_VAR": str(tmp_path / "var"),
        "DATABASE_URL": data_url,
        "KEYRING_URL": keyring_url,
        "ASKFIRST_CONFIG": str(CONFIG),
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": api.url,
        "LOG_LEVEL": "DEBUG",
    }


async def started(environment: dict[str, str], log: Path) -> Process:
    """Start the role; what it prints goes to `log`."""
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "telegram", cwd=ROOT, env=environment, stdout=file, stderr=file
        )


async def called(api: BotApi, times: int) -> None:
    """Wait until the process has asked the Bot API so often."""
    await until(lambda: len(api.calls) >= times, START_SECONDS)


async def test_the_role_ends_when_the_token_is_refused(
    api: BotApi, environment: dict[str, str], tmp_path: Path
) -> None:
    """Whoever watches the process sees that it failed, and reads why on one line, without the token."""
    api.token = "9:another"
    process = await started({**environment, "LOG_LEVEL": "CRITICAL"}, tmp_path / "log")

    assert await asyncio.wait_for(process.wait(), START_SECONDS) == 1
    said = (tmp_path / "log").read_text()
    assert said.startswith("askfirst: Telegram refuses the token: ")
    assert said.count("\n") == 1
    assert TOKEN not in said


async def test_a_killed_process_loses_nothing_and_repeats_no_turn(
    api: BotApi, environment: dict[str, str], tmp_path: Path, data_url: str, keyring_url: str
) -> None:
    """kill -9 at random moments: every message is answered, each turn stands once, no word and no token is logged."""
    log, dice, robin = tmp_path / "log", random.Random(7), Person(api, 5_550_100)
    await robin.say("/start")
    for number in range(KILLS):
        await robin.say(f"Can a gateway be a canary{number}?")
        before = len(api.calls)
        process = await started(environment, log)
        await called(api, before + dice.randint(1, CALLS))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    process = await started(environment, log)
    await robin.say("/policy")
    await called(api, len(api.calls) + CALLS)
    await robin.sees("Our privacy policy")
    process.send_signal(signal.SIGTERM)
    ended = await process.wait()
    async with open_desk(settings(tmp_path / "var", data_url, keyring_url), shipped()) as desk:
        conversation = await desk.call(desk.storage.store.telegram_conversation, robin.id)
        assert conversation is not None
        kept = await desk.call(desk.storage.store.transcript, conversation, 0)

    typed = [one for one in kept.messages if one.sender == "visitor"]
    assert len(typed) == KILLS + 1
    assert [one.seq for one in kept.messages] == list(range(1, kept.last + 1))
    assert ended == 0
    printed = log.read_text()
    assert "telegram: https://t.me/desk_test_bot\n" in printed
    assert "\x1b[" not in printed  # coloured on a terminal only
    assert "canary" not in printed
    assert TOKEN not in printed
