"""Several web processes on one port: they start, they stop together, and one that dies takes the others along."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession

from bot.running import open_desk
from tests.house import CONFIG, settings, shipped
from tests.servers import workers
from tests.telegram_people import until

ROOT = Path(__file__).parent.parent
PATIENCE = 60  # seconds for two starts, or for all to end, on a busy machine
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
WEB = [sys.executable, "-m", "bot", "web", "--workers", "2"]


@pytest.fixture
async def environment(tmp_path: Path, data_url: str, keyring_url: str, free_port: int) -> dict[str, str]:
    """What processes are started with, over databases that are laid out."""
    async with open_desk(settings(tmp_path / "var", data_url, keyring_url), shipped(), migrate=True):
        pass
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
        "ASKFIRST_VAR": str(tmp_path / "var"),
        "ASKFIRST_CONFIG": str(CONFIG),
        "DATABASE_URL": data_url,
        "KEYRING_URL": keyring_url,
        "PORT": str(free_port),
    }


@asynccontextmanager
async def running(environment: dict[str, str], *command: str) -> AsyncIterator[Process]:
    """Yield a running command, and end it."""
    started = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=PIPE)
    yield started
    if started.returncode is None:
        started.kill()
        await started.wait()


async def said(process: Process, lines: int) -> list[str]:
    """Return the next lines that a process prints; empty ones when it has ended."""
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        return [(await process.stdout.readline()).decode().strip() for _ in range(lines)]


@pytest.fixture
async def pair(environment: dict[str, str], free_port: int) -> AsyncIterator[Process]:
    """`askfirst web --workers 2`, both of which listen."""
    async with running(environment, *WEB) as started:
        assert await said(started, 2) == [f"web: http://127.0.0.1:{free_port}"] * 2
        yield started


async def up(port: int) -> bool:
    """Say whether anybody answers /healthz."""
    try:
        async with ClientSession() as client, client.get(f"http://127.0.0.1:{port}/healthz") as answer:
            return answer.status == 200
    except ClientConnectionError:
        return False


def alive(worker: int) -> bool:
    """Say whether this process runs; one that ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{worker}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_two_workers_share_the_port_until_they_are_told_to_stop(pair: Process, free_port: int) -> None:
    """Both listen and somebody answers; the stop signal ends both, and that is no failure."""
    started = workers(pair.pid)
    answered = await up(free_port)
    pair.send_signal(signal.SIGTERM)

    code = await asyncio.wait_for(pair.wait(), PATIENCE)

    assert (len(started), answered, code) == (2, True, 0)
    assert not await up(free_port)


async def test_one_that_dies_takes_the_others_along(pair: Process, free_port: int) -> None:
    """Nobody is left listening, and the exit code says that it was no stop."""
    first, _ = workers(pair.pid)
    os.kill(first, signal.SIGKILL)

    code = await asyncio.wait_for(pair.wait(), PATIENCE)

    assert code == 1
    assert not await up(free_port)


async def test_workers_end_with_the_process_that_started_them(pair: Process, free_port: int) -> None:
    """Killed, it cannot end them: they see it themselves, and nobody serves on beside the next start."""
    started = workers(pair.pid)
    pair.kill()
    await pair.wait()

    await until(lambda: not any(map(alive, started)), PATIENCE)

    assert not await up(free_port)


async def test_a_stranger_that_ends_stops_nobody(environment: dict[str, str], free_port: int) -> None:
    """What an entrypoint left behind before it became this command is reaped, and both go on."""
    entrypoint = ["bash", "-c", 'sleep 0.1 & echo $!; exec "$@"', "entrypoint", *WEB]
    async with running(environment, *entrypoint) as process:
        stranger, *listening = await said(process, 3)
        await until(lambda: not Path(f"/proc/{stranger}").exists(), PATIENCE)

        assert listening == [f"web: http://127.0.0.1:{free_port}"] * 2
        assert len(workers(process.pid)) == 2
        assert await up(free_port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
