"""The chat over a WebSocket: whoever says hello is let in, and every frame is answered in its turn, after its commit.

Frames may follow each other without waiting: each becomes a turn at once, so that they can share a commit, and the
answers go out in the order of the frames. News of others (a colleague, another socket of the session) come through the
hub, and wait until no frame does. What goes out, and that every message does so once, is `bot/web/telling.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from bot.hub import Delivery, Typing
from bot.web.appkeys import DESK, PACE, SOCKETS
from bot.web.frames import Asked, BadFrame, Hello, read_asked, read_hello
from bot.web.origins import check_site
from bot.web.pace import Allowance
from bot.web.problems import Problem, unauthorized, unexpected
from bot.web.sessions import find_session, must_chat, turn_of
from bot.web.telling import Teller, error_frame
from bot.web.wire import CLOSE_CODES, HELLO_SECONDS, Wire
from storage.errors import SubjectErased
from storage.records import Session, TurnDone

if TYPE_CHECKING:
    from bot.desk import Desk

AHEAD_MAX = 64  # frames of one socket that may wait for their commits; then reading pauses
SOCKETS_MAX = 32  # sockets of one session in this process


async def chat(request: web.Request) -> web.StreamResponse:
    """`GET /api/v1/chat`: serve one socket until either side closes it."""
    wire = Wire(request)
    if not wire.can_prepare(request):
        raise Problem(426, "upgrade_required", "This is a WebSocket.", headers={"Upgrade": "websocket"})
    await wire.prepare(request)
    socket = ChatSocket(request, wire)
    sockets, gauge = request.app[SOCKETS], request.app[DESK].metrics.sockets
    sockets.add(socket)
    gauge.inc()
    try:
        await socket.serve()
    finally:
        sockets.discard(socket)
        gauge.dec()
    return wire


class _Waiting:
    """A frame whose turn is under way, and what became of it."""

    __slots__ = ("certificate", "done", "fault", "id")

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.done: TurnDone | None = None
        self.certificate: Mapping[str, Any] | None = None
        self.fault: Exception | None = None


class ChatSocket:
    """One socket of a session."""

    def __init__(self, request: web.Request, wire: Wire) -> None:
        """Wait for the hello on `wire`."""
        self._request, self._wire = request, wire
        self._desk: Desk = request.app[DESK]
        self._asked: deque[_Waiting] = deque()
        self._ahead = asyncio.Semaphore(AHEAD_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling = True  # nothing is told before the welcome

    async def serve(self) -> None:
        """Let the visitor in, then talk until either side closes. Never raises what a visitor or network can cause."""
        try:
            hello = await self._hello()
            session = await self._enter(hello.token)
            await self._talk(session, hello.after)
        except BadFrame as fault:
            await self._wire.refuse(fault.frame(), 4400)
        except Problem as problem:
            await self._wire.refuse(error_frame(problem), CLOSE_CODES.get(problem.code, 1011))
        except asyncio.CancelledError:
            await self._wire.part()
        except Exception as fault:
            await self._fail(fault)

    async def go_away(self) -> None:
        """Close because the server stops; the client reconnects and resumes by its watermark."""
        await self._wire.leave(1001)

    async def _hello(self) -> Hello:
        try:
            message = await self._wire.receive(timeout=HELLO_SECONDS)
        except TimeoutError:
            raise Problem(408, "no_hello", "There was no hello in time.") from None
        if message.type is not WSMsgType.TEXT:
            raise BadFrame("bad_frame", "The first frame must be a hello with a token.", fatal=True)
        return read_hello(message.data)

    async def _enter(self, token: str) -> Session:
        session = await find_session(self._desk, token)
        check_site(self._request, session.site)
        must_chat(session)
        if self._desk.hub.watchers(session.conversation) >= SOCKETS_MAX:
            raise Problem(429, "too_fast", "Too many sockets share this session.")
        return session

    async def _talk(self, session: Session, after: int) -> None:
        self._session, self._teller = session, Teller(self._desk, self._wire, session)
        hub = self._desk.hub
        watching = hub.subscribe(session.conversation, session.subject, self._roused, session.token_hash)
        with watching as self._news:
            await self._teller.welcome(after)
            self._telling = False
            self._roused()
            try:
                await self._listen()
            finally:
                await self._settle()

    async def _listen(self) -> None:
        """Read frames until the other side closes. Raises BadFrame or Problem, for the caller to close with."""
        allowance = Allowance(self._request.app[PACE], self._session.conversation)
        while True:
            message = await self._wire.receive()
            if message.type is not WSMsgType.TEXT:
                if message.type is WSMsgType.BINARY:
                    await self._settle()
                    raise BadFrame("bad_frame", "Frames are text.", fatal=True)
                return
            if not allowance.spend():
                await self._settle()
                raise Problem(429, "too_fast", "That was too fast. Nothing of it was kept.")
            try:
                asked = read_asked(message.data)
            except BadFrame as fault:
                if fault.fatal:
                    await self._settle()
                    raise
                await self._wire.tell([fault.frame()])
                continue
            await self._ask(asked)

    async def _ask(self, asked: Asked) -> None:
        turn = turn_of(self._desk, self._session, asked.event, asked)
        if turn.at >= self._session.expires_at:
            await self._settle()
            raise Problem(401, "unauthorized", "The token has expired.")
        await self._ahead.acquire()
        waiting = _Waiting(asked.id)
        self._asked.append(waiting)
        self._begin(self._take(waiting, self._desk.act(turn)))

    async def _take(
        self, waiting: _Waiting, acting: Coroutine[Any, Any, tuple[TurnDone, Mapping[str, Any] | None]]
    ) -> None:
        try:
            waiting.done, waiting.certificate = await acting
        except Exception as fault:
            waiting.fault = fault
        await self._tell_waiting()

    def _roused(self) -> None:
        if not self._asked and not self._telling:  # else the turn under way tells it, in order
            self._begin(self._tell_waiting())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def _settle(self) -> None:
        """Return when every frame that was read is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _tell_waiting(self) -> None:
        """Tell whatever is ready, in order; one task at a time does, the others leave theirs to it."""
        if self._telling:
            return
        self._telling = True
        try:
            while (ready := self._next()) is not None:
                try:
                    await (self._answer(ready) if isinstance(ready, _Waiting) else self._pass_on(ready))
                except Exception as fault:
                    await self._fail(fault)
        finally:
            self._telling = False
        if self._news.dismissed:
            await self._wire.refuse(error_frame(unauthorized()), CLOSE_CODES["unauthorized"])

    def _next(self) -> _Waiting | Delivery | Typing | None:
        """Return what can be told now: the oldest frame if its turn is done, else, if none waits, news of others."""
        if not self._asked:
            return self._news.take()
        first = self._asked[0]
        if first.done is None and first.fault is None:
            return None
        self._ahead.release()
        self._asked.popleft()
        return first

    def _answer(self, waiting: _Waiting) -> Coroutine[Any, Any, None]:
        if waiting.done is not None:
            return self._teller.answer(waiting.id, waiting.done, waiting.certificate)
        assert waiting.fault is not None
        return self._teller.refuse(waiting.id, waiting.fault)

    async def _pass_on(self, news: Delivery | Typing) -> None:
        """Tell what others do and did, unless the token has expired meanwhile."""
        if self._desk.clock() >= self._session.expires_at:
            await self._wire.refuse(error_frame(unauthorized()), CLOSE_CODES["unauthorized"])
        else:
            await (self._teller.typing() if isinstance(news, Typing) else self._teller.relay(news))

    async def _fail(self, fault: Exception) -> None:
        if isinstance(fault, SubjectErased):
            await self._wire.leave(4410)
        else:
            await self._wire.refuse(error_frame(unexpected(fault)), 1011)  # RFC 6455 §7.4.1: internal error
