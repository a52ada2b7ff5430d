"""A whole installation that can be backed up, lose its disk and be restored, with people who talk to it in between."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from intake.rules import Rules
from storage.connecting import is_async
from storage.copies import backup, postgres_programs
from storage.copies.backup import Places
from storage.copies.manifests import DATA, KEYRING
from storage.copies.replaying import Replayed
from storage.copies.restoring import Restore
from storage.keys.checkpoints import ANCHOR
from storage.sources import Sources
from storage.storage import Storage
from tests.house import CONFIG, shipped
from tests.remembering import CRM, MAILBOX, PARTNER, Memory, Visitor
from tests.rooms import Clock, Rooms
from tests.test_command_line import Terminal


@cache
def _rules() -> Rules:
    return replace(shipped().rules, recipients={one.id: one for one in (CRM, MAILBOX, PARTNER)})


@dataclass
class Premises:
    """Where everything lies. `databases` makes empty ones; `path` has the programs of PostgreSQL."""

    folder: Path
    data_url: str
    keyring_url: str
    databases: Callable[[str], str]
    path: str
    clock: Clock = field(default_factory=Clock)
    rules: Rules = field(default_factory=_rules)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))  # of what visitors send

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of this installation."""
        return {
            "ASKFIRST_VAR": str(self.folder / "var"),
            "ASKFIRST_CONFIG": str(CONFIG),
            "DATABASE_URL": self.data_url,
            "KEYRING_URL": self.keyring_url,
            "PATH": self.path,
        }

    @property
    def terminal(self) -> Terminal:
        """Return a terminal of this installation."""
        return Terminal(self.environment)

    @property
    def kek_url(self) -> str:
        """Return where the KEK lies."""
        return f"file:{self.folder}/var/keys/kek.json"

    @property
    def places(self) -> Places:
        """Return where everything lies, as the storage is told."""
        return Places(
            database_url=self.data_url,
            keyring_url=self.keyring_url,
            kek_url=self.kek_url,
            anchor=self.anchor,
            environment=self.environment,
        )

    @property
    def anchor(self) -> Path:
        """Return the file outside both databases."""
        return self.folder / "var" / ANCHOR

    @contextmanager
    def storage(self) -> Iterator[Storage]:
        """Yield the storage as a process opens it."""
        opened = Storage.open(
            self.data_url,
            self.keyring_url,
            self.kek_url,
            self.rules,
            migrate=True,
            anchor=self.anchor,
            sources=Sources(clock=self.clock),
        )
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        """Yield the same as tests of memory have it."""
        with self.storage() as opened:
            rooms = Rooms(opened.engine, opened.keyring, self.clock, opened.thread)
            yield Memory(rooms, self.rules, opened.store, self.numbers)

    def back_up(self, name: str = "backup") -> Path:
        """Take a backup and return its folder; then some time passes."""
        folder = self.folder / name
        with self.storage() as opened:
            opened.thread.submit(
                lambda: backup.take(self.places, opened, folder, self.clock(), writer="backup")
            ).result()
        self.clock.tick(hours=1)
        return folder

    def restore(self, folder: Path, **more: Any) -> Replayed:
        """Put a backup back; then some time passes."""
        given: dict[str, Any] = {"with_keyring": False, "sources": Sources(clock=self.clock), **more}
        done = Restore(places=self.places, folder=folder, rules=self.rules, **given).carry_out()
        self.clock.tick(minutes=1)
        return done

    def one_person(self) -> Visitor:
        """Let somebody send a lead."""
        with self.memory() as memory:
            visitor = Visitor(memory)
            visitor.sends()
        return visitor

    def lose_data(self) -> None:
        """Lose the disk with the data."""
        self.data_url = self.databases("desk-again")

    def lose_keyring(self) -> None:
        """Lose the keyring's disk."""
        self.keyring_url = self.databases("keyring-again")

    def put_old_keyring(self, folder: Path) -> None:
        """Put the keyring of a backup in place by hand, as nobody should."""
        self.keyring_url = self._loaded(folder / KEYRING, "keyring")

    def put_old_data(self, folder: Path) -> None:
        """Put the data of a backup in place by hand, as nobody should."""
        self.data_url = self._loaded(folder / DATA, "desk")

    def _loaded(self, half: Path, name: str) -> str:
        url = self.databases(f"{name}-by-hand")
        if is_async(url):
            postgres_programs.load(url, half / f"{name}.dump", self.environment)
        else:
            shutil.copy(half / f"{name}.db", url.removeprefix("sqlite:///"))
        return url


def erase(memory: Memory, visitor: Visitor) -> None:
    """Erase a whole person."""
    erasure = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="officer")
    memory.run(memory.store.finish_erasure, erasure)


def change_manifest(folder: Path, half: str, **changes: Any) -> None:
    """Change the manifest of one half of a backup."""
    path = folder / half / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), encoding="utf-8")
