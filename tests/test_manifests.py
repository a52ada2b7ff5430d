"""What is restored says what it is; anything else is refused before anything is touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.copies.manifests import DATA, KEYRING, digest
from storage.errors import RestoreRefused
from tests.premises import Premises, change_manifest


def _rename(folder: Path, half: str) -> None:
    """Damage the file of one half."""
    [path] = [path for path in (folder / half).iterdir() if path.name != "manifest.json"]
    with path.open("ab") as file:
        file.write(b"\0")


UNFIT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no backup": (shutil.rmtree, "name the folder of a backup"),
    "no JSON": (lambda folder: (folder / DATA / "manifest.json").write_text("?"), "take another backup"),
    "a list": (lambda folder: (folder / DATA / "manifest.json").write_text("[]"), "take another backup"),
    "another format": (
        lambda folder: change_manifest(folder, DATA, format="askfirst-backup-9"),
        "no manifest",
    ),
    "the keyring": (lambda folder: change_manifest(folder, DATA, holds=KEYRING), "no manifest"),
    "no number": (lambda folder: change_manifest(folder, DATA, tombstones="1"), "no manifest"),
    "no time": (lambda folder: change_manifest(folder, DATA, at="yesterday"), "no manifest"),
    "no zone": (lambda folder: change_manifest(folder, DATA, at="2026-11-23T09:00:00"), "no manifest"),
    "no kind": (lambda folder: change_manifest(folder, DATA, kind="paper"), "no manifest"),
    "no version": (lambda folder: change_manifest(folder, DATA, schema="new"), "no manifest"),
    "no word": (lambda folder: change_manifest(folder, DATA, schema=3), "no manifest"),
    "more": (lambda folder: change_manifest(folder, DATA, more=1), "no manifest"),
    "damaged": (lambda folder: _rename(folder, DATA), "missing or damaged"),
    "another installation": (
        lambda folder: change_manifest(folder, DATA, installation="f" * 32),
        "of installation",
    ),
    "newer": (lambda folder: change_manifest(folder, DATA, schema="9999"), "newer Askfirst"),
}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_an_unfit_backup_is_refused_in_one_line(premises: Premises) -> None:
    """Nothing is touched: the data is as it was, to the byte."""
    premises.one_person()
    whole = premises.back_up()
    database = Path(premises.data_url.removeprefix("sqlite:///"))
    before = digest(database)

    for name, (spoil, refusal) in UNFIT.items():
        folder = premises.folder / name
        shutil.copytree(whole, folder)
        spoil(folder)
        assert refusal in premises.terminal.refusal("restore", str(folder)), name

    assert digest(database) == before


def test_a_backup_of_another_kind_of_database_is_refused(premises: Premises, database_kind: str) -> None:
    """There is no way from the one to the other."""
    folder = premises.back_up()
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[database_kind]
    change_manifest(folder, DATA, kind=other)

    with pytest.raises(RestoreRefused, match=f"of {other}, the address of the data names {database_kind}"):
        premises.restore(folder)
