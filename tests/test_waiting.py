"""The holder of the key-encryption keys is away at the start: the desk waits, says so, and then serves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientResponse, ClientSession, WSServerHandshakeError

from bot.__main__ import main
from bot.commands.office import Office
from tests.house import CONFIG
from tests.key_holders import ROOT_TOKEN, OpenBao, running_openbao
from tests.servers import free_port

ROOT = Path(__file__).parent.parent
PATIENCE = 60  # seconds for a start on a busy machine
NOT_READY = {"status": "not ready", "database": True, "keyring": False, "queue": True}


@pytest.fixture
def environment(tmp_path: Path, free_port: int) -> dict[str, str]:
    """What a desk on SQLite is started with; nobody listens yet where KEK_URL leads."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "VAULT_", "AWS_"))
    }
    return kept | {
        "ASKFIRST_VAR": str(tmp_path / "var"),
        "ASKFIRST_CONFIG": str(CONFIG),
        "PORT": str(free_port),
        "VAULT_TOKEN": ROOT_TOKEN,
        "HOME": str(tmp_path),
    }


@asynccontextmanager
async def desk(environment: dict[str, str], *command: str) -> AsyncIterator[Process]:
    """Yield a process of the desk; end it afterwards."""
    line = [sys.executable, "-m", "bot", *command]
    process = await asyncio.create_subprocess_exec(
        *line, cwd=ROOT, env=environment | {"LOG_FORMAT": "json"}, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def told(process: Process, event: str) -> dict[str, Any]:
    """Return the line of the log that has an event."""
    found: dict[str, Any] = json.loads(await _line(process.stderr, event))
    return found


async def said(process: Process, words: str) -> None:
    """Wait for words to the operator."""
    await _line(process.stdout, words)


async def _line(stream: asyncio.StreamReader | None, words: str) -> bytes:
    assert stream
    async with asyncio.timeout(PATIENCE):
        while words.encode() not in (line := await stream.readline()):
            assert line, "the process has ended"
    return line


def typed(environment: dict[str, str], *command: str) -> tuple[int, str]:
    """Return exit code and errors of a command."""
    errors = StringIO()
    return main(command, Office(environment, StringIO(), StringIO()), errors), errors.getvalue()


async def asked(client: ClientSession, environment: dict[str, str], method: str, path: str) -> ClientResponse:
    """Ask a desk that may not listen yet."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with client.request(
                    method, f"http://127.0.0.1:{environment['PORT']}{path}", json={}
                ) as answer:
                    await answer.read()
                    return answer
            except ClientConnectionError:
                await asyncio.sleep(0.05)


async def test_a_desk_waits_for_its_key_holder_and_then_serves(environment: dict[str, str]) -> None:
    """S10: it is up, not ready, acknowledges nothing, and opens by itself as soon as Vault is unsealed."""
    with running_openbao() as vault:
        environment["KEK_URL"] = vault.enable("transit")
        vault.seal()
        async with desk(environment, "serve") as process, ClientSession() as client:
            line = await told(process, "keys.provider_away")
            up = await asked(client, environment, "GET", "/healthz")
            ready = await asked(client, environment, "GET", "/readyz")
            refused = await asked(client, environment, "POST", "/api/v1/sessions")
            with pytest.raises(WSServerHandshakeError) as closed:
                await client.ws_connect(f"http://127.0.0.1:{environment['PORT']}/api/v1/chat")
            vault.unseal()
            await said(process, "Askfirst is open")
            served = await asked(client, environment, "GET", "/readyz")
            vault.seal()
            later = await asked(client, environment, "POST", "/api/v1/sessions")

    assert line["reason"] == f"{vault.url} does not serve at this moment (VaultDown)"
    assert (up.status, ready.status, await ready.json()) == (200, 503, NOT_READY)
    problem = await refused.json(content_type="application/problem+json")
    assert (refused.status, problem["code"], refused.headers["Retry-After"]) == (503, "not_ready", "5")
    assert (refused.headers["Server"], refused.headers["Cache-Control"]) == ("askfirst", "no-store")
    assert closed.value.status == 503
    assert (served.status, (await served.json())["keyring"]) == (200, True)
    assert later.status == 201  # sealed again: the secrets are in memory, and turns go on


async def test_a_desk_that_still_waits_can_be_stopped(environment: dict[str, str]) -> None:
    """Told to end before it ever opened, it ends, and that is no failure."""
    environment["KEK_URL"] = f"vault://127.0.0.1:{free_port()}/transit/askfirst?tls=0"

    async with desk(environment, "serve") as process:
        await told(process, "keys.provider_away")
        process.send_signal(signal.SIGTERM)
        await process.communicate()

    assert process.returncode == 0


@pytest.mark.parametrize("command", ["serve", "worker", "db"])
def test_a_key_holder_that_refuses_is_not_waited_for(
    command: str, environment: dict[str, str], openbao: OpenBao, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong token is the operator's: one line with the remedy and without the token, exit 1."""
    environment["KEK_URL"] = openbao.enable(f"test-{uuid.uuid4().hex}")
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    assert typed(environment, "db", "upgrade") == (0, "")
    monkeypatch.setenv("VAULT_TOKEN", "s.canary-token")

    code, errors = typed(environment, command, *(["current"] if command == "db" else []))

    assert (code, errors.count("\n")) == (1, 1)
    assert "denies it: VAULT_TOKEN is missing or expired" in errors
    assert "canary" not in errors


def test_a_command_that_does_not_stay_does_not_wait(environment: dict[str, str]) -> None:
    """Whoever typed it reads one line and tries again."""
    environment["KEK_URL"] = f"vault://127.0.0.1:{free_port()}/transit/askfirst?tls=0"

    code, errors = typed(environment, "db", "upgrade")

    assert (code, errors.count("\n")) == (1, 1)
    assert "cannot be reached" in errors
