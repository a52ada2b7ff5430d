"""Carrying out what the outbox holds, as the worker would, some time later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp

from bot.delivery.courier import Courier
from bot.delivery.mail import Mails
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from storage.outbox import Task, enqueue
from tests.receivers import SECRET

MINUTE = timedelta(minutes=1)


@asynccontextmanager
async def courier(desk: Desk, **environment: str) -> AsyncIterator[Courier]:
    async with aiohttp.ClientSession() as session:
        secrets = environment or {"CRM_SECRET": SECRET}
        yield Courier(desk, Webhooks(session, secrets), Mails(desk, None), {})


async def deliver(desk: Desk, later: timedelta = MINUTE, **environment: str) -> list[bool]:
    """Carry everything that is due some time later; return what was carried out."""
    async with courier(desk, **environment) as carrier:
        tasks = await desk.call(desk.storage.outbox.claim, desk.clock() + later)
        return [await carrier.carry(task) for task in tasks]


def put(desk: Desk, task: Task) -> None:
    with desk.storage.engine.begin() as connection:
        enqueue(connection, [task])
