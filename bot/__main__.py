"""The command line: `askfirst`, also `python -m bot`. Exit 0 done, 1 refused or failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

from bot.commands import audit, backups, keys, leads, operations, processes, receipts, staff, subjects
from bot.commands.office import CommandRefused, Office
from config.settings import SettingsInvalid
from intake.faults import RulesInvalid
from storage.connecting import FAULTS
from storage.errors import StorageError

# Bytes of a core dump: too few for any, and with exactly 1 Linux hands none to a program either (fs/coredump.c).
CORE_BYTES = 1

BROKEN = "a database failed ({}): see that both answer, fit this version (`db upgrade`) and have room"
FAMILIES = (processes, operations, backups, keys, staff, leads, subjects, audit, receipts)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = argparse.ArgumentParser(prog="askfirst", description="A consultation desk that asks first.")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for family in FAMILIES:
        family.add(commands)
    return whole


def main(arguments: Sequence[str], office: Office, errors: TextIO) -> int:
    """Run one command; an operator's mistake is one clear line with its remedy, never a traceback."""
    asked = parser().parse_args(arguments)
    try:
        return int(asked.run(asked, office) or 0)
    except (SettingsInvalid, RulesInvalid) as invalid:
        for fault in invalid.faults:
            print(f"askfirst: {fault}", file=errors)
    except BrokenPipeError:  # whoever read what is printed has enough, such as `head`
        return 1
    except (CommandRefused, StorageError, OSError) as refused:
        for line in str(refused).splitlines():
            print(f"askfirst: {line}", file=errors)
    except FAULTS as fault:  # its text may have a statement in it
        print(f"askfirst: {BROKEN.format(type(fault).__name__)}", file=errors)
    except UnicodeError:
        print("askfirst: what was given, or is to be printed, is no text in UTF-8", file=errors)
    except KeyboardInterrupt:
        print("askfirst: stopped", file=errors)
    return 1


def leave_no_memory_behind() -> None:
    """See to it that this process and its children, should they crash, write no file with what is open in them."""
    with suppress(ValueError):  # the limit is 0 already and may not be raised: no file is written then
        resource.setrlimit(resource.RLIMIT_CORE, (CORE_BYTES, CORE_BYTES))


def run(environment: Mapping[str, str]) -> int:
    """Run the process's own command line."""
    leave_no_memory_behind()
    try:
        return main(sys.argv[1:], Office(environment, sys.stdout, sys.stdin), sys.stderr)
    finally:
        _print_the_rest()


def _print_the_rest() -> None:
    """Print what is still to be printed; nobody reads it: let the interpreter not complain of that when it ends."""
    try:
        print(end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(run(os.environ))
