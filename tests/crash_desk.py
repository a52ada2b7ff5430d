"""A whole desk in a process of its own that can be killed, and visitors on the web who do not give up."""

from __future__ import annotations

import asyncio
import io
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, TCPConnector, WSMsgType

from bot.__main__ import main
from bot.commands.office import Office
from intake.events import Event, Picked, Said
from tests.crash_scripts import Script
from tests.house import CONFIG
from tests.servers import free_port

ROOT = Path(__file__).parent.parent
RETRY_SECONDS = 0.05  # seconds between two tries of a visitor whose desk is away
PATIENCE = 60.0  # seconds
ACKS_MAX = 80  # acknowledgements between two kills, at most; a consultation has eighteen
JITTER_SECONDS = 0.01  # seconds; a group of turns takes about as long
SALES = """
[[recipients]]
id = "sales"
kind = "mail"
address = "sales@example.com"
purpose = "contact"
fields = ["name", "company", "phone", "email"]
agreement = "internal rule 7/2026"
country = "CN"
name = { en = "Sales", zh-CN = "销售部" }
"""

forked = multiprocessing.get_context("forkserver")


def serve(environment: Mapping[str, str], log: Path) -> None:
    """Be the desk: the command line itself, in a process that had read the program before."""
    with log.open("a", encoding="utf-8") as out:
        sys.stdout = sys.stderr = out
        main(["serve"], Office(environment, out, io.StringIO()), out)


class KilledDesk:
    """The desk's command line on a folder and a port of its own."""

    def __init__(self, folder: Path, **more: str) -> None:
        """Nothing runs before `start`. What it prints is added to `log`."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log.txt"
        self.var = folder / "var"
        shutil.copytree(CONFIG, folder / "config")
        with (folder / "config" / "intake.toml").open("a", encoding="utf-8") as rules:
            rules.write(SALES)
        self.environment = {
            "ASKFIRST_VAR": str(self.var),
            "ASKFIRST_CONFIG": str(folder / "config"),
            "PORT": str(self.port),
            **more,
        }
        self._process: BaseProcess | subprocess.Popen[bytes]

    def start(self, *, command: bool = False) -> None:
        """Start it; as a `command` of the shell: `python -m bot serve`."""
        if command:
            with self.log.open("ab") as out:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "bot", "serve"],
                    cwd=ROOT,
                    env={**os.environ, **self.environment},
                    stdout=out,
                    stderr=out,
                )
            return
        self._process = forked.Process(target=serve, args=(self.environment, self.log))
        self._process.start()

    async def up(self, client: ClientSession) -> None:
        """Return when it answers."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with client.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except (ClientError, OSError):
                    await asyncio.sleep(RETRY_SECONDS)

    async def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        await self._ended()

    async def stop(self) -> int | None:
        """Ask it to end; return its exit code."""
        self._process.terminate()
        return await self._ended()

    async def _ended(self) -> int | None:
        if isinstance(self._process, subprocess.Popen):
            return await asyncio.to_thread(self._process.wait, PATIENCE)
        await asyncio.to_thread(self._process.join, PATIENCE)
        return self._process.exitcode


class Away(Exception):
    """The desk does not answer just now."""


class WebVisitor(ABC):
    """Somebody who holds a conversation, and sends again, with the same id, what was not acknowledged."""

    def __init__(self, desk: KilledDesk, client: ClientSession, script: Script) -> None:
        """Have a script, and no session yet."""
        self.desk, self.client, self.script = desk, client, script
        self.token = ""
        self.acks: dict[str, int] = {}
        self.certificate, self.gone = "", False  # gone: everything was deleted

    async def hold(self) -> None:
        """Hold the conversation to its end, however often the desk dies meanwhile."""
        await self._surely(self._open)
        for place, event in enumerate(self.script.events, 1):
            if not self.gone:
                await self._surely(partial(self.send, _frame(place, event)))
        assert self.gone == self.script.erases

    @abstractmethod
    async def send(self, frame: Mapping[str, Any]) -> None:
        """Send a frame and note its acknowledgement. Raises Away."""

    async def _surely(self, doing: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await doing()
                except (Away, ClientError, OSError):
                    await asyncio.sleep(RETRY_SECONDS)

    async def _open(self) -> None:
        async with self.client.post(f"{self.desk.url}/api/v1/sessions", json={}) as answer:
            assert answer.status == 201, await answer.text()
            self.token = (await answer.json())["token"]

    def _noted(self, ack: Mapping[str, Any]) -> None:
        assert self.acks.setdefault(ack["id"], ack["seq"]) == ack["seq"]


class HttpVisitor(WebVisitor):
    """Talks over plain HTTP."""

    async def send(self, frame: Mapping[str, Any]) -> None:
        """Post the frame."""
        url, headers = f"{self.desk.url}/api/v1/messages", {"Authorization": f"Bearer {self.token}"}
        async with self.client.post(url, json=frame, headers=headers) as answer:
            told = await answer.json()
        if answer.status == 410:  # the deletion was carried out, only its answer was lost
            self.gone = True
            return
        assert answer.status == 200, told
        self._noted(told["ack"])
        if "erased" in told:
            self.gone, self.certificate = True, told["erased"]["certificate"]["id"]


class SocketVisitor(WebVisitor):
    """Talks over the socket; whenever that breaks, comes back and looks whether everything acknowledged is there."""

    _socket: Any = None

    async def hold(self) -> None:
        """Hold the conversation, and leave."""
        await super().hold()
        await self._leave()

    async def send(self, frame: Mapping[str, Any]) -> None:
        """Send the frame and await its acknowledgement."""
        try:
            if self._socket is None:
                await self._come_back()
            if self.gone:
                return
            await self._socket.send_json(frame)
            while (told := await self._next())["type"] != "ack":
                assert told["type"] in ("message", "erased"), told
            self._noted(told)
            if frame.get("value") == "delete:all":
                await self._farewell()
        except (Away, ClientError, OSError):
            await self._leave()
            raise

    async def _come_back(self) -> None:
        self._socket = await self.client.ws_connect(f"{self.desk.url}/api/v1/chat")
        await self._socket.send_json({"type": "hello", "token": self.token, "after": 0})
        welcome = await self._next()
        self.gone = self.gone or welcome.get("code") == "erased"  # carried out, only its answer was lost
        if self.gone:
            return
        shown = [await self._next() for _ in range(welcome["seq"])]
        assert [message["seq"] for message in shown] == list(range(1, welcome["seq"] + 1))
        mine = {message["id"]: message["seq"] for message in shown if message.get("from") == "visitor"}
        assert mine | self.acks == mine

    async def _next(self) -> dict[str, Any]:
        if (message := await self._socket.receive(PATIENCE)).type is WSMsgType.TEXT:
            return dict(message.json())
        if self._socket.close_code == 4410:
            self.gone = True
            return {"type": "ack"}
        raise Away

    async def _farewell(self) -> None:
        while not self.gone:
            told = await self._next()
            if told["type"] == "erased":
                self.certificate = told["certificate"]["id"]

    async def _leave(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        self._socket = None


def _frame(place: int, event: Event) -> dict[str, Any]:
    if isinstance(event, Said):
        return {"type": "say", "id": f"f{place}", "text": event.text}
    assert isinstance(event, Picked)
    return {"type": "pick", "id": f"f{place}", "value": event.value, "purposes": list(event.purposes)}


class Crowd:
    """Visitors who come one after the other until it is enough."""

    def __init__(self, desk: KilledDesk) -> None:
        """Nobody is there yet."""
        self.desk = desk
        self.enough = asyncio.Event()
        self.visitors: list[WebVisitor] = []
        self._numbers = (number for number in count(1) if number % 3)  # the web's

    @asynccontextmanager
    async def talking(self, sockets: int, others: int) -> AsyncIterator[None]:
        """Let so many talk at a time; afterwards wait until everybody has said everything."""
        connector = TCPConnector(limit=0, force_close=True)
        async with ClientSession(connector=connector) as client, asyncio.TaskGroup() as tasks:
            for kind in (*[SocketVisitor] * sockets, *[HttpVisitor] * others):
                tasks.create_task(self._lane(kind, client))
            yield
            self.enough.set()

    async def heard(self, more: int) -> None:
        """Return when so many acknowledgements more were heard."""
        wanted = self.acknowledged + more
        async with asyncio.timeout(PATIENCE):
            while self.acknowledged < wanted:  # noqa: ASYNC110 -- heard of on many sockets
                await asyncio.sleep(JITTER_SECONDS)

    @property
    def acknowledged(self) -> int:
        """How many acknowledgements were heard so far."""
        return sum(len(visitor.acks) for visitor in self.visitors)

    async def _lane(
        self, kind: Callable[[KilledDesk, ClientSession, Script], WebVisitor], client: ClientSession
    ) -> None:
        while not self.enough.is_set():
            visitor = kind(self.desk, client, Script(next(self._numbers)))
            self.visitors.append(visitor)
            await visitor.hold()


async def killed_at_random(
    desk: KilledDesk, crowd: Crowd, client: ClientSession, kills: int, chance: random.Random
) -> None:
    """Start and kill the desk so many times, after any number of acknowledgements; leave it running."""
    for number in range(kills):
        desk.start(command=number % 4 == 0)
        if chance.random() < 0.8:  # else while it starts
            await desk.up(client)
            await crowd.heard(chance.randrange(ACKS_MAX))
        await asyncio.sleep(chance.uniform(0, JITTER_SECONDS))
        await desk.kill()
    desk.start()
    await desk.up(client)
