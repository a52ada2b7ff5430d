"""The processes: everything in one (`serve`), or one role each. Built here, started here, stopped here."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from aiohttp import ClientSession, web

from bot import staff
from bot.delivery.courier import Courier
from bot.delivery.mail import Mails, MailServer
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from bot.telegram_channel import TelegramChannel
from bot.web.app import make_app
from bot.worker import Worker
from config.load import Loaded
from config.settings import Settings
from storage.storage import Storage

BACKLOG = 4_096  # connections waiting to be accepted: a storm of 5,000 is in within a second (docs/architecture.md)
GRACE = 10.0  # seconds that open requests have after a stop signal

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_desk(settings: Settings, loaded: Loaded, *, migrate: bool) -> AsyncIterator[Desk]:
    """Yield the desk over opened storage. Raises OperatorMustAct when the database or its keys cannot be used."""
    storage = Storage.open(
        settings.database_url, settings.keyring_url, settings.kek_url, loaded.rules, migrate=migrate
    )
    desk = Desk.build(settings, loaded, storage)
    try:
        yield desk
    finally:
        await desk.turns.drain()
        await asyncio.to_thread(storage.close)


@asynccontextmanager
async def web_role(desk: Desk, *, port: int | None = None, shared: bool = False) -> AsyncIterator[int]:
    """Serve the web routes; yield the port. `shared`: several processes listen on it together."""
    runner = web.AppRunner(make_app(desk), access_log=None, shutdown_timeout=GRACE)
    runner.app.add_routes(staff.routes(desk))
    await runner.setup()
    wanted = desk.settings.port if port is None else port
    site = web.TCPSite(runner, desk.settings.host, wanted, backlog=BACKLOG, reuse_port=shared or None)
    try:
        await site.start()
        yield runner.addresses[0][1]
    finally:
        desk.hub.close()
        await runner.cleanup()


@asynccontextmanager
async def worker_role(desk: Desk, channel: TelegramChannel | None, environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Run the worker beside what else this process does."""
    async with ClientSession() as session:
        server = MailServer.at(desk.settings.smtp_url) if desk.settings.smtp_url else None
        mails = Mails(desk, server)
        handlers = {"telegram.erase": channel.forget} if channel else {}
        worker = Worker(desk, Courier(desk, Webhooks(session, environment), mails, handlers))
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            yield
        finally:
            stop.set()
            await running


async def until_stopped() -> None:
    """Return when the process is asked to end."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
