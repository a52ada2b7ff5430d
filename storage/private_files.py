"""Folders and files that only the desk's own user may enter."""

import contextlib
import os
from pathlib import Path

FOLDER_MODE = 0o700  # rwx for the owner alone
FILE_MODE = 0o600  # rw for the owner alone


def make_private_folder(folder: Path) -> None:
    """Create the folder and whatever is missing above it, each for the owner alone; leave existing ones as they are."""
    for level in reversed([folder, *folder.parents]):
        level.mkdir(mode=FOLDER_MODE, exist_ok=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file, for its owner alone, that a power cut does not take back."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def put_in_place(draft: Path, path: Path) -> None:
    """Give a finished draft its name, at once and for good; where that name is taken already, the draft gives way."""
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    _settle(path.parent)


def replace_and_overwrite(path: Path, content: bytes) -> None:
    """Replace a file as a whole, at once and for good; then overwrite what stood in it.

    A journal, snapshots and flash memory may still hold the old content. One process at a time. After a crash
    `clear_leftovers` ends what was begun.
    """
    draft, old = _beside(path)
    write_durably(draft, content)
    old.hardlink_to(path)
    draft.replace(path)
    _settle(path.parent)
    _overwrite(old)


def clear_leftovers(path: Path) -> None:
    """Overwrite and remove what a crash amid `replace_and_overwrite` has left beside the file."""
    for leftover in _beside(path):
        if leftover.exists():
            if leftover.samefile(path):  # the crash came before the replacement: this is the file itself
                leftover.unlink()
            else:
                _overwrite(leftover)


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f".{path.name}.draft"), path.with_name(f".{path.name}.old")


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _settle(path.parent)


def put_over(draft: Path, path: Path) -> None:
    """Give a finished draft its name, at once and for good, in place of what bears it now (or an empty folder)."""
    draft.rename(path)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Make the names in a folder last: else a power cut could take them back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
