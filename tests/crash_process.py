"""The process that is killed: storage, engine and grouped turns, as in the desk, acknowledging into a pipe.

`talk` runs in a process of its own and is killed in the middle of whatever it does. It is told how far each
conversation was acknowledged, sends what comes next once more (nobody knows whether it was carried out), and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeVar

from bot.turn import Turns
from intake.rules import Rules
from storage.errors import NotFound, SubjectErased
from storage.records import TurnDone
from storage.storage import Storage
from tests.crash_scripts import Script, with_sales

T = TypeVar("T")

LANES = 6  # conversations at the same time
AHEAD = 2  # events that a visitor sends without waiting for the acknowledgement
CHORES_EVERY = 0.03  # seconds; the worker's are a minute apart, here the kill is to hit them too


class Ack(NamedTuple):
    """An acknowledgement: of which event of which conversation, its message's number, the certificate of an erasure."""

    number: int
    place: int  # 0: the opening
    seq: int = 0
    certificate: str = ""


def opened(folder: Path, rules: Rules) -> Storage:
    """Return the storage in a folder, as `serve` opens it."""
    return Storage.open(
        f"sqlite:///{folder}/desk.db",
        f"sqlite:///{folder}/keyring.db",
        f"file:{folder}/kek.json",
        rules,
        migrate=True,
    )


def talk(folder: Path, acknowledged: Mapping[int, int], people: int, report: Connection) -> None:
    """Hold the conversations of `people` persons to their end; report "ready", every `Ack`, and "done"."""
    rules = with_sales()
    storage = opened(folder, rules)
    report.send("ready")
    asyncio.run(_Talk(storage, rules, acknowledged, report).everybody(people))
    storage.close()
    report.send("done")


class _Talk:
    """All conversations of one process."""

    def __init__(
        self, storage: Storage, rules: Rules, acknowledged: Mapping[int, int], report: Connection
    ) -> None:
        self._storage, self._acknowledged, self._report = storage, acknowledged, report
        self._turns = Turns(storage.store, storage.thread, rules)

    async def everybody(self, people: int) -> None:
        """Hold the conversations, some at a time, with the worker's chores beside them."""
        scripts = iter([Script(number) for number in range(1, people + 1)])
        chores = asyncio.create_task(self._chores())
        await asyncio.gather(*(self._lane(scripts) for _ in range(LANES)))
        chores.cancel()
        await asyncio.gather(chores, return_exceptions=True)

    async def _lane(self, scripts: Iterator[Script]) -> None:
        for script in scripts:
            try:
                await self._hold(script)
            except (SubjectErased, NotFound):
                # the deletion was carried out, only its acknowledgement was lost
                self._report.send(Ack(script.number, len(script.events)))

    async def _hold(self, script: Script) -> None:
        told = self._acknowledged.get(script.number, -1)
        if told < 0:
            await self._open(script)
        for place in range(max(told, 0) + 1, len(script.events) + 1, AHEAD):
            ahead = range(place, min(place + AHEAD, len(script.events) + 1))
            await asyncio.gather(*(self._say(script, one) for one in ahead))

    async def _open(self, script: Script) -> None:
        try:
            await self._call(self._storage.store.transcript, script.conversation, 0)
        except NotFound:
            await self._turns.take(script.opening(datetime.now(UTC)))
        self._report.send(Ack(script.number, 0))

    async def _say(self, script: Script, place: int) -> None:
        turn = script.turn(place, datetime.now(UTC))
        done = await self._turns.take(turn)
        if done.refused:
            raise AssertionError(f"person {script.number}, event {place}: {done.refused}")
        self._report.send(Ack(script.number, place, done.ack, await self._certificate(done)))

    async def _certificate(self, done: TurnDone) -> str:
        if not done.erasure:
            return ""
        return str((await self._call(self._storage.store.finish_erasure, done.erasure))["id"])

    async def _chores(self) -> None:
        while True:
            await self._call(self._storage.store.sweep, datetime.now(UTC))
            while await self._call(self._storage.chain.append, datetime.now(UTC)):
                pass
            await self._call(self._storage.truncate_logs)
            await asyncio.sleep(CHORES_EVERY)

    async def _call(self, function: Callable[..., T], *given: object) -> T:
        return await asyncio.wrap_future(self._storage.thread.submit(function, *given))
