"""Every journey on Telegram: end to end over HTTP, on both databases, in both languages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot_api import BotApi
from tests.journey import Journey, Telling, journeys
from tests.telegram_house import TelegramHouse, running_house
from tests.telegram_voice import TelegramVoice

JOURNEYS = journeys()


@pytest.fixture
async def house(tmp_path: Path, data_url: str, keyring_url: str) -> AsyncIterator[TelegramHouse]:
    """A bot with a webhook on fresh databases; every one of its requests must please the Bot API."""
    async with BotApi().running() as api:
        async with running_house(api, tmp_path, data_url, keyring_url, webhook=True) as running:
            yield running
        assert not api.faults


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS.keys())
async def test_a_journey_on_telegram_goes_as_written(
    journey: Journey, locale: str, house: TelegramHouse
) -> None:
    """S21, S24: what the file says is what happens."""
    await Telling(TelegramVoice(house), locale, house.loaded.catalogues).tell(journey)
