"""The processes: everything in one (`serve`), or one role each. Built here, started here, stopped here."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import ClientSession

from bot import staff
from bot.commands.office import CommandRefused
from bot.commands.staff import one_time_url
from bot.delivery.courier import Courier, Handler
from bot.delivery.heads import Heads, sink_at
from bot.delivery.mail import Mails, MailServer
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from bot.epoch_watch import EpochWatch
from bot.listening import listening
from bot.renewing import Renewing
from bot.waiting import Meanwhile, when_keys_open
from bot.web import pages
from bot.web.app import make_app
from bot.web.waiting import waiting_app
from bot.worker import Worker
from config.load import Loaded
from config.settings import Settings
from storage.errors import NotFound
from storage.keys.checkpoints import ANCHOR
from storage.sources import Sources
from storage.storage import Storage

_log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    from bot.telegram_channel import TelegramChannel

Say = Callable[[str], None]


@asynccontextmanager
async def open_desk(
    settings: Settings,
    loaded: Loaded,
    sources: Sources | None = None,
    *,
    migrate: bool = False,
    waiting: Meanwhile = nullcontext,
) -> AsyncIterator[Desk]:
    """Yield the desk over opened storage, as soon as the holder of the key-encryption keys answers.

    `waiting` is entered meanwhile. Raises OperatorMustAct when the database or its keys cannot be used.
    """
    given = sources or Sources()
    storage = await when_keys_open(
        partial(
            Storage.open,
            settings.database_url,
            settings.keyring_url,
            settings.kek_url,
            loaded.rules,
            migrate=migrate,
            public_url=settings.public_url,
            sources=given,
            anchor=settings.var / ANCHOR,
        ),
        waiting,
    )
    for fault in storage.keyring.signing.faults:
        _log.error("keys.signing_key_left_out", reason=fault)
    desk = Desk.build(settings, loaded, storage, given)
    watching = asyncio.create_task(EpochWatch(desk).run())
    try:
        yield desk
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await desk.turns.drain()
        storage.close()


@asynccontextmanager
async def waiting_room(settings: Settings, *, shared: bool = False) -> AsyncIterator[None]:
    """Answer in place of the web role, while there is no desk yet: not ready, try again."""
    async with listening(waiting_app(), settings.host, settings.port, shared=shared):
        yield


@asynccontextmanager
async def web_role(
    desk: Desk, channel: TelegramChannel | None = None, *, port: int | None = None, shared: bool = False
) -> AsyncIterator[int]:
    """Serve the web routes, and Telegram's webhook where there is one; yield the port.

    `shared`: several processes listen on it together.
    """
    app = make_app(desk)
    pages.add_routes(app)
    app.add_routes(staff.routes(desk))
    if channel and desk.settings.telegram_webhook:
        app.add_routes(channel.routes())
    wanted = desk.settings.port if port is None else port
    async with listening(app, desk.settings.host, wanted, shared=shared) as chosen:
        yield chosen


@asynccontextmanager
async def telegram_role(channel: TelegramChannel) -> AsyncIterator[None]:
    """Talk on Telegram beside what else this process does."""
    await channel.start()
    try:
        yield
    finally:
        await channel.stop()


@asynccontextmanager
async def worker_role(
    desk: Desk, channel: TelegramChannel | None, environment: Mapping[str, str]
) -> AsyncIterator[None]:
    """Run the worker beside what else this process does."""
    async with ClientSession() as session:
        courier = Courier(desk, Webhooks(session, environment), _mails(desk), _handlers(channel))
        stop = asyncio.Event()
        parts = (Worker(desk, courier, _heads(desk, session)), Renewing(desk))
        running = [asyncio.create_task(part.run(stop)) for part in parts]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*running)


def _mails(desk: Desk) -> Mails:
    return Mails(desk, MailServer.at(desk.settings.smtp_url) if desk.settings.smtp_url else None)


def _heads(desk: Desk, session: ClientSession) -> Heads | None:
    address = desk.settings.audit_sink
    return Heads(desk, sink_at(address, session), address) if address else None


def _handlers(channel: TelegramChannel | None) -> dict[str, Handler]:
    return {"telegram.erase": channel.forget} if channel else {}


def _channel(desk: Desk) -> TelegramChannel | None:
    if not desk.settings.telegram_bot_token:
        return None
    from bot.telegram_channel import TelegramChannel  # a sixth of the start-up time; most desks have no bot

    return TelegramChannel(desk)


async def until_stopped(role: Coroutine[Any, Any, None], *, ends_with_stdin: bool = False) -> None:
    """Run a role until it ends or the process is asked to end, at whatever moment of its start or life that is.

    `ends_with_stdin`: it ends with the process that holds the other end of its standard input, however that one ends.
    """
    running, loop = asyncio.ensure_future(role), asyncio.get_running_loop()

    def orphaned() -> None:
        loop.remove_reader(sys.stdin)  # its end can be read for ever
        running.cancel()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, running.cancel)
    if ends_with_stdin:
        loop.add_reader(sys.stdin, orphaned)
    with suppress(asyncio.CancelledError):
        await running


async def _stay_open() -> None:
    """Stay open: what was started is stopped in order when the role is cancelled."""
    await asyncio.Event().wait()


async def serve(settings: Settings, loaded: Loaded, environment: Mapping[str, str], say: Say) -> None:
    """Run everything in one process until it is asked to end."""
    async with AsyncExitStack() as stack:
        room = partial(waiting_room, settings)
        desk = await stack.enter_async_context(open_desk(settings, loaded, migrate=True, waiting=room))
        channel = _channel(desk)
        if channel:
            await stack.enter_async_context(telegram_role(channel))
        await stack.enter_async_context(worker_role(desk, channel, environment))
        await stack.enter_async_context(web_role(desk, channel))
        await _welcome(desk, say)
        if channel:
            say(f"  Telegram             {await channel.address() or 'off: it refuses TELEGRAM_BOT_TOKEN'}")
        await _stay_open()


async def web_only(settings: Settings, loaded: Loaded, say: Say, *, shared: bool = False) -> None:
    """Run the web role until the process is asked to end. Telegram's replies are sent by the Telegram role."""
    room = partial(waiting_room, settings, shared=shared)
    async with (
        open_desk(settings, loaded, waiting=room) as desk,
        _resting(desk) as channel,
        web_role(desk, channel, shared=shared) as port,
    ):
        say(f"web: http://{settings.host}:{port}")
        await _stay_open()


async def telegram_only(settings: Settings, loaded: Loaded, say: Say) -> None:
    """Run the Telegram role until the process is asked to end. Raises CommandRefused when it ends by itself."""
    async with open_desk(settings, loaded) as desk:
        channel = _channel(desk)
        assert channel, "the command checks that there is a token"
        async with telegram_role(channel):
            if found := await channel.address():
                say(f"telegram: {found}")
            raise CommandRefused(await channel.ended())


async def worker_only(settings: Settings, loaded: Loaded, environment: Mapping[str, str]) -> None:
    """Run the worker role until the process is asked to end."""
    async with (
        open_desk(settings, loaded) as desk,
        _resting(desk) as channel,
        worker_role(desk, channel, environment),
    ):
        await _stay_open()


@asynccontextmanager
async def _resting(desk: Desk) -> AsyncIterator[TelegramChannel | None]:
    """Yield the Telegram channel, if there is one, for its routes and tasks only; it is not started."""
    channel = _channel(desk)
    try:
        yield channel
    finally:
        if channel:
            await channel.stop()


async def _welcome(desk: Desk, say: Say) -> None:
    """Print the addresses, the way into the staff console, and how Telegram is switched on."""
    url = desk.settings.public_url
    say(f"Askfirst is open: {url}")
    say(f"  demo site and chat   {url}/")
    say(f"  privacy policy       {url}/policy")
    if not desk.settings.production:
        with suppress(NotFound):  # that colleague was disabled: nobody is let in unasked
            say(f"  staff console        {one_time_url(url, await _first_link(desk))}   (works once)")
    if not desk.settings.telegram_bot_token:
        say("  Telegram             off: set TELEGRAM_BOT_TOKEN (from @BotFather) and start again")


async def _first_link(desk: Desk) -> str:
    """Return a one-time link's secret for the colleague of a development desk, who is added at the first start."""
    colleagues, now = desk.storage.staff, desk.clock()
    email = f"sales@{desk.rules.company.email.rpartition('@')[2]}"  # the company's own is its officer's
    if email not in [one.email for one in await desk.call(colleagues.colleagues)]:
        await desk.call(colleagues.add, email, "sales", now)
    return await desk.call(colleagues.link, email, now)
