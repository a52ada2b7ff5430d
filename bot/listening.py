"""Where the web role listens, how long it waits for who says nothing, and what it answers to what is no HTTP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.commands.office import CommandRefused
from bot.web.problems import of_status

BACKLOG = 4_096  # connections waiting to be accepted: a storm of 5,000 is in within about a second
GRACE = 10.0  # seconds that open requests have after a stop signal
FIRST_REQUEST = 10.0  # seconds for a first request's header, as for a body
# seconds of silence after a request; longer than proxies in front keep theirs, up to ten minutes
KEPT_ALIVE = 620.0
SAFE = {"Server": "askfirst", "X-Content-Type-Options": "nosniff"}
LOOKS = 4  # in `FIRST_REQUEST`


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, *, shared: bool = False, patience: float = FIRST_REQUEST
) -> AsyncIterator[int]:
    """Serve an application; yield the port. `shared`: several processes listen on it together. Raises CommandRefused.

    `patience`: seconds after which a connection is ended from which no request came.
    """
    silence = Silence(patience)
    app.middlewares.insert(0, silence.hear)
    runner = _Runner(app, access_log=None, shutdown_timeout=GRACE, keepalive_timeout=KEPT_ALIVE)
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=BACKLOG, reuse_port=shared or None)
    watching = asyncio.create_task(silence.end(runner))
    try:
        await _listen(site, f"{host}:{port}")
        yield int(runner.addresses[0][1])
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await runner.cleanup()


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, **made._kwargs)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    """A connection. What is no HTTP reaches no application, so its answer is made here."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with a bare problem: the library's own answer repeats what was sent, and names the library."""
        super().handle_error(
            request, status, exc, message
        )  # it logs, and raises where an answer is under way
        answer = of_status(status, SAFE).response()
        answer.force_close()
        return answer


class Silence:
    """Ends connections that were opened and never brought a whole header. The library waits for that for ever."""

    def __init__(self, patience: float) -> None:
        """Begin with no connections."""
        self._patience = patience
        self._heard: set[web.RequestHandler] = set()
        self._since: dict[web.RequestHandler, float] = {}  # monotonic seconds

    @web.middleware
    async def hear(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a request came from this connection; from now on what answers it has limits of its own."""
        self._heard.add(request.protocol)
        return await handler(request)

    async def end(self, runner: web.AppRunner) -> None:
        """Look again and again, until this is cancelled."""
        while True:
            await asyncio.sleep(self._patience / LOOKS)
            if runner.server is not None:
                self._look(runner.server.connections, asyncio.get_running_loop().time())

    def _look(self, there: list[web.RequestHandler], now: float) -> None:
        self._heard.intersection_update(there)
        self._since = {one: self._since.get(one, now) for one in there if one not in self._heard}
        for one, since in self._since.items():
            if now - since >= self._patience:
                one.force_close()


async def _listen(site: web.TCPSite, place: str) -> None:
    try:
        await site.start()
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else type(fault).__name__
        told = f"cannot listen on {place}: {reason}; set HOST and PORT to a free place"
        raise CommandRefused(told) from fault
