"""The Telegram channel: starts and stops the pipe, by long polling or by webhook, and puts its parts together."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from aiohttp import web
from telegram import BotCommand, BotCommandScopeAllPrivateChats
from telegram.error import InvalidToken, TelegramError

from bot.desk import Desk
from bot.telegram.forgetting import Farewell
from bot.telegram.lanes import Lanes
from bot.telegram.pipe import UPDATES, open_pipe, webhook_secret
from bot.telegram.receiving import Receiver
from bot.telegram.sending import Sender

COMMANDS = (  # contract, "Telegram"
    "start", "help", "view", "correct", "delete", "withdraw", "export", "policy", "receipts", "language", "human",
    "cancel",
)  # fmt: skip
POLL_SECONDS = 30  # seconds that one long poll waits
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between tries while Telegram is out of reach
WEBHOOK = "/telegram/webhook"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 -- the name of a header
REMEDY = "ask @BotFather for the token and set TELEGRAM_BOT_TOKEN"
REFUSED = f"Telegram refuses the token: {REMEDY}"
_log = structlog.get_logger(__name__)


class TelegramChannel:
    """The desk on Telegram. Build it where there is a token; `start` and `stop` suit aiohttp's `cleanup_ctx`."""

    def __init__(self, desk: Desk) -> None:
        """Put the parts together; nothing is sent before `start`."""
        settings = desk.settings
        self._desk = desk
        self._bot = open_pipe(settings.telegram_bot_token, settings.telegram_api_url)
        self._secret = webhook_secret(settings.telegram_bot_token)
        self._sender = Sender(desk, self._bot)
        self._receiver = Receiver(desk, self._bot, Lanes(), self._sender.wake)
        self._farewell = Farewell(self._bot, desk.wording, self._certificate)
        self._running: asyncio.Task[None] | None = None
        self._answered, self._address = asyncio.Event(), ""

    async def start(self) -> None:
        """Begin: take updates (unless the webhook brings them) and send what waits. Returns at once."""
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(_say_why)

    async def stop(self) -> None:
        """End, with nothing lost: what is not confirmed to Telegram comes again, what is not sent waits."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._receiver.close()
        await self._bot.shutdown()

    async def address(self) -> str:
        """Return where people find the bot, as soon as Telegram answers; "" when it refuses the token."""
        await self._answered.wait()
        return self._address

    async def ended(self) -> str:
        """Wait until the channel, which was started, ends by itself; return why, on one line."""
        assert self._running
        await asyncio.wait([self._running])
        fault = self._running.exception()
        return f"Telegram ended ({type(fault).__name__}): start it again" if fault else REFUSED

    def routes(self) -> list[web.RouteDef]:
        """Return the webhook's route. A process that only serves it needs no `start`."""
        return [web.post(WEBHOOK, self.webhook)]

    async def webhook(self, request: web.Request) -> web.Response:
        """Take one update. 200 only once it is committed; anything else makes Telegram send it again."""
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(errors="surrogatepass"), self._secret.encode()):
            raise web.HTTPUnauthorized
        raw = _update(await request.read())
        if raw is None:
            raise web.HTTPBadRequest
        await self._receiver.take(raw)
        return web.Response()

    async def forget(self, carried: Mapping[str, Any]) -> None:
        """Carry out the outbox task `telegram.erase`: see `Farewell.carry`."""
        await self._farewell.carry(carried)

    async def _certificate(self, number: str) -> Mapping[str, Any] | None:
        return await self._desk.call(self._desk.storage.store.certificate, number)

    async def _run(self) -> None:
        try:
            if not await self._introduced():
                return
            self._address = f"https://t.me/{self._bot.username}"
        finally:
            self._answered.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sender.run())
            if not self._desk.settings.telegram_webhook:
                tasks.create_task(self._poll())

    async def _introduced(self) -> bool:
        """Log in, set commands and webhook, however long Telegram is out of reach; False when it refuses the token."""
        for pause in _pauses():
            try:
                await self._bot.initialize()
                await self._set_commands()
                await self._set_webhook()
            except InvalidToken:  # its text has the token in it
                _log.error("telegram.token_refused", remedy=REMEDY)
                return False
            except TelegramError as fault:
                _log.warning("telegram.unreachable", error=type(fault).__name__)
                await asyncio.sleep(pause)
            else:
                break
        return True

    async def _set_commands(self) -> None:
        scope = BotCommandScopeAllPrivateChats()
        locales = self._desk.rules.locales
        default = self._desk.rules.default_locale
        for locale, language in [(default, None), *((one, one.partition("-")[0]) for one in locales)]:
            commands = [
                BotCommand(name, self._desk.wording.say(f"command.{name}", locale)) for name in COMMANDS
            ]
            await self._bot.set_my_commands(commands, scope=scope, language_code=language)

    async def _set_webhook(self) -> None:
        if self._desk.settings.telegram_webhook:
            url = f"{self._desk.settings.public_url}{WEBHOOK}"
            await self._bot.set_webhook(url, allowed_updates=UPDATES, secret_token=self._secret)
        else:
            await self._bot.delete_webhook()

    async def _poll(self) -> None:
        """Ask for updates for ever. The offset moves on only when all before it are done with."""
        offset, pauses = None, _pauses()
        while True:
            try:
                batch = await self._bot.waiting_updates(offset, POLL_SECONDS)
                await self._receiver.take_all(batch)
            except Exception as fault:
                # Telegram or the database is away: the same updates are asked for again
                _log.warning("telegram.poll_failed", error=type(fault).__name__)
                await asyncio.sleep(next(pauses))
                continue
            pauses = _pauses()
            offset = batch[-1]["update_id"] + 1 if batch else offset


def _say_why(ended: asyncio.Task[None]) -> None:
    """A channel that ends by itself ends by a fault of ours: it must not do so in silence."""
    if not ended.cancelled() and (fault := ended.exception()):
        _log.error("telegram.ended", error=type(fault).__name__)


def _update(body: bytes) -> dict[str, Any] | None:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return None
    is_update = isinstance(raw, dict) and isinstance(raw.get("update_id"), int)
    return raw if is_update else None


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)
