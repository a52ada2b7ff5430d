"""A bad network of the tests' own: a proxy before the desk that loses and delays, in both directions.

Frames of WebSockets are lost one by one, which no real network does, and which is harder than what they do.
Requests of the chat over plain HTTP are lost before the desk hears of them, or their answers are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType, web

LOST = 0.2  # of the frames in each direction
DELAYED = 0.3  # of the rest
DELAY_MOST = 0.15  # seconds; real ones, while the page's clock may run faster
HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding"})
Socket = web.WebSocketResponse | ClientWebSocketResponse


class LossyProxy:
    """Carries everything to the desk at `upstream`. While `calm` it loses nothing; `sockets=False` refuses them."""

    def __init__(self, client: ClientSession, upstream: str, dice: Random, *, sockets: bool = True) -> None:
        """`calm`: nothing is lost."""
        self._client, self._upstream, self._dice, self._sockets = client, upstream, dice, sockets
        self.calm = False
        self.deaf = False  # loses everything, as a line that died without a word does
        self.lost = self.carried = 0

    async def carry(self, request: web.Request) -> web.StreamResponse:
        """Carry one request, or one socket until its end."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request) if self._sockets else web.Response(status=403)
        chat = request.path == "/api/v1/messages"
        if chat and await self._loses():
            return web.Response(status=502)
        answer = await self._forwarded(request)
        return web.Response(status=504) if chat and await self._loses() else answer

    async def _forwarded(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        url, body = self._upstream + request.path_qs, await request.read()
        try:
            async with self._client.request(request.method, url, headers=headers, data=body) as answer:
                back = {
                    name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP
                }
                return web.Response(status=answer.status, headers=back, body=await answer.read())
        except ClientError:
            return web.Response(status=502)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        near = web.WebSocketResponse()
        await near.prepare(request)
        headers = {"Origin": request.headers.get("Origin", "")}
        try:
            async with self._client.ws_connect(self._upstream + request.path_qs, headers=headers) as far:
                ways = [asyncio.create_task(self._pump(a, b)) for a, b in ((near, far), (far, near))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await near.close(code=far.close_code or 1001)
        except ClientError:
            await near.close(code=1011)
        return near

    async def _pump(self, source: Socket, sink: Socket) -> None:
        async for message in source:
            if message.type is WSMsgType.TEXT and not await self._loses():
                await sink.send_str(message.data)

    async def _loses(self) -> bool:
        """Let chance decide what happens to one frame: lost, delayed, or carried as it is."""
        if self.deaf or (not self.calm and self._dice.random() < LOST):
            self.lost += 1
            return True
        if not self.calm and self._dice.random() < DELAYED:
            await asyncio.sleep(self._dice.uniform(0, DELAY_MOST))
        self.carried += 1
        return False


@asynccontextmanager
async def lossy(upstream: str, port: int, seed: int, *, sockets: bool = True) -> AsyncIterator[LossyProxy]:
    """Yield a proxy that listens on `port` and carries to the desk at `upstream`."""
    async with ClientSession(auto_decompress=True) as client:
        proxy = LossyProxy(client, upstream, Random(seed), sockets=sockets)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.carry)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield proxy
        finally:
            await runner.cleanup()
