"""What a killed backup leaves beside its place: data and keyring side by side, gone at the next backup or restore."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storage.copies import drafting
from storage.copies.manifests import DATA, KEYRING
from tests.crash_desk import ROOT
from tests.premises import Premises

KILLED = """
import os, signal, sys
from storage.copies import drafting
from bot.__main__ import run
drafting.put_over = lambda draft, folder: os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["askfirst", "backup", sys.argv[1]]
run(os.environ)
"""


def _left(place: Path) -> list[Path]:
    return list(place.glob(f"{drafting.PREFIX}*"))


@pytest.mark.parametrize("then", ["backup", "restore"])
def test_what_a_killed_backup_left_is_removed(premises: Premises, tmp_path: Path, then: str) -> None:
    """By the next backup that is taken there, and by the restore of one that lies there."""
    folder = premises.back_up()
    child = [sys.executable, "-c", KILLED, str(tmp_path / "killed")]
    killed = subprocess.run(child, env=premises.environment, cwd=ROOT, check=False)
    [left] = _left(tmp_path)

    assert killed.returncode == -9
    assert {path.name for path in (left / drafting.WHOLE).iterdir()} == {DATA, KEYRING}
    if then == "backup":
        premises.back_up("another")
    else:
        premises.restore(folder)
    assert not _left(tmp_path)


def test_a_backup_that_is_being_taken_is_left_alone(tmp_path: Path) -> None:
    """Two at once do not remove each other's draft, nor one that has just begun; each gets its own name."""
    begun = tmp_path / f"{drafting.PREFIX}begun"
    begun.mkdir()
    with drafting.drafted(tmp_path / "one") as one:
        drafting.clear_leftovers(tmp_path)
        (one / DATA).mkdir()

    drafting.clear_leftovers(tmp_path)

    assert (tmp_path / "one" / DATA).is_dir()
    assert _left(tmp_path) == [begun]
