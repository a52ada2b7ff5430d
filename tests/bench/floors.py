"""The floors: a socket that echoes, and a socket that stores the same bytes in groups without engine and sealing.

`python -m tests.bench.floors echo|store PORT FILE` serves one of them until it is stopped.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
import uvloop
from aiohttp import WSMsgType, web

from storage.connecting import data_engine

# Bytes and rows of an average turn of the desk, read from its database after a run of the same consultations.
STATE_BYTES = 256
MESSAGE_BYTES = 128
MESSAGES = 2  # rows a turn: the visitor's and the desk's
FIELD_BYTES = 128
FRAME_BYTES = 700  # of a message frame with its `expects`

_PAD = "x" * FRAME_BYTES


@dataclass(frozen=True, slots=True)
class Tables:
    """The floor's own three tables."""

    conversations: sa.Table
    messages: sa.Table
    fields: sa.Table


def tables(metadata: sa.MetaData) -> Tables:
    """Return the tables in the shape of the desk's hot path."""
    return Tables(
        sa.Table(
            "conversations",
            metadata,
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("revision", sa.Integer),
            sa.Column("last_seq", sa.Integer),
            sa.Column("state", sa.LargeBinary),
        ),
        sa.Table(
            "messages",
            metadata,
            sa.Column("conversation", sa.Text, primary_key=True),
            sa.Column("seq", sa.Integer, primary_key=True),
            sa.Column("body", sa.LargeBinary),
        ),
        sa.Table(
            "fields",
            metadata,
            sa.Column("conversation", sa.Text, primary_key=True),
            sa.Column("number", sa.Integer, primary_key=True),
            sa.Column("value", sa.LargeBinary),
        ),
    )


class GroupedStore:
    """One writer thread; all waiting turns in one transaction."""

    def __init__(self, path: Path) -> None:
        """Create the tables in `path`."""
        metadata = sa.MetaData()
        self.engine = data_engine(f"sqlite:///{path}")
        self.tables = tables(metadata)
        metadata.create_all(self.engine)
        self.waiting: queue.SimpleQueue[tuple[str, asyncio.Future[int]]] = queue.SimpleQueue()
        self.loop = asyncio.get_running_loop()
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self) -> None:
        while True:
            group = [self.waiting.get()]
            while not self.waiting.empty():
                group.append(self.waiting.get())
            seqs = self._commit([conversation for conversation, _ in group])
            self.loop.call_soon_threadsafe(
                _tell, [(done, seq) for (_, done), seq in zip(group, seqs, strict=True)]
            )

    def _commit(self, conversations: list[str]) -> list[int]:
        table = self.tables.conversations
        with self.engine.begin() as connection:
            found = {
                row.id: row
                for row in connection.execute(sa.select(table).where(table.c.id.in_(conversations)))
            }
            fresh = [
                {"id": name, "revision": 0, "last_seq": 0, "state": b""}
                for name in {*conversations} - {*found}
            ]
            if fresh:
                connection.execute(sa.insert(table), fresh)
            seqs = [found[name].last_seq if name in found else 0 for name in conversations]
            self._save(connection, conversations, seqs)
        return seqs

    def _save(self, connection: sa.Connection, conversations: list[str], seqs: list[int]) -> None:
        table = self.tables.conversations
        changes = [
            {"key": name, "last_seq": seq + MESSAGES, "revision": seq, "state": b"s" * STATE_BYTES}
            for name, seq in zip(conversations, seqs, strict=True)
        ]
        connection.execute(sa.update(table).where(table.c.id == sa.bindparam("key")), changes)
        connection.execute(
            sa.insert(self.tables.messages),
            [
                {"conversation": name, "seq": seq + n + 1, "body": b"m" * MESSAGE_BYTES}
                for name, seq in zip(conversations, seqs, strict=True)
                for n in range(MESSAGES)
            ],
        )
        connection.execute(
            sa.insert(self.tables.fields),
            [
                {"conversation": name, "number": seq, "value": b"f" * FIELD_BYTES}
                for name, seq in zip(conversations, seqs, strict=True)
            ],
        )


def _tell(done: list[tuple[asyncio.Future[int], int]]) -> None:
    for future, seq in done:
        future.set_result(seq)


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
    conversation = request.query["conversation"]
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            store.waiting.put((conversation, done))
            await _answer(socket, orjson.loads(message.data)["id"], await done)
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
