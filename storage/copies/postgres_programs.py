"""PostgreSQL's own programs, which copy a database as a whole: `pg_dump` and `pg_restore`, found on PATH."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from storage.errors import BackupRefused, OperatorMustAct, RestoreRefused

# Nothing of owners and rights: the backup may come back under another user. No question is ever asked.
QUIETLY = ("--no-owner", "--no-privileges", "--no-password")


def dump(url: str, path: Path, tables: Iterable[str], snapshot: str, environment: Mapping[str, str]) -> None:
    """Write these tables, as a snapshot shows them, to a file that exists already. Raises BackupRefused."""
    # Not packed: what is sealed does not get smaller.
    how = ["--format=custom", "--compress=0", f"--snapshot={snapshot}", f"--file={path}"]
    named = [f"--table={table}" for table in tables]
    _run("pg_dump", [*how, *named], url, environment, BackupRefused)


def load(url: str, path: Path, environment: Mapping[str, str]) -> None:
    """Make the tables of a dump, all of them or none. Raises RestoreRefused."""
    how = ["--single-transaction", "--exit-on-error"]
    _run("pg_restore", [*how, str(path)], url, environment, RestoreRefused)


def _run(
    program: str,
    arguments: Sequence[str],
    url: str,
    environment: Mapping[str, str],
    refusal: type[OperatorMustAct],
) -> None:
    found = shutil.which(program, path=environment.get("PATH", ""))
    if found is None:
        raise refusal(
            f"{program} is not on PATH: install the client programs of PostgreSQL, no older than its server"
        )
    address, password = _without_password(url)
    command = [found, *QUIETLY, f"--dbname={address}", *arguments]
    done = subprocess.run(
        command,
        env={**environment, **password, "LC_ALL": "C"},
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        first = done.stderr.strip().partition("\n")[0]
        raise refusal(f"{first or program}; it ended with {done.returncode}")


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return the address, and its password as a variable: the arguments of a program are there for all to see."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    user, _, secret = login.partition(":")
    options = parse_qsl(parts.query)
    given = [unquote(secret), *(value for name, value in options if name == "password")]
    bare = urlencode([option for option in options if option[0] != "password"])
    address = f"postgresql://{user}{at}{hosts}{parts.path}{'?' * bool(bare)}{bare}"
    password = next(filter(None, reversed(given)), "")
    return address, {"PGPASSWORD": password} if password else {}
