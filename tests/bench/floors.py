"""The floors: a socket that echoes, and a socket that stores the same bytes in groups without engine and sealing.

`python -m tests.bench.floors echo|store PORT FILE` serves one of them until it is stopped.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
import uvloop
from aiohttp import WSMsgType, web

from storage.connecting import data_engine
from storage.tables import conversations, metadata
from tests.bench.recorded import consultation, together

MESSAGES = 2  # that a turn sends: the visitor's own and the desk's
FRAME_BYTES = 700  # of a message frame with its `expects`

_STANDING = sa.select(conversations).where(conversations.c.id.in_(sa.bindparam("ids", expanding=True)))
_PAD = "x" * FRAME_BYTES


class GroupedStore:
    """One writer thread; all waiting turns in one transaction, each with the rows that the desk wrote for it."""

    def __init__(self, path: Path) -> None:
        """Create the desk's tables in `path`."""
        self.writes = consultation()
        self.engine = data_engine(f"sqlite:///{path}")
        metadata.create_all(self.engine)
        self.waiting: queue.SimpleQueue[tuple[str, int, asyncio.Future[None]]] = queue.SimpleQueue()
        self.loop = asyncio.get_running_loop()
        self.numbers = 0
        threading.Thread(target=self._write, daemon=True).start()

    async def turn(self, person: str, number: int) -> None:
        """Return when the rows of this turn are durable; 0 is the opening."""
        done: asyncio.Future[None] = self.loop.create_future()
        self.waiting.put((person, number, done))
        await done

    def _write(self) -> None:
        while True:
            group = [self.waiting.get()]
            while not self.waiting.empty():
                group.append(self.waiting.get())
            self._commit([(person, number) for person, number, _ in group])
            self.loop.call_soon_threadsafe(_tell, [done for _, _, done in group])

    def _commit(self, turns: list[tuple[str, int]]) -> None:
        persons = [person for person, _ in turns]
        changes = together([self.writes[number] for _, number in turns], persons, self.numbers)
        self.numbers += sum(map(len, changes.values()))
        with self.engine.begin() as connection:
            connection.execute(_STANDING, {"ids": persons}).all()
            for statement, rows in changes.items():
                connection.exec_driver_sql(statement, rows)


def _tell(done: list[asyncio.Future[None]]) -> None:
    for future in done:
        future.set_result(None)


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await _answer(socket, orjson.loads(message.data)["id"], 0)
    return socket


async def _stored(request: web.Request) -> web.WebSocketResponse:
    store: GroupedStore = request.app[STORE]
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    person = f"{int(request.query['conversation']):032x}"
    await store.turn(person, 0)
    await socket.send_str("opened")
    number = 0
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            number += 1
            await store.turn(person, number)
            await _answer(socket, orjson.loads(message.data)["id"], number * MESSAGES)
    return socket


async def _answer(socket: web.WebSocketResponse, name: str, seq: int) -> None:
    """Send what a turn sends: an acknowledgement, the visitor's own message, the desk's with what it expects."""
    await socket.send_str(orjson.dumps({"type": "ack", "id": name, "seq": seq}).decode())
    for n in range(MESSAGES):
        text = _PAD if n else "an answer"
        await socket.send_str(orjson.dumps({"type": "message", "seq": seq + n + 1, "text": text}).decode())


STORE: web.AppKey[GroupedStore] = web.AppKey("store")


async def _serve(mode: str, port: int, path: Path) -> None:
    app = web.Application()
    app.router.add_get("/", _echo if mode == "echo" else _stored)
    if mode == "store":
        app[STORE] = GroupedStore(path)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


def main(arguments: Any) -> None:
    """Serve a floor."""
    mode, port, path = arguments
    uvloop.run(_serve(mode, int(port), Path(path)))


if __name__ == "__main__":
    main(sys.argv[1:])
