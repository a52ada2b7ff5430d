"""Every journey, on every channel, on both databases, in both languages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.house import House, settings
from tests.journey import Journey, Telling, Voice, journeys
from tests.mailing import NO_SERVER
from tests.voices import HttpVoice, SocketVoice

JOURNEYS = journeys()


@pytest.fixture
async def house(tmp_path: Path, data_url: str, keyring_url: str) -> AsyncIterator[House]:
    """A desk on fresh databases."""
    opened = House(settings(tmp_path / "var", data_url, keyring_url, SMTP_URL=NO_SERVER))
    await opened.start()
    yield opened
    await opened.stop()


@pytest.mark.parametrize("voice", [SocketVoice, HttpVoice])
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS.keys())
async def test_a_journey_on_the_web_goes_as_written(
    journey: Journey, locale: str, voice: type[SocketVoice | HttpVoice], house: House
) -> None:
    """S21, S24: what the file says is what happens."""
    async with ClientSession() as client:
        visitor: Voice = voice(house, client)

        await Telling(visitor, locale, house.loaded.catalogues).tell(journey)
