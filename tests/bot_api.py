"""A Bot API server of the tests' own: it judges every request by the published schema and answers in its shapes.

Long polling keeps the offset semantics (an update stays until a higher offset confirms it); with a webhook it pushes
with the secret header, one update after the other, until it is answered 2xx. People are in `tests/telegram_people.py`.
Like a local Bot API server, and unlike Telegram's own, it takes webhooks on plain HTTP.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tests.bot_api_chats import Chats, Refusal
from tests.bot_api_schema import NotInSchema, Upload

TOKEN = "1234567890:AAtestsTestsTestsTestsTestsTestsTests"
PUSH_AGAIN_SECONDS = 0.05  # seconds between two tries of one webhook push
FILE_BYTES = 50_000_000  # bytes; the largest file that a bot may send


class BotApi(Chats):
    """The server. `faults` lists every request that the schema refuses; a test ends with it empty."""

    def __init__(self) -> None:
        """Begin with nobody in the chats, nothing queued and no troubles ordered."""
        super().__init__()
        self.url = ""
        self.token = TOKEN  # of the one bot that it knows
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.faults: list[str] = []
        self.slow_down: Counter[str] = Counter()  # method -> how many times it answers 429
        self.retry_after = 1  # seconds
        self.lose_requests = 0  # connections that break before anything happened
        # method -> done, but its connection breaks before the answer
        self.lose_answers: Counter[str] = Counter()
        self.webhook: dict[str, Any] = {"url": ""}
        self.pushes: list[int] = []  # statuses that the webhook answered
        self.updates: list[dict[str, Any]] = []
        self.last_update: dict[str, Any] = {}
        self._kinds: list[str] | None = None
        self._news = asyncio.Condition()
        self._polls = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["BotApi"]:
        """Serve on a free loopback port, noted in `url`; afterwards close every connection."""
        app = web.Application(client_max_size=FILE_BYTES)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as client:
            pusher = asyncio.create_task(self._push(client))
            try:
                yield self
            finally:
                pusher.cancel()
                await asyncio.gather(pusher, return_exceptions=True)
                await runner.cleanup()

    async def happen(self, kind: str, content: dict[str, Any]) -> int:
        """Queue an update, if it is of a kind that the bot wants, and return its id."""
        number = self.number("update")
        update = {"update_id": number, kind: content}
        self.schema.value(["Update"], update, "update")
        if self._kinds is None or kind in self._kinds:
            await self.queue(update)
        return number

    async def queue(self, update: dict[str, Any]) -> None:
        """Queue an update as it is, also one that is a repeat or broken."""
        async with self._news:
            self.updates.append(update)
            self.last_update = update
            self._news.notify_all()

    def sent(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of every call of a method so far."""
        return [parameters for called, parameters in self.calls if called == method]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if self.lose_requests > 0:
            self.lose_requests -= 1
            return _broken(request)
        try:
            if request.match_info["token"] != self.token:
                raise Refusal(401, "Unauthorized")
            parameters = self.schema.call(method, await _form(request))
            result = await self._do(method, parameters)
            # updates were judged when they happened, unless a test queued a broken one
            if method != "getUpdates":
                self.schema.answer(method, result)
        except NotInSchema as fault:
            self.faults.append(str(fault))
            return web.json_response(Refusal(400, f"Bad Request: {fault}").body, status=400)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.code)
        if self.lose_answers[method] > 0:
            self.lose_answers[method] -= 1
            return _broken(request)
        return web.json_response({"ok": True, "result": result})

    async def _do(self, method: str, parameters: dict[str, Any]) -> Any:
        self.calls.append((method, parameters))
        if self.slow_down[method] > 0:
            self.slow_down[method] -= 1
            wait = self.retry_after
            raise Refusal(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        act: Callable[..., Awaitable[Any]] = getattr(self, re.sub("([A-Z])", r"_\1", f"_{method}").lower())
        return await act(**parameters)

    async def _get_updates(
        self, offset: int = 0, limit: int = 100, allowed_updates: list[str] | None = None, **more: int
    ) -> list[dict[str, Any]]:
        if self.webhook["url"]:
            raise Refusal(
                409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first"
            )
        self._kinds = allowed_updates if allowed_updates is not None else self._kinds
        self._polls += 1
        mine = self._polls
        async with self._news:
            self._news.notify_all()  # an older poll ends
            self.updates = [one for one in self.updates if one["update_id"] >= offset]
            try:
                async with asyncio.timeout(more.get("timeout", 0)):
                    await self._news.wait_for(lambda: self.updates or mine != self._polls)
            except TimeoutError:
                return []
            if mine != self._polls:
                raise Refusal(409, "Conflict: terminated by other getUpdates request")
            return self.updates[:limit]

    async def _set_webhook(self, url: str, **more: Any) -> bool:
        if not url.startswith(("https://", "http://127.0.0.1")):
            raise Refusal(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = {"url": url, **more}
        self._kinds = more.get("allowed_updates", self._kinds)
        return True

    async def _delete_webhook(self, drop_pending_updates: bool = False) -> bool:
        self.webhook = {"url": ""}
        if drop_pending_updates:
            self.updates.clear()
        return True

    async def _push(self, client: aiohttp.ClientSession) -> None:
        while True:
            async with self._news:
                await self._news.wait_for(lambda: self.updates)
            if not self.webhook["url"] or not await self._pushed(client, self.updates[0]):
                await asyncio.sleep(PUSH_AGAIN_SECONDS)

    async def _pushed(self, client: aiohttp.ClientSession, update: dict[str, Any]) -> bool:
        secret = self.webhook.get("secret_token")
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        try:
            async with client.post(self.webhook["url"], json=update, headers=headers) as answer:
                self.pushes.append(answer.status)
        except aiohttp.ClientError:
            return False
        if answer.ok:
            self.updates.remove(update)
        return answer.ok


def _broken(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _form(request: web.Request) -> dict[str, str | Upload]:
    """Return the parameters of a request: form, multipart, JSON or query string, as the Bot API takes them."""
    if request.content_type == "application/json":
        body = await request.json()
        return {name: one if isinstance(one, str) else json.dumps(one) for name, one in body.items()}
    form: dict[str, str | Upload] = dict(request.query)
    for name, one in (await request.post()).items():
        form[name] = Upload(one.filename, one.file.read()) if isinstance(one, web.FileField) else str(one)
    return form
