"""A visitor's programs: a desk with its web application on a real port, plain requests, and sockets that remember."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestServer

from bot.desk import Desk
from bot.running import open_desk
from bot.web.app import make_app
from bot.web.pace import Pace
from tests.house import settings, shipped
from tests.templates import files

PATIENCE = 10.0  # seconds until a frame that should have come counts as missing
CONSULTATION: tuple[Mapping[str, Any], ...] = (
    {"type": "pick", "value": "topic:gateway"},
    {"type": "say", "text": "Do your gateways speak Modbus?"},
    {"type": "pick", "value": "followup:yes"},
    {"type": "pick", "value": "consent:agree"},
    {"type": "pick", "value": "whose:own"},
    {"type": "say", "text": "Li Na"},
    {"type": "say", "text": "Example Valves Ltd"},
    {"type": "say", "text": "+86 138 0000 0000"},
    {"type": "say", "text": "li.na@example.com"},
)


@dataclass
class Talker:
    """One socket: what came over it, and how it was closed."""

    socket: ClientWebSocketResponse
    seen: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0

    async def __aenter__(self) -> Self:
        """Return the talker; leaving the block closes the socket."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket."""
        await self.socket.close()

    async def send(self, **frame: Any) -> str:
        """Send a frame with the next id; return the id."""
        self.asked += 1
        frame.setdefault("id", f"c{self.asked}")
        await self.socket.send_str(orjson.dumps(frame).decode())
        return str(frame["id"])

    async def next(self) -> dict[str, Any]:
        """Return the next frame."""
        message = await self.socket.receive(PATIENCE)
        assert message.type is WSMsgType.TEXT, (message, self.socket.close_code)
        frame: dict[str, Any] = orjson.loads(message.data)
        self.seen.append(frame)
        return frame

    async def until(self, type_: str) -> list[dict[str, Any]]:
        """Return the frames up to the first of a type, that one included."""
        frames = [await self.next()]
        while frames[-1]["type"] != type_:
            frames.append(await self.next())
        return frames

    async def ask(self, **frame: Any) -> list[dict[str, Any]]:
        """Send a frame and return its answer: the ack, the own message and what the desk said next."""
        await self.send(**frame)
        answer = await self.until("ack")
        while answer[-1].get("from") != "bot":
            answer.append(await self.next())
        return answer

    async def closed(self) -> int:
        """Return the close code, reading whatever comes before it."""
        while (message := await self.socket.receive(PATIENCE)).type is WSMsgType.TEXT:
            self.seen.append(orjson.loads(message.data))
        assert self.socket.close_code is not None
        return self.socket.close_code


@dataclass
class Visit:
    """A desk at its address, and whoever calls there."""

    desk: Desk
    client: ClientSession
    server: TestServer

    def at(self, path: str) -> str:
        """Return the address of a path."""
        return str(self.server.make_url(path))

    async def call(self, method: str, path: str, token: str = "", **more: Any) -> ClientResponse:
        """Send a request and read its answer whole."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        async with self.client.request(method, self.at(path), headers=headers, **more) as answer:
            await answer.read()
            return answer

    async def session(self, **body: Any) -> dict[str, Any]:
        """Open a session and return what the desk answered."""
        answer = await self.call("POST", "/api/v1/sessions", json={"site": "default", "locale": "en", **body})
        assert answer.status == 201, await answer.text()
        opened: dict[str, Any] = await answer.json()
        return opened

    async def token(self) -> str:
        """Open a session and return its token."""
        return str((await self.session())["token"])

    async def socket(self, **more: Any) -> Talker:
        """Return a socket that has not said hello."""
        return Talker(await self.client.ws_connect(self.at("/api/v1/chat"), **more))

    async def talker(self, token: str, after: int = 0) -> Talker:
        """Return a socket of a session that was welcomed and has read everything after the watermark."""
        talker = await self.socket()
        await talker.socket.send_json({"type": "hello", "token": token, "after": after})
        welcome = await talker.next()
        assert welcome["type"] == "welcome", welcome
        for _ in range(max(0, welcome["seq"] - after)):
            await talker.next()
        return talker

    async def consulted(self, steps: int = len(CONSULTATION)) -> str:
        """Hold the first steps of a consultation over HTTP; return the token of its session."""
        token = await self.token()
        for number, frame in enumerate(CONSULTATION[:steps]):
            answer = await self.call("POST", "/api/v1/messages", token, json={"id": f"h{number}", **frame})
            assert answer.status == 200, await answer.text()
        return token


@asynccontextmanager
async def visiting(
    folder: Path, *, pace: Pace | None = None, smtp: str = "", **changes: Any
) -> AsyncIterator[Visit]:
    """Yield a visit to a desk on fresh SQLite databases; `smtp` is its mail server, `changes` replace its clock …"""
    chosen = settings(folder / "var", *files(folder), SMTP_URL=smtp)
    async with open_desk(chosen, shipped(), migrate=True) as opened:
        desk = replace(opened, **changes)
        server = TestServer(make_app(desk, pace=pace))
        await server.start_server(access_log=None)
        try:
            async with ClientSession() as client:
                yield Visit(desk, client, server)
        finally:
            await server.close()
            await asyncio.sleep(0)
