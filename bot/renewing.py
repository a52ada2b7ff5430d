"""Goes on with what a rotation or a retirement of epochs left to do, beside everything else the worker does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import perf_counter

import structlog

from bot.desk import Desk

PAUSE = 60.0  # seconds between two looks when nothing is left
REST = 3  # times as long as a step took: turns have at least three quarters of the storage thread
_log = structlog.get_logger(__name__)


class Renewing:
    """A part of the worker; several workers share the work."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a step under way is finished, the rest waits for the next worker."""
        while not stop.is_set():
            seconds = await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)

    async def step(self) -> float:
        """Do a few milliseconds of what is left; return how many seconds to rest."""
        try:
            more, took = await self._desk.call(self._timed)
        except Exception as fault:  # a database or provider that is away comes back
            _log.error("keys.renewal_failed", error=type(fault).__name__)
            return PAUSE
        return REST * took if more else PAUSE

    def _timed(self) -> tuple[bool, float]:
        """Return whether there is more to do, and how many seconds the storage thread was busy with it."""
        began = perf_counter()
        return self._desk.storage.rotation.go_on(), perf_counter() - began
