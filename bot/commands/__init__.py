"""Commands for people at a terminal. Each module adds its parsers; `arguments.run(arguments, desk, out)` carries one out."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from bot.desk import Desk

P = ParamSpec("P")
T = TypeVar("T")


class CommandFailed(Exception):
    """Refused or failed: one clear line for the operator, exit status 1. Never a value."""


def ask(desk: Desk, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function of the storage returns; it runs in the storage's thread, and the terminal waits."""
    return desk.storage.thread.submit(lambda: call(*args, **kwargs)).result()
