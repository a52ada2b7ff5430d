"""New epochs are opened outside every turn; a provider that is away stops nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.desk import Desk
from bot.epoch_watch import ALARM_EVERY, EpochWatch
from bot.running import open_desk
from storage.errors import KekAway
from storage.keyring_tables import signing_keys
from storage.keys.kek import Wrapped
from tests.house import settings, shipped
from tests.selling import Person


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk."""
    async with open_desk(settings(tmp_path, data_url, keyring_url), shipped(), migrate=True) as opened:
        yield opened


@pytest.fixture
async def other(desk: Desk) -> AsyncIterator[Desk]:
    """A second process of it."""
    async with open_desk(desk.settings, shipped()) as opened:
        yield opened


def _held(desk: Desk) -> list[int]:
    return [epoch.number for epoch in desk.storage.keyring.epochs.live()]


async def test_an_epoch_of_another_process_is_opened_outside_the_storage_thread(
    desk: Desk, other: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns go on while the provider is asked; afterwards what is new is wrapped by the new epoch."""
    provider = desk.storage.keyring.provider
    unwrap, threads = provider.unwrap, list[threading.Thread]()

    def noting(name: str, wrapped: Wrapped) -> bytes:
        threads.append(threading.current_thread())
        return unwrap(name, wrapped)

    monkeypatch.setattr(provider, "unwrap", noting)
    await other.call(other.storage.rotation.rotate, "command")
    assert await desk.call(_held, desk) == [1]

    await EpochWatch(desk).look()

    assert await desk.call(_held, desk) == [2, 1]
    assert await desk.call(threading.current_thread) not in threads
    assert len(threads) == 1


async def test_a_provider_that_is_away_stops_nothing(
    desk: Desk, other: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The desk goes on with the epochs that it holds; the log says so, once an hour, until it answers."""
    await other.call(other.storage.rotation.rotate, "command")
    now = [desk.clock()]
    watch = EpochWatch(replace(desk, clock=lambda: now[0]))

    def away(name: str, wrapped: Wrapped) -> bytes:
        raise KekAway("it does not answer")

    told = []
    with monkeypatch.context() as gone:
        gone.setattr(desk.storage.keyring.provider, "unwrap", away)
        for later in (timedelta(0), timedelta(minutes=1), ALARM_EVERY):
            now[0] += later
            with capture_logs() as logs:
                await watch.look()
            told.append([(line["event"], line["error"]) for line in logs])
        await Person(desk).sends()
    await watch.look()

    alarm = [("keys.epoch_unopened", "KekAway")]
    assert told == [alarm, [], alarm]
    assert await desk.call(_held, desk) == [2, 1]


async def test_every_process_watches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that is opened looks again and again, and stops with the desk."""
    monkeypatch.setattr("bot.epoch_watch.PAUSE", 0.01)
    looked = asyncio.Event()
    look = EpochWatch.look

    async def noting(watch: EpochWatch) -> None:
        await look(watch)
        looked.set()

    monkeypatch.setattr(EpochWatch, "look", noting)
    async with open_desk(desk.settings, shipped()):
        await asyncio.wait_for(looked.wait(), 30)


async def test_a_signing_key_that_is_not_the_desk_s_own_is_told_at_the_start(desk: Desk) -> None:
    """The desk serves without it; the log names it."""

    def plant() -> None:
        with desk.storage.keyring_engine.begin() as connection:
            own = connection.execute(sa.select(signing_keys)).mappings().first()
            assert own
            planted = {**own, "kid": "audit-0123456789abcdef"}
            connection.execute(signing_keys.insert().values(planted))

    await desk.call(plant)
    with capture_logs() as logs:
        async with open_desk(desk.settings, shipped()) as started:
            keys = await started.call(started.storage.keyring.public_keys)

    [told] = logs
    assert told["event"] == "keys.signing_key_left_out"
    assert told["reason"].startswith("signing key audit-0123456789abcdef: its wrap is damaged")
    assert len(keys) == 2
