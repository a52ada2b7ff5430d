"""The worker goes on with what a rotation left, gently, beside everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.desk import Desk
from bot.renewing import PAUSE, Renewing
from bot.running import worker_role
from storage.errors import KekAway
from storage.keyring_tables import epochs, scope_keys
from tests.selling import Person, selling_desk


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with a lead, whose keys were rotated some minutes ago."""
    async with selling_desk(tmp_path, data_url, keyring_url) as opened:
        await Person(opened).sends()
        await opened.call(opened.storage.rotation.rotate, "command")
        await opened.call(_began_earlier, opened)
        yield opened


def _began_earlier(desk: Desk) -> None:
    with desk.storage.keyring_engine.begin() as connection:
        connection.execute(sa.update(epochs).values(began_at=desk.clock() - timedelta(minutes=5)))


def _wrapping(desk: Desk) -> set[int]:
    with desk.storage.keyring_engine.connect() as connection:
        return set(connection.scalars(sa.select(scope_keys.c.epoch)))


async def test_the_worker_moves_everything_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait at a terminal."""
    step, nothing_left = Renewing.step, asyncio.Event()

    async def noting(renewing: Renewing) -> float:
        if (rest := await step(renewing)) == PAUSE:
            nothing_left.set()
        return rest

    monkeypatch.setattr(Renewing, "step", noting)
    async with worker_role(desk, None, {}):
        await asyncio.wait_for(nothing_left.wait(), 30)

    assert await desk.call(_wrapping, desk) == {2}
    assert (await desk.call(desk.storage.rotation.status)).left == 0


async def test_a_step_rests_longer_than_it_took(desk: Desk) -> None:
    """While something is left it rests for moments, then for a minute."""
    renewing, rests = Renewing(desk), list[float]()
    while (rest := await renewing.step()) != PAUSE:
        rests.append(rest)

    assert rests
    assert max(rests) < PAUSE
    assert await desk.call(_wrapping, desk) == {2}


async def test_a_step_that_fails_is_tried_again(desk: Desk) -> None:
    """A provider or database that is away costs a line in the log, no more."""

    class Away:
        """A rotation that cannot go on."""

        def go_on(self) -> NoReturn:
            """Fail."""
            raise KekAway("it does not answer")

    away = replace(desk.storage, rotation=Away())  # type: ignore[arg-type]  # what the worker uses of it
    with capture_logs() as logs:
        assert await Renewing(replace(desk, storage=away)).step() == PAUSE

    assert [(line["event"], line["error"]) for line in logs] == [("keys.renewal_failed", "KekAway")]
