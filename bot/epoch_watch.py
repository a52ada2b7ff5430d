"""Opens epochs that another process has begun, outside every turn, so that no visitor waits for the provider."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from bot.desk import Desk

PAUSE = 20.0  # seconds; a new epoch is in use everywhere well within the minute that keys are remembered
ALARM_EVERY = timedelta(hours=1)
_log = structlog.get_logger(__name__)


class EpochWatch:
    """Every process with a desk has one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._alarm_due: datetime | None = None

    async def run(self) -> None:
        """Look every `PAUSE` seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            await self.look()

    async def look(self) -> None:
        """Open what is new. The provider is asked in a thread of its own; while it is away, the desk goes on."""
        epochs = self._desk.storage.keyring.epochs
        try:
            for sealed in await self._desk.call(epochs.unopened):
                opened = await asyncio.to_thread(epochs.opened, sealed)
                await self._desk.call(epochs.hold, opened)
        except Exception as fault:  # whatever it is, the next look may do better
            now = self._desk.clock()
            if self._alarm_due is None or now >= self._alarm_due:
                _log.error("keys.epoch_unopened", error=type(fault).__name__)
                self._alarm_due = now + ALARM_EVERY
