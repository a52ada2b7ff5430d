"""Run the benchmarks: `python -m tests.bench`. Servers are processes of their own on loopback, stopped at the end."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import uvloop
from aiohttp import ClientSession, TCPConnector

from tests.bench import lookup, rewrap, sealing, widget
from tests.bench.load import CONSULTATIONS, Measured, measure, open_desk_socket, open_floor_socket
from tests.servers import free_port

ROUNDS = 3  # interleaved; the median counts
GOAL = 0.3  # of the grouped store's rate (issue of the first release)


@contextmanager
def running(*command: str, **environment: str) -> Iterator[None]:
    """Run a server until the block ends; it says "ready" or the like on its first line."""
    child = Popen([sys.executable, "-m", *command], stdout=PIPE, env={**os.environ, **environment}, text=True)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        yield
    finally:
        child.terminate()
        child.wait(timeout=15)


@asynccontextmanager
async def client() -> AsyncIterator[ClientSession]:
    """Yield a client without a bound on connections."""
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        yield session


async def once(mode: str, folder: Path) -> Measured:
    """Return what one run of one mode shows."""
    port = free_port()
    async with client() as session:
        if mode == "desk":
            with running("bot", "serve", PORT=str(port), ASKFIRST_VAR=str(folder), LOG_LEVEL="WARNING"):
                url = f"http://127.0.0.1:{port}"
                return await measure(lambda _: open_desk_socket(session, url))
        with running("tests.bench.floors", mode, str(port), str(folder / "floor.db")):
            url = f"ws://127.0.0.1:{port}"
            if mode == "store":
                return await measure(lambda n: open_floor_socket(session, url, n))
            return await measure(lambda _: session.ws_connect(url))


def _line(name: str, runs: list[Measured]) -> str:
    middle = sorted(runs, key=lambda run: run.rate)[len(runs) // 2]
    return (
        f"{name:<28}{middle.rate:>10,.0f} turns/s   p50 {middle.percentile(0.5):>6.1f} ms   "
        f"p99 {middle.percentile(0.99):>6.1f} ms"
    )


async def main() -> None:
    """Measure the whole turn on the web socket beside its two floors, and print the table."""
    found: dict[str, list[Measured]] = {"echo": [], "store": [], "desk": []}
    for _ in range(ROUNDS):
        for mode, runs in found.items():
            with tempfile.TemporaryDirectory() as folder:
                runs.append(await once(mode, Path(folder)))
    print(f"A whole turn on the web socket: {CONSULTATIONS} consultations of 12 turns, 64 at once, SQLite")
    print(_line("echo", found["echo"]))
    print(_line("grouped store, same bytes", found["store"]))
    print(_line("the desk", found["desk"]))
    rates = {mode: sorted(run.rate for run in runs)[ROUNDS // 2] for mode, runs in found.items()}
    part = rates["desk"] / rates["store"]
    print(f"the desk reaches {part:.2f} of the grouped store (goal: at least {GOAL})")
    await widget.report()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
    sealing.report()
    lookup.report()
    asyncio.run(rewrap.report())
