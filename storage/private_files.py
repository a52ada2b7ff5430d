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


def put_in_place(draft: Path, path: Path) -> None:
    """Give a finished draft its name, at once and for good; where that name is taken already, the draft gives way."""
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)  # else a power cut could take the name back
    finally:
        os.close(descriptor)
