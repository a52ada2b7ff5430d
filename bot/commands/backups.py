"""`backup DIR` and `restore DIR`: the data and the keyring, apart; never a key-encryption key."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bot.commands.office import Office, command
from storage.copies import backup
from storage.copies.manifests import DATA, KEYRING
from storage.copies.restoring import Restore


def add(commands: Any) -> None:
    """Add `backup` and `restore` to the command line."""
    backing = command(
        commands, "backup", "copy data and keyring, never a KEK, into a new folder; the desk may run"
    )
    backing.add_argument(
        "folder", metavar="DIR", type=Path, help="a folder that is not there yet, or is empty"
    )
    backing.set_defaults(run=_backup)
    restoring = command(
        commands,
        "restore",
        "put old data back under the current keyring; whoever was erased since stays erased; the desk must not run",
    )
    restoring.add_argument("folder", metavar="DIR", type=Path, help="the folder that `backup` has written")
    restoring.add_argument(
        "--keyring",
        action="store_true",
        help="put the backup's keyring back too, where there is none any more",
    )
    restoring.set_defaults(run=_restore)


def _backup(asked: argparse.Namespace, office: Office) -> int:
    with office.storage(old_copy=True) as storage:
        storage.thread.submit(
            lambda: backup.take(
                office.places, storage, asked.folder, office.clock(), writer=office.sources.new_id()
            )
        ).result()
    for half in (DATA, KEYRING):
        office.say(f"{asked.folder / half}")
    office.say("Move one of the two elsewhere: whoever holds both and the KEK opens everything.")
    return 0


def _restore(asked: argparse.Namespace, office: Office) -> int:
    restore = Restore(
        places=office.places,
        folder=asked.folder,
        rules=office.loaded.rules,
        with_keyring=asked.keyring,
        sources=office.sources,
    )
    done = restore.carry_out()
    office.say(
        f"{done.people} people restored; {done.erased} of them had been erased since and are erased again; "
        f"{done.mended} lost what was moved to another key since or cannot be opened"
    )
    return 0
