"""A backup is drafted beside its place. What a killed one has left there holds data and keyring side by side: it goes.

.askfirst-backup.XXXX/lock    locked while the backup is being taken, however its process ends
.askfirst-backup.XXXX/whole   gets the backup's name in the end
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from storage.private_files import FILE_MODE, FOLDER_MODE, put_over

PREFIX = ".askfirst-backup."
LOCK, WHOLE = "lock", "whole"


@contextlib.contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """Yield a draft that gets the folder's name when it is finished, and is removed when it is not."""
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=PREFIX))  # 0700
    lock = os.open(draft / f"{LOCK}.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (draft / f"{LOCK}.new").rename(draft / LOCK)  # so nobody ever finds it unlocked
        whole = draft / WHOLE
        whole.mkdir(mode=FOLDER_MODE)
        yield whole
        put_over(whole, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(lock)


def clear_leftovers(place: Path) -> None:
    """Remove the drafts in a folder that nobody writes any more. What cannot be removed there stays."""
    for draft in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # without a lock: nothing is in it yet
            _clear(draft)


def _clear(draft: Path) -> None:
    lock = os.open(draft / LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(draft)
    finally:
        os.close(lock)
