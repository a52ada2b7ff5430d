"""The desk of the canaries: real processes, everything that they write in one folder, and somebody who watches them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import asyncpg
from aiohttp import ClientSession

from tests.bot_api import TOKEN
from tests.crash_desk import PATIENCE, RETRY_SECONDS, SALES
from tests.house import CONFIG
from tests.receivers import SECRET
from tests.servers import free_port, workers

ROOT = Path(__file__).parent.parent
LONGEST_LINE = 2**22  # bytes that a command prints
LOOK_SECONDS = 0.1  # seconds between two looks at what is running
WITH_CORE_DUMPS = 'ulimit -c "$(ulimit -Hc)"; exec "$@"'  # as an operator may have set it
CRM = """
[[recipients]]
id = "crm"
kind = "webhook"
address = "{url}"
purpose = "contact"
fields = ["name", "phone"]
agreement = "internal rule 7/2026"
country = "CN"
secret_env = "CRM_SECRET"
name = {{ en = "CRM", zh-CN = "客户系统" }}
"""


@dataclass(frozen=True)
class Terminal:
    """An operator's terminal."""

    child: asyncio.subprocess.Process

    async def run(self, *arguments: str, typed: str = "") -> str:
        """Run a command, with a line on its standard input; return what it prints."""
        assert self.child.stdin
        assert self.child.stdout
        self.child.stdin.write(json.dumps([arguments, typed]).encode() + b"\n")
        code, printed = json.loads(await self.child.stdout.readline())
        assert code == 0, arguments
        return str(printed)


class CanaryDesk:
    """The desk's roles as processes of the shell, logging at DEBUG. Everything they write lies under `folder`."""

    def __init__(self, folder: Path, roles: Sequence[str], urls: tuple[str, str], **places: str) -> None:
        """Nothing runs before `start`. Roles that are apart are told of Telegram's updates; `serve` asks for them.

        Args: roles: command lines; urls: of data and keyring; places: where others listen.
        """
        self.folder, self.roles, self.data_url = folder, roles, urls[0]
        self.var, self.port = folder / "var", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        for name in ("tmp", "cwd"):
            (folder / name).mkdir()
        shutil.copytree(CONFIG, folder / "config")
        rules = folder / "config" / "intake.toml"
        every_field = rules.read_text("utf-8").replace("asked = false", "asked = true")
        rules.write_text(every_field + SALES + CRM.format(url=places["crm"]), "utf-8")
        self.environment = {
            "ASKFIRST_VAR": str(self.var),
            "ASKFIRST_CONFIG": str(folder / "config"),
            "DATABASE_URL": urls[0],
            "KEYRING_URL": urls[1],
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "LOG_LEVEL": "DEBUG",
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": places["telegram"],
            "TELEGRAM_WEBHOOK": str(int("serve" not in roles)),
            "SMTP_URL": places["mail"],
            "PATH": os.pathsep.join((places["programs"], os.environ["PATH"])),
            "CRM_SECRET": SECRET,
        }
        self.running: dict[str, Popen[bytes]] = {}

    def start(self) -> None:
        """Start every role that is not running; the operator would let them dump their memory."""
        for role in self.roles:
            if role not in self.running:
                with self._log(role).open("ab") as log:
                    self.running[role] = Popen(
                        ["sh", "-c", WITH_CORE_DUMPS, "sh", sys.executable, "-m", "bot", *role.split()],
                        cwd=self.folder / "cwd",
                        env={**os.environ, **self.environment},
                        stdout=log,
                        stderr=log,
                    )

    async def up(self, client: ClientSession) -> None:
        """Return when it answers."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(OSError):
                    async with client.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(RETRY_SECONDS)

    async def ends(self, role: str, how: signal.Signals) -> None:
        """Send a signal to a role, or to its workers where it has some, and wait until it is gone."""
        process = self.running.pop(role)
        for worker in workers(process.pid) or [process.pid]:
            os.kill(worker, how)
        await asyncio.to_thread(process.wait, PATIENCE)

    @asynccontextmanager
    async def terminal(self) -> AsyncIterator[Terminal]:
        """Yield a terminal in which commands of `askfirst` are run."""
        with (self.folder / "commands.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.canary_commands"),
                cwd=self.folder / "cwd",
                env={**os.environ, **self.environment},
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                limit=LONGEST_LINE,
            )
        try:
            yield Terminal(child)
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.communicate()

    def printed(self) -> str:
        """Return what the roles have printed."""
        return "".join(self._log(role).read_text("utf-8") for role in self.roles)

    def _log(self, role: str) -> Path:
        return self.folder / f"{role.split()[0]}.log"


@asynccontextmanager
async def hidden_messages(data_url: str) -> AsyncIterator[None]:
    """Let an outsider take the table of messages away, so that every turn fails in its middle; put it back."""
    await _as_outsider(data_url, "ALTER TABLE messages RENAME TO hidden_messages")
    try:
        yield
    finally:
        await _as_outsider(data_url, "ALTER TABLE hidden_messages RENAME TO messages")


async def _as_outsider(data_url: str, statement: str) -> None:
    if data_url.startswith("sqlite"):
        with closing(sqlite3.connect(data_url.removeprefix("sqlite:///"), timeout=PATIENCE)) as stranger:
            stranger.execute("PRAGMA secure_delete=OFF")
            stranger.execute(statement)
        return
    connection = await asyncpg.connect(data_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class Watch:
    """Looks at the processes again and again: arguments, environment, temporary files, what PostgreSQL is doing."""

    def __init__(self, desk: CanaryDesk) -> None:
        """Watch this desk from `watching` on."""
        self.seen: set[bytes] = set()
        self.core_limits: dict[int, list[str]] = {}  # as last seen, by process
        self._desk = desk

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look until the block ends."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _look(self) -> None:
        database = None
        if not self._desk.data_url.startswith("sqlite"):
            database = await asyncpg.connect(self._desk.data_url)
        try:
            while True:
                self.seen.update(self._processes(), self._temporary())
                if database:
                    asked = await database.fetch("SELECT query FROM pg_stat_activity WHERE query <> ''")
                    self.seen.update(row["query"].encode() for row in asked)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            if database:
                await database.close()

    def _processes(self) -> Iterator[bytes]:
        for role in self._desk.running.values():
            with suppress(OSError):  # it ended meanwhile, or there is no /proc here
                for pid in (role.pid, *workers(role.pid)):
                    process = Path(f"/proc/{pid}")
                    yield (process / "cmdline").read_bytes()
                    yield (process / "environ").read_bytes()
                    limits = (process / "limits").read_text("ascii").splitlines()
                    [dumps] = [one.split() for one in limits if one.startswith("Max core file size")]
                    self.core_limits[pid] = dumps[4:6]

    def _temporary(self) -> Iterator[bytes]:
        for path in (self._desk.folder / "tmp").rglob("*"):
            with suppress(OSError):
                yield path.name.encode()
                yield path.read_bytes()
