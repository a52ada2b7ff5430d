"""What happens without anybody asking: deliveries, retention, unfinished erasures, the audit's chain, an empty log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from bot.delivery.courier import Courier
from bot.delivery.heads import Heads
from bot.desk import Desk

T = TypeVar("T")

PAUSE = 1.0  # seconds between two looks into an empty outbox: a colleague hears of a lead within about that
CHORES_EVERY = timedelta(minutes=1)
ALARM_EVERY = timedelta(hours=1)  # often enough for whoever watches the log, rare enough to be read
AT_ONCE = 10  # deliveries under way at the same time
_log = structlog.get_logger(__name__)


class Worker:
    """The background process; several may run at once. `run` returns soon after `stop` is set, nothing half done."""

    def __init__(self, desk: Desk, courier: Courier, heads: Heads | None = None) -> None:
        self._desk = desk
        self._courier = courier
        self._heads = heads
        self._chores_due: datetime | None = None
        self._alarm_due: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. What is being delivered then is finished, the rest waits for the next worker."""
        while not stop.is_set():
            await self.chores()
            if not await self.deliver():
                await _pause(stop)
        await self._chain(self._desk.clock())  # so that a desk that was stopped leaves no row unchained

    async def deliver(self) -> int:
        """Deliver what is due, `AT_ONCE` at most; return how many tasks were claimed."""
        try:
            tasks = await self._desk.call(self._desk.storage.outbox.claim, self._desk.clock(), AT_ONCE)
            await asyncio.gather(*(self._courier.carry(task) for task in tasks))
        except Exception as fault:  # a database that is away comes back; the worker is there when it does
            _log.error("worker.round_failed", error=type(fault).__name__)
            return 0
        return len(tasks)

    async def chores(self) -> None:
        """Once in `CHORES_EVERY`: erasures that are left, what is due, the audit, logs of SQLite, checkpoint, epoch."""
        now = self._desk.clock()
        if self._chores_due is not None and now < self._chores_due:
            return
        self._chores_due = now + CHORES_EVERY
        storage = self._desk.storage
        await self._chore("retention", storage.store.sweep, now)  # and what is left of erasures
        await self._chain(now)
        await self._chore("log", storage.truncate_logs)
        await self._chore("checkpoint", storage.note_checkpoint)
        await self._alarm(now)

    async def _chain(self, now: datetime) -> None:
        """Chain what was written to the audit, batch by batch, and send the heads off the host."""
        while await self._chore("audit", self._desk.storage.chain.append, now):
            pass
        if self._heads:
            await self._heads.send()

    async def _alarm(self, now: datetime) -> None:
        """Once in `ALARM_EVERY`: tell the operator of an epoch that should have ended."""
        keyring = self._desk.storage.keyring
        if self._alarm_due is not None and now < self._alarm_due:
            return
        self._alarm_due = now + ALARM_EVERY
        if await self._chore("epoch", lambda: keyring.overdue):
            _log.warning("keys.epoch_overdue")

    async def _chore(self, name: str, work: Callable[..., T], *given: object) -> T | None:
        try:
            return await self._desk.call(work, *given)
        except Exception as fault:  # one chore that fails does not keep the others from being done
            _log.error("worker.chore_failed", chore=name, error=type(fault).__name__)
            return None


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), PAUSE)
    except TimeoutError:
        return
