"""One database takes the place of another, whole, or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.copies import merging
from storage.tables import leads, subjects
from tests.crash_desk import ROOT
from tests.premises import Premises, erase


def _stumbles(*given: object) -> None:
    raise RuntimeError


def test_what_fails_midway_leaves_all_as_it_was(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk serves what it served before."""
    folder = premises.back_up()
    visitor = premises.one_person()
    with monkeypatch.context() as fault:
        fault.setattr(merging, "drop_strays", _stumbles)
        with pytest.raises(RuntimeError):
            premises.restore(folder)

    with premises.memory() as memory:
        visitor.memory = memory
        assert memory.count(leads, subject=visitor.subject) == 1
        assert visitor.says("nothing happened").ack


KILLED = """
import os, signal, sys
from storage.copies import merging
from bot.__main__ import run
merging.drop_strays = lambda connection: os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["askfirst", "restore", sys.argv[1]]
run(os.environ)
"""


def test_a_restore_that_was_killed_is_carried_out_again(premises: Premises, database_kind: str) -> None:
    """The old state, or nothing is served; the second time it comes to its end, with what the first one found."""
    visitor = premises.one_person()
    folder = premises.back_up()
    with premises.memory() as memory:
        erase(memory, visitor)

    child = [sys.executable, "-c", KILLED, str(folder)]
    killed = subprocess.run(child, env=premises.environment, cwd=ROOT, check=False)

    assert killed.returncode == -9
    if database_kind == "postgresql":
        assert "restore was interrupted" in premises.terminal.refusal("serve")
    else:
        assert _left(premises)
        assert premises.terminal.run("keys", "status")[0] == 0
        assert not _left(premises)
    done = premises.restore(folder)
    assert (done.people, done.erased) == (1, 1)
    with premises.memory() as memory:
        assert memory.count(subjects) == 0
        assert memory.run(memory.store.session, visitor.token_hash, memory.now()).erased


def _left(premises: Premises) -> list[Path]:
    """Return what a killed restore has left beside the database."""
    return list(Path(premises.data_url.removeprefix("sqlite:///")).parent.glob(".*.restored*"))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_next_restore_removes_what_a_killed_one_left(premises: Premises) -> None:
    """The draft of a keyring goes too, though the next restore brings none."""
    folder = premises.back_up()
    drafts = [Path(url.removeprefix("sqlite:///")) for url in (premises.data_url, premises.keyring_url)]
    drafts = [one.with_name(f".{one.name}.restored{end}") for one in drafts for end in ("", "-wal", "-shm")]
    for draft in drafts:
        draft.write_bytes(b"half a copy")

    premises.restore(folder)

    assert not any(draft.exists() for draft in drafts)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_what_fails_after_a_kill_brings_the_old_data_back(
    premises: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first try had put aside takes its place again."""
    folder = premises.back_up()
    visitor = premises.one_person()
    child = [sys.executable, "-c", KILLED, str(folder)]
    subprocess.run(child, env=premises.environment, cwd=ROOT, check=False)

    with monkeypatch.context() as fault:
        fault.setattr(merging, "drop_strays", _stumbles)
        with pytest.raises(RuntimeError):
            premises.restore(folder)

    with premises.memory() as memory:
        assert memory.count(leads, subject=visitor.subject) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_database_that_a_stranger_has_open_is_not_replaced(premises: Premises) -> None:
    """Its log would be played into the new file."""
    folder = premises.back_up()
    visitor = premises.one_person()
    path = premises.data_url.removeprefix("sqlite:///")

    with closing(sqlite3.connect(path)) as stranger:
        stranger.execute("SELECT * FROM subjects").fetchone()
        assert "another program has" in premises.terminal.refusal("restore", str(folder))

    with premises.memory() as memory:
        assert memory.count(leads, subject=visitor.subject) == 1
    assert premises.restore(folder).people == 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_damaged_current_database_is_one_line(premises: Premises) -> None:
    """Moved away, the backup comes back without it."""
    premises.one_person()
    folder = premises.back_up()
    path = Path(premises.data_url.removeprefix("sqlite:///"))
    path.write_bytes(b"Dear desk, this is no database. " * 512)

    refusal = premises.terminal.refusal("restore", str(folder))
    path.unlink()

    assert "DATABASE_URL" in refusal
    assert premises.restore(folder).people == 1
