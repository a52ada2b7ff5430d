"""The load: sixty-four sockets at once, each waiting for its answer before it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

import orjson
from aiohttp import ClientSession, ClientWebSocketResponse

AT_ONCE = 64  # sockets that talk at the same time
CONSULTATIONS = 640  # in all; ten for each place
ANSWERS: tuple[tuple[str, str], ...] = (
    ("pick", "topic:gateway"),
    ("say", "Do your gateways speak OPC UA over TLS to plant historians?"),
    ("pick", "followup:yes"),
    ("pick", "consent:agree"),
    ("pick", "whose:own"),
    ("say", "Li Na"),
    ("say", "Example Valves Ltd"),
    ("say", "+86 138 0000 0000"),
    ("say", "li.na@example.com"),
    ("say", "Plant engineer"),
    ("pick", "field:industry:energy"),
    ("pick", "review:send"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run showed."""

    turns: int
    seconds: float
    latencies: list[float]  # seconds, ascending

    @property
    def rate(self) -> float:
        """Return turns a second."""
        return self.turns / self.seconds

    def percentile(self, part: float) -> float:
        """Return milliseconds that `part` of the turns stayed under."""
        return self.latencies[min(len(self.latencies) - 1, int(part * len(self.latencies)))] * 1000


async def open_desk_socket(client: ClientSession, url: str) -> ClientWebSocketResponse:
    """Return a socket of a fresh session of the desk, greeted."""
    async with client.post(f"{url}/api/v1/sessions", json={"site": "default", "locale": "en"}) as answer:
        assert answer.status == 201, await answer.text()
        token = (await answer.json())["token"]
    socket = await client.ws_connect(f"{url.replace('http', 'ws')}/api/v1/chat")
    await socket.send_json({"type": "hello", "token": token, "after": 1})
    await socket.receive()
    return socket


async def open_floor_socket(client: ClientSession, url: str, number: int) -> ClientWebSocketResponse:
    """Return a socket of the grouped store whose conversation is opened."""
    socket = await client.ws_connect(f"{url}/?conversation={number}")
    await socket.receive()
    return socket


async def _consult(socket: ClientWebSocketResponse, times: list[float]) -> None:
    for number, (kind, content) in enumerate(ANSWERS):
        frame = {"type": kind, "id": f"c{number}", "text" if kind == "say" else "value": content}
        started = perf_counter()
        await socket.send_str(orjson.dumps(frame).decode())
        await _answered(socket)
        times.append(perf_counter() - started)


async def _answered(socket: ClientWebSocketResponse) -> None:
    """Return when the acknowledgement, the own message and one reply have come."""
    for _ in range(3):
        data = (await socket.receive()).data
        assert b'"error"' not in data.encode()[:30], data


async def measure(opening: Callable[[int], Awaitable[ClientWebSocketResponse]]) -> Measured:
    """Open a socket for every consultation, then hold them all, `AT_ONCE` at a time; only the talk is timed."""
    waiting: list[ClientWebSocketResponse] = []
    for first in range(0, CONSULTATIONS, AT_ONCE):
        waiting += await asyncio.gather(*(opening(n) for n in range(first, first + AT_ONCE)))
    times = list[float]()

    async def place() -> None:
        while waiting:
            await _consult(waiting.pop(), times)

    started = perf_counter()
    await asyncio.gather(*(place() for _ in range(AT_ONCE)))
    seconds = perf_counter() - started
    return Measured(CONSULTATIONS * len(ANSWERS), seconds, sorted(times))
