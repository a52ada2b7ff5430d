"""Which keyring belongs to the data, and how far that keyring must have come at least.

An old copy of the keyring holds keys that were destroyed since: it would undo erasures. Tombstones are never taken
back, so their number tells an old copy from the newest. It is noted in the data database together with the end of each
erasure, in every backup, and in a file outside both databases, the anchor. A keyring that has fewer is refused; so is
data that knows of fewer than its keyring has, an old copy that was put in place by hand.

Whoever takes the keyring, the data and the anchor back to the same day, all three at once, is not noticed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, MetaData, Table, func, inspect, select, update

from storage.connecting import reading
from storage.errors import KeyringRefused
from storage.keyring_tables import certificates, insert_new, installation, scope_keys, tombstones
from storage.private_files import make_private_folder, put_over, write_durably
from storage.tables import audit, erasures, keyring_seen, subjects

ANCHOR = "checkpoint.json"  # its name in ASKFIRST_VAR
FORMAT = "askfirst-checkpoint-1"
MISSING = (
    "the keyring at KEYRING_URL does not know this data: put the newest one back, "
    "or, if it is lost, run `askfirst restore --keyring DIR`"
)


class Checkpoint(NamedTuple):
    """A keyring, by the random id that every copy of it has, and a number of tombstones that it held once."""

    installation: str
    tombstones: int


def of_keyring(connection: Connection) -> Checkpoint:
    """Return which keyring this is and how many tombstones it holds. It was opened before."""
    return Checkpoint._make(connection.execute(select(installation)).one())


def found_keyring(connection: Connection) -> Checkpoint | None:
    """Return the same of a database that may hold no keyring, or that of an older version."""
    return _first(connection, installation)


def of_data(connection: Connection, schema: str | None = None) -> Checkpoint | None:
    """Return what the data knows of its keyring; None before the first start, or where there is no data."""
    return _first(connection, _in(schema, keyring_seen))


def bind(connection: Connection, now: Checkpoint) -> None:
    """Note in the data which keyring it belongs to, and how far that has come."""
    row = {"installation": now.installation, "tombstones": now.tombstones}
    connection.execute(insert_new(connection, keyring_seen), [row])
    note(connection, now)


def note(connection: Connection, now: Checkpoint) -> None:
    """Note in the data how far its keyring has come; never less than before."""
    mine = keyring_seen.c.installation == now.installation
    lower = keyring_seen.c.tombstones < now.tombstones
    connection.execute(update(keyring_seen).where(mine, lower).values(tombstones=now.tombstones))


def must_fit(data: Connection, keyring: Connection, anchor: Anchor | None) -> None:
    """Raises KeyringRefused unless this keyring may serve this data: look before anything is created."""
    known, found = of_data(data), found_keyring(keyring)
    if known is not None and found is None:
        raise KeyringRefused(MISSING)
    if known is None and found is not None and knows_people(keyring) and is_empty(data):
        raise KeyringRefused(
            "the database at DATABASE_URL is new, the keyring is not: run `askfirst restore DIR`, "
            "or give a new database a new keyring"
        )
    if found is not None:
        must_know(found, [known, anchor.read(found.installation) if anchor else None])


def must_know(found: Checkpoint, known: Iterable[Checkpoint | None]) -> None:
    """Raises KeyringRefused when a keyring is another installation's, or older than one of these checkpoints."""
    for one in known:
        if one is not None and one.installation != found.installation:
            raise KeyringRefused(
                f"the keyring is of installation {found.installation[:8]}, this is of {one.installation[:8]}: "
                "name the keyring that it was sealed with"
            )
        if one is not None and one.tombstones > found.tombstones:
            raise KeyringRefused(
                f"the keyring has {found.tombstones} tombstones, {one.tombstones} were written: it is an old copy "
                "and would undo erasures; put the newest one in its place"
            )


def refuse_old_copy(data: Engine, keyring: Engine) -> None:
    """Raises KeyringRefused when the data is an old copy: it does not know of erasures that the keyring has.

    Those that are under way, here or in another process, are not missing. So the keyring is read first: what it has by
    then, the data knows or has begun; and what was begun is read before what is known. Nothing is written: any number
    of processes may look at once.
    """
    with reading(keyring).begin() as connection:
        found = found_keyring(connection)
    with reading(data).begin() as connection:
        begun = {row.id: row.subject for row in connection.execute(select(erasures.c.id, erasures.c.subject))}
        known = of_data(connection)
    if found is None or known is None or known.tombstones >= found.tombstones:
        return
    with reading(keyring).begin() as connection:
        done = set(connection.scalars(select(certificates.c.id).where(certificates.c.id.in_(begun))))
        going = [subject for one, subject in begun.items() if one not in done]
        theirs = select(func.count()).select_from(tombstones).where(tombstones.c.subject.in_(going))
        missing = found.tombstones - known.tombstones - connection.execute(theirs).scalar_one()
    if missing > 0:
        raise KeyringRefused(
            f"the data is an old copy: it does not know {missing} tombstones of its keyring, who was erased would be "
            "back; run `askfirst backup DIR`, then `askfirst restore DIR`, and put old data back by that alone"
        )


class Anchor:
    """What is noted outside both databases: a small file, one entry for each installation that was ever seen here."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> Checkpoint | None:
        """Return what is noted of an installation, or None. Raises KeyringRefused for a file that is no anchor."""
        noted = self._read().get(name)
        return None if noted is None else Checkpoint(name, noted)

    def note(self, now: Checkpoint) -> None:
        """Note how far an installation has come; never less than before. Raises KeyringRefused."""
        try:
            make_private_folder(self._path.parent)
            with _alone(self._path.parent):
                noted = self._read()
                if noted.get(now.installation, -1) < now.tombstones:
                    self._write({**noted, now.installation: now.tombstones})
        except OSError as fault:
            raise KeyringRefused(
                f"{self._path}: {fault.strerror}; ASKFIRST_VAR must name a folder that the desk's user may write"
            ) from None

    def _read(self) -> dict[str, int]:
        try:
            body = json.loads(self._path.read_bytes())
            if body["format"] == FORMAT:
                return {str(name): int(number) for name, number in body["tombstones"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # said below
        raise KeyringRefused(
            f"{self._path} is damaged: make sure that the keyring is the newest, then remove it"
        )

    def _write(self, noted: dict[str, int]) -> None:
        draft = self._path.with_name(f".{self._path.name}")
        draft.unlink(missing_ok=True)
        write_durably(draft, json.dumps({"format": FORMAT, "tombstones": noted}).encode() + b"\n")
        put_over(draft, self._path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change a file of this folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _first(connection: Connection, table: Table) -> Checkpoint | None:
    if not inspect(connection).has_table(table.name, schema=table.schema):
        return None
    row = connection.execute(select(table)).first()
    return None if row is None else Checkpoint._make(row)


def is_empty(data: Connection, schema: str | None = None) -> bool:
    """Tell whether nobody has ever been in the data."""
    tables = (_in(schema, table) for table in (subjects, audit))
    return all(data.execute(select(table).limit(1)).first() is None for table in tables)


def knows_people(keyring: Connection) -> bool:
    """Tell whether a keyring has, or had, keys of people: colleagues alone do not count."""
    keys = select(scope_keys.c.subject).where(scope_keys.c.scope != "staff").limit(1)
    had = select(tombstones.c.subject).limit(1)
    return any(keyring.execute(some).first() is not None for some in (keys, had))


def _in(schema: str | None, table: Table) -> Table:
    return table.to_metadata(MetaData(), schema=schema) if schema else table
