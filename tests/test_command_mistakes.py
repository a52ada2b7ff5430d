"""What an operator's mistake, or a fault amid a command, looks like: one line, never a traceback."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.commands.office import Office
from tests.documents import ROOT
from tests.house import CONFIG


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office whose desk lives in an empty folder."""
    return _office(tmp_path)


def _office(folder: Path, typed: bytes = b"") -> Office:
    environment = {"ASKFIRST_VAR": str(folder / "var"), "ASKFIRST_CONFIG": str(CONFIG)}
    return Office(environment, StringIO(), TextIOWrapper(BytesIO(typed), encoding="utf-8"))


def _refusal(office: Office, *arguments: str) -> str:
    errors = StringIO()
    assert main(arguments, office, errors) == 1
    assert errors.getvalue().count("\n") == 1
    return errors.getvalue()


def test_a_database_that_fails_in_the_middle_is_one_line(office: Office, tmp_path: Path) -> None:
    """A table is missing, a disk is full: the class of the fault and where to look, no statement of it."""
    main(["db", "upgrade"], office, StringIO())
    with closing(sqlite3.connect(tmp_path / "var" / "desk.db")) as database:
        database.execute("DROP TABLE conversations")

    refusal = _refusal(office, "retention", "run")

    assert "a database failed (OperationalError)" in refusal
    assert "conversations" not in refusal


def test_what_is_no_text_is_one_line(tmp_path: Path) -> None:
    """Bytes of another encoding on standard input."""
    refusal = _refusal(_office(tmp_path, b"\xff\n"), "staff", "add", "-", "--role", "sales")

    assert refusal == "askfirst: what was given, or is to be printed, is no text in UTF-8\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("--help", 0), ("check", 1), ("keys status --json", 0)],
)
def test_who_reads_only_the_beginning_gets_no_traceback(
    office: Office, tmp_path: Path, arguments: str, code: int
) -> None:
    """As with `| head -1`: the command ends in silence, with 1 where it was still at work."""
    main(["db", "upgrade"], office, StringIO())
    closed, output = os.pipe()
    os.close(closed)
    with os.fdopen(output, "wb") as nobody:
        left = subprocess.run(
            [sys.executable, "-m", "bot", *arguments.split()],
            cwd=ROOT,
            env={**os.environ, **office.environment, "PYTHONUNBUFFERED": ""},
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert (left.returncode, left.stderr.decode()) == (code, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "export", "--since", "2026-11-01", "--after", "99999999999999999999"),
        ("audit", "export", "--since", "2026-11-01", "--after", "-1"),
        ("keys", "retire", "99999999999999999999"),
    ],
)
def test_a_number_that_fits_nowhere_is_wrong_usage(
    office: Office, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """argparse says which one, and leaves with 2."""
    with pytest.raises(SystemExit) as left:
        main(arguments, office, StringIO())

    assert left.value.code == 2
    assert "argument" in capsys.readouterr().err
