"""Folders and files that only the desk's own user may enter."""

import os
from pathlib import Path

FOLDER_MODE = 0o700  # rwx for the owner alone
FILE_MODE = 0o600  # rw for the owner alone


def make_private_folder(folder: Path) -> None:
    """Create the folder and whatever is missing above it, each for the owner alone; leave existing ones as they are."""
    for level in reversed([folder, *folder.parents]):
        level.mkdir(mode=FOLDER_MODE, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Create an empty file for the owner alone, with its folder; leave an existing one as it is."""
    make_private_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
