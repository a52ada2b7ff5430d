"""What lies beside each half of a backup: what it is, of when, of which installation. No personal value.

DIR/data/manifest.json      DIR/data/desk.db        or desk.dump on PostgreSQL
DIR/keyring/manifest.json   DIR/keyring/keyring.db  or keyring.dump
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from storage import keyring_tables, tables
from storage.errors import RestoreRefused
from storage.keys.checkpoints import Checkpoint
from storage.private_files import write_durably

FORMAT = "askfirst-backup-1"
DATA, KEYRING = "data", "keyring"  # the two halves, and the folders that they lie in
NAME = "manifest.json"
SQLITE, POSTGRESQL = "sqlite", "postgresql"  # kinds of database
TABLES = {
    DATA: frozenset((*tables.metadata.tables, "alembic_version")),
    KEYRING: frozenset(keyring_tables.metadata.tables),
}
FILES = {
    (DATA, SQLITE): "desk.db",
    (DATA, POSTGRESQL): "desk.dump",
    (KEYRING, SQLITE): "keyring.db",
    (KEYRING, POSTGRESQL): "keyring.dump",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One half of a backup."""

    format: str
    holds: str  # data or keyring
    at: str  # when the backup was begun, RFC 3339; the same in both halves
    kind: str  # of database
    schema: str  # its version
    installation: str
    tombstones: int  # how many the keyring had
    sha256: str  # of the file beside it

    @property
    def file(self) -> str:
        """Return the name of the file beside it."""
        return FILES[self.holds, self.kind]

    @property
    def checkpoint(self) -> Checkpoint:
        """Return which keyring the backup is of, and how far it had come."""
        return Checkpoint(self.installation, self.tombstones)

    @property
    def taken(self) -> datetime:
        """Return when the backup was begun."""
        return datetime.fromisoformat(self.at)

    def write(self, folder: Path) -> None:
        """Write it into the folder of its half."""
        write_durably(folder / NAME, json.dumps(asdict(self), indent=1).encode() + b"\n")

    @classmethod
    def read(cls, backup: Path, half: str, kind: str) -> Manifest:
        """Return the manifest of one half, whose file was looked at. Raises RestoreRefused for anything unfit."""
        path = backup / half / NAME
        try:
            found = cls(**json.loads(path.read_bytes()))
            fits = (found.format, found.holds, type(found.tombstones)) == (FORMAT, half, int)
            known = fits and found.taken.tzinfo is not None and (half, found.kind) in FILES
            known = known and found.schema.isdecimal()
        except FileNotFoundError:
            raise RestoreRefused(f"{path} is missing: name the folder of a backup") from None
        except (ValueError, TypeError, AttributeError):
            known = False
        if not known:
            raise RestoreRefused(f"{path} is no manifest that this version knows: take another backup")
        if found.kind != kind:
            raise RestoreRefused(f"this backup is of {found.kind}, the address of the {half} names {kind}")
        found._must_be_whole(path.with_name(found.file))
        return found

    def _must_be_whole(self, path: Path) -> None:
        if not path.is_file() or digest(path) != self.sha256:
            raise RestoreRefused(f"{path} is missing or damaged: take another backup")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
