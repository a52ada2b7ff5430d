"""The chat over a WebSocket: frames in order, each acknowledged after its commit, every message told once.

Frames may follow each other without waiting: each becomes a turn at once, so that they can share a commit, and the
answers go out in the order of the frames. Messages of others (a colleague, another socket of the session) come through
the hub. `told` is the number of the last message that went out; whatever leaves a gap after it is read from the store.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from bot.hub import Delivery
from bot.web.appkeys import DESK, PACE, SOCKETS
from bot.web.frames import SEQ_MAX, Asked, BadFrame, Hello, read_asked, read_hello
from bot.web.origins import check_site
from bot.web.pace import Allowance
from bot.web.problems import Problem, of_storage, unauthorized, unexpected
from bot.web.sessions import find_session, must_chat, sees_masked, turn_of
from bot.web.wire import CLOSE_CODES, HELLO_SECONDS, Wire
from storage.errors import StorageError, SubjectErased
from storage.records import Message, Session, Transcript, TurnDone

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
        self._told = 0
        self._erasure = ""  # the last one that was told here

    async def serve(self) -> None:
        """Let the visitor in, then talk until either side closes. Never raises what a visitor or network can cause."""
        try:
            hello = await self._hello()
            session = await self._enter(hello.token)
            await self._talk(session, hello.after)
        except BadFrame as fault:
            await self._wire.refuse(fault.frame(), 4400)
        except Problem as problem:
            await self._wire.refuse(_error(problem), CLOSE_CODES.get(problem.code, 1011))
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
        hub = self._desk.hub
        self._trust = session.trust
        watching = hub.subscribe(session.conversation, session.subject, self._roused, session.token_hash)
        with watching as self._news:
            transcript = await self._transcript(session.conversation, after)
            self._session, self._told = session, min(after, transcript.last)
            locale = transcript.state.locale
            welcome = {
                "type": "welcome",
                "session": session.conversation,
                "locale": locale,
                "seq": transcript.last,
            }
            await self._wire.tell([welcome, *self._new(transcript)])
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
            await self._wire.refuse(_error(unauthorized()), CLOSE_CODES["unauthorized"])

    def _next(self) -> _Waiting | Delivery | None:
        """Return what can be told now: the oldest frame if its turn is done, else, if none waits, news of others."""
        if not self._asked:
            return self._news.take()
        first = self._asked[0]
        if first.done is None and first.fault is None:
            return None
        self._ahead.release()
        self._asked.popleft()
        return first

    async def _answer(self, waiting: _Waiting) -> None:
        done = waiting.done
        if done is None:
            assert waiting.fault is not None
            await self._refuse(waiting.id, waiting.fault)
        elif done.refused:
            detail = self._desk.wording.say(f"error.{done.refused}", done.state.locale)
            error = {"type": "error", "id": waiting.id, "code": done.refused, "detail": detail}
            await self._relay(Delivery(done), error)
        else:
            if self._told < done.ack - 1:
                await self._catch_up(done.ack)
            ack = {"type": "ack", "id": waiting.id, "seq": done.ack}
            await self._relay(Delivery(done, waiting.certificate), ack)

    async def _refuse(self, id_: str, fault: Exception) -> None:
        problem = (of_storage(fault) if isinstance(fault, StorageError) else None) or unexpected(fault)
        await self._wire.tell([_error(problem, id_)])
        if problem.code in ("erased", "unauthorized"):
            await self._wire.leave(CLOSE_CODES[problem.code])

    async def _pass_on(self, news: Delivery) -> None:
        """Tell what others did, unless the token has expired meanwhile."""
        if self._desk.clock() < self._session.expires_at:
            await self._relay(news)
        else:
            await self._wire.refuse(_error(unauthorized()), CLOSE_CODES["unauthorized"])

    async def _relay(self, delivery: Delivery, *first: Mapping[str, Any]) -> None:
        """Tell `first`, then a committed turn: its messages that are new here, and the erasure it ended in."""
        done, certificate = delivery.done, delivery.certificate
        if done.trust is not None and done.session == self._session.token_hash:
            self._trust = done.trust  # a code was entered, here or in another socket of the session
        everything = certificate is not None and done.scope == "all"
        frames: list[Mapping[str, Any]] = [*first]
        if done.messages and not done.repeated and not everything and done.last > self._told:
            if self._told < done.messages[0].seq - 1:
                await self._catch_up(done.messages[0].seq)
            frames += self._new(done)
        if certificate is not None and done.erasure != self._erasure:
            self._erasure = done.erasure  # the hub brings this socket's own turns too
            frames.append({"type": "erased", "certificate": certificate})
        if frames:
            await self._wire.tell(frames)
        if everything:
            await self._wire.leave(4410)

    async def _catch_up(self, seq: int) -> None:
        """Tell what others committed before message `seq` and the hub has not brought yet."""
        transcript = await self._transcript(self._session.conversation, self._told)
        await self._wire.tell(self._new(transcript, before=seq))

    def _new(self, shown: TurnDone | Transcript, *, before: int = SEQ_MAX) -> list[dict[str, Any]]:
        """Return the frames of the messages that were not told yet, up to `before`, and count them as told."""
        frames = []
        for message in shown.messages:
            if self._told < message.seq < before:
                self._told = message.seq
                frames.append(self._frame(message, shown))
        return frames

    def _frame(self, message: Message, shown: TurnDone | Transcript) -> dict[str, Any]:
        masked = sees_masked(self._desk, self._trust)
        frame: dict[str, Any] = self._desk.wording.frame(
            message, values=shown.values, record=shown.record, masked=masked
        )
        return frame

    async def _transcript(self, conversation: str, after: int) -> Transcript:
        return await self._desk.call(self._desk.storage.store.transcript, conversation, after)

    async def _fail(self, fault: Exception) -> None:
        if isinstance(fault, SubjectErased):
            await self._wire.leave(4410)
        else:
            await self._wire.refuse(_error(unexpected(fault)), 1011)  # RFC 6455 §7.4.1: internal error


def _error(problem: Problem, id_: str | None = None) -> dict[str, Any]:
    named = {} if id_ is None else {"id": id_}
    return {"type": "error", **named, "code": problem.code, "detail": problem.detail, **problem.more}
