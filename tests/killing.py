"""Processes that end by `kill -9` at a chosen moment: between any two commits, and around every call of the provider.

A job works on a `Memory` of its own, in a process of its own, on databases that the test has prepared; the test looks
at what is left and goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from storage.connecting import READS_ONLY
from storage.keys.kek import Provider
from tests.remembering import Memory, remembering
from tests.rooms import Clock

forked = multiprocessing.get_context("forkserver")
PATIENCE = 60  # seconds
NEVER = 10**9
Job = Callable[..., None]  # job(memory, *given), at the top of a module: it is named to the other process


@dataclass(frozen=True)
class Place:
    """Where a killed process worked: its databases, the folder of its KEK file, the time."""

    data_url: str
    keyring_url: str
    folder: Path
    now: datetime


class Doom:
    """Kills this process when it passes its nth moment: the start of a writing transaction, or a provider's call."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def passes(self) -> None:
        """Pass one moment, perhaps the last."""
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def waits_in(self, memory: Memory) -> None:
        """Watch both databases and the provider."""
        for engine in (memory.rooms.engine, memory.rooms.keyring.engine):
            event.listen(engine, "begin", self._begins)
        provider = memory.rooms.keyring.provider
        for name in ("wrap", "unwrap", "renew", "destroy"):
            setattr(provider, name, self._before(provider, name))

    def _begins(self, connection: Connection) -> None:
        if not connection.get_execution_options().get(READS_ONLY):
            self.passes()

    def _before(self, provider: Provider, name: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(provider, name)

        def passing(*given: Any) -> Any:
            self.passes()
            return call(*given)

        return passing


def killed_at(moment: int, place: Place, job: Job, *given: Any) -> bool:
    """Do a job in another process, killed at its nth moment; return whether it was, or had come to its end before."""
    process = forked.Process(target=_work, args=(moment, place, job, given))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def begun(place: Place, job: Job, *given: Any) -> BaseProcess:
    """Begin a job in another process and return the process; the test joins it."""
    process = forked.Process(target=_work, args=(NEVER, place, job, given))
    process.start()
    return process


def _work(moment: int, place: Place, job: Job, given: tuple[Any, ...]) -> None:
    clock = Clock()
    clock.now = place.now
    with remembering(place.data_url, place.keyring_url, place.folder, clock) as memory:
        Doom(moment).waits_in(memory)
        memory.run(job, memory, *given)
