"""What a rotation costs those who are talking: 100,000 keys move while consultations go on, beside a desk at rest.

`python -m tests.bench.rewrap` runs it alone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from time import perf_counter

import uvloop
from aiohttp import ClientSession, TCPConnector

from config.load import load
from storage.sources import Sources
from storage.storage import Storage
from tests.bench.load import AT_ONCE, CONSULTATIONS, Measured, measure, open_desk_socket
from tests.house import CONFIG
from tests.servers import free_port

KEYS = 100_000  # data keys; those of about 30,000 people
MADE_AT_ONCE = 2_000  # keys in one transaction of the preparation
ROUNDS = 2  # of each, interleaved; all latencies of a kind count together
LONGEST = 90.0  # seconds that a moving desk is watched in one round
GOAL = 2.0  # times the latency of a desk at rest (issue of this release)


def _opened(folder: Path, clock: Callable[[], datetime]) -> Storage:
    return Storage.open(
        f"sqlite:///{folder}/desk.db",
        f"sqlite:///{folder}/keys/keyring.db",
        f"file:{folder}/keys/kek.json",
        load(CONFIG).rules,
        migrate=True,
        sources=Sources(clock=clock),
    )


def _prepare(folder: Path, *, rotated: bool) -> None:
    """Fill a keyring; `rotated` some minutes ago, so that the worker begins at once."""
    some_minutes_ago = datetime.now(UTC) - timedelta(minutes=5)
    storage = _opened(folder, lambda: some_minutes_ago)
    for _ in range(0, KEYS, MADE_AT_ONCE):
        names = [(os.urandom(16).hex(), "profile.1") for _ in range(MADE_AT_ONCE)]
        storage.thread.submit(storage.keyring.create, names).result()
    if rotated:
        storage.thread.submit(storage.rotation.rotate, "bench").result()
    storage.close()


def _left(folder: Path) -> int:
    """Return how many keys are still to move."""
    with closing(sqlite3.connect(f"file:{folder}/keys/keyring.db?mode=ro", uri=True)) as connection:
        newest = "(SELECT max(epoch) FROM epochs)"
        found = connection.execute(f"SELECT count(*) FROM scope_keys WHERE epoch < {newest}").fetchone()
    return int(found[0])


@contextmanager
def _desk(folder: Path, port: int) -> Iterator[None]:
    environment = {**os.environ, "PORT": str(port), "ASKFIRST_VAR": str(folder), "LOG_LEVEL": "WARNING"}
    child = Popen([sys.executable, "-m", "bot", "serve"], stdout=PIPE, env=environment, text=True)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        yield
    finally:
        child.terminate()
        child.wait(timeout=15)


async def _loads(folder: Path, goes_on: Callable[[], bool]) -> list[Measured]:
    """Return what consultations showed, one load of them after the other, while `goes_on` says so."""
    port, found = free_port(), list[Measured]()
    with _desk(folder, port):
        async with ClientSession(connector=TCPConnector(limit=0)) as session:
            url = f"http://127.0.0.1:{port}"
            while not found or goes_on():
                found.append(await measure(lambda _: open_desk_socket(session, url)))
    return found


class Progress:
    """Watches how the keys move; says so at every look, and when they have."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._began, self.seconds = folder, perf_counter(), 0.0

    def goes_on(self) -> bool:
        """Print how far it is; say whether there is more to come, in time."""
        left, self.seconds = _left(self._folder), perf_counter() - self._began
        print(f"  {self.seconds:>5.0f} s: {KEYS - left:>7,} of {KEYS:,} keys moved", flush=True)
        return left > 0 and self.seconds < LONGEST


async def report() -> None:
    """Measure both desks in turn and print the table."""
    print(f"Moving {KEYS:,} keys to a new epoch during consultations, {AT_ONCE} at once, SQLite")
    resting, moving, seconds, left = list[Measured](), list[Measured](), list[float](), 0
    with tempfile.TemporaryDirectory() as made:
        prepared = {rotated: Path(made) / f"{rotated}" for rotated in (False, True)}
        for rotated, folder in prepared.items():
            await asyncio.to_thread(partial(_prepare, folder, rotated=rotated))
        for number in range(ROUNDS):
            folders = {one: Path(made) / f"{one}-{number}" for one in prepared}
            for one, folder in folders.items():
                shutil.copytree(prepared[one], folder)
            resting += await _loads(folders[False], lambda: False)
            progress = Progress(folders[True])
            moving += await _loads(folders[True], progress.goes_on)
            seconds.append(progress.seconds)
            left = max(left, _left(folders[True]))
    for name, runs in (("at rest", resting), ("while keys move", moving)):
        print(_line(name, runs))
    ratios = [_part(moving, part) / _part(resting, part) for part in (0.5, 0.99)]
    print(
        f"latency {ratios[0]:.2f} times at p50, {ratios[1]:.2f} at p99 (goal: at most {GOAL}); "
        f"moved in {max(seconds):.0f} s, {left:,} left"
    )


def _part(runs: list[Measured], part: float) -> float:
    """Return milliseconds that `part` of all turns of these runs stayed under."""
    whole = sorted(one for run in runs for one in run.latencies)
    return Measured(len(whole), 1, whole).percentile(part)


def _line(name: str, runs: list[Measured]) -> str:
    rate = sum(run.turns for run in runs) / sum(run.seconds for run in runs)
    return (
        f"{name:<28}{rate:>10,.0f} turns/s   p50 {_part(runs, 0.5):>6.1f} ms   "
        f"p99 {_part(runs, 0.99):>6.1f} ms   {len(runs) * CONSULTATIONS:,} consultations"
    )


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(report())
