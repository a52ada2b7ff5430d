"""What every command is given: settings, configuration and storage, opened when first used."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from config.load import Loaded, load
from config.settings import Settings
from storage.copies.backup import Places
from storage.keys.checkpoints import ANCHOR
from storage.sources import Sources
from storage.storage import Storage

NUMBER_MAX = 2**31 - 1  # PostgreSQL 8.1, integer
DIGITS = len(str(NUMBER_MAX))


class CommandRefused(Exception):
    """A command that cannot be carried out; the text is one clear line with the remedy, or one for each fault."""


def command(commands: Any, name: str, what: str, **more: Any) -> argparse.ArgumentParser:
    """Add a command that says what it does, in the list of commands and in its own help; return its parser."""
    added: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", **more
    )
    return added


def day(given: str) -> datetime:
    """Return the beginning of a day in UTC, for options such as `--since`."""
    try:
        return datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is no day: write it as 2026-11-30") from None


def number(given: str) -> int:
    """Return a number that a column can hold, for options such as `--after`."""
    if given.isascii() and given.isdigit() and len(given) <= DIGITS and int(given) <= NUMBER_MAX:
        return int(given)
    raise argparse.ArgumentTypeError(f"{given!r} is no whole number from 0 to {NUMBER_MAX}")


@dataclass
class Office:
    """The operator's desk. `say` prints a line, `show` a value as JSON where `--json` was given."""

    environment: Mapping[str, str]
    out: TextIO
    inlet: TextIO
    sources: Sources = field(default_factory=Sources)

    def clock(self) -> datetime:
        """Return the time."""
        return self.sources.clock()

    @cached_property
    def settings(self) -> Settings:
        """Return the settings of the environment. Raises SettingsInvalid."""
        return Settings.from_environment(self.environment)

    @cached_property
    def loaded(self) -> Loaded:
        """Return what is configured. Raises RulesInvalid."""
        return load(Path(self.settings.config_dir))

    @property
    def places(self) -> Places:
        """Return where the installation lies: for what copies it as a whole."""
        chosen = self.settings
        return Places(
            database_url=chosen.database_url,
            keyring_url=chosen.keyring_url,
            kek_url=chosen.kek_url,
            anchor=chosen.var / ANCHOR,
            environment=self.environment,
        )

    @contextmanager
    def storage(self, *, migrate: bool = False, old_copy: bool = False) -> Iterator[Storage]:
        """Yield opened storage; every call of it goes through `storage.thread`. Raises OperatorMustAct."""
        chosen = self.settings
        opened = Storage.open(
            chosen.database_url,
            chosen.keyring_url,
            chosen.kek_url,
            self.loaded.rules,
            migrate=migrate,
            public_url=chosen.public_url,
            sources=self.sources,
            anchor=chosen.var / ANCHOR,
            old_copy=old_copy,
        )
        try:
            yield opened
        finally:
            opened.close()

    def say(self, line: str) -> None:
        """Print a line."""
        print(line, file=self.out, flush=True)

    def show(self, value: Any) -> None:
        """Print a value as JSON."""
        print(json.dumps(value, ensure_ascii=False, indent=2, default=str), file=self.out)

    def given(self, argument: str) -> str:
        """Return an argument; "-" means the first line of standard input, so that it stands in no shell history."""
        return self.inlet.readline().strip() if argument == "-" else argument
