"""What lies between the tests of one process: what is undone after each, what is let go, and what all may share."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator, Iterator
from typing import Any, cast
from weakref import WeakKeyDictionary

import pytest
import structlog
from aiohttp import web_app
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.engine import Compiled

from bot.commands.processes import GARBAGE_LOOK
from bot.logs import QUIETED


class Statements(dict[Any, Compiled]):
    """Compiled statements of every engine in the process, for the execution option `compiled_cache`.

    A desk compiles its statements once and then runs for weeks; the desk of a test lives for some turns, and compiling
    was a sixth of what a test costs. The library keeps them by dialect and statement, and each engine has a dialect of
    its own: here those count as one that agree in every setting, down to the server's version. An engine with a
    serializer or types of its own would need a cache of its own; all of ours come from one place.
    """

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self._kinds = WeakKeyDictionary[Dialect, int]()
        self._settings: list[tuple[Any, ...]] = []  # of each kind of dialect; its number is looked up faster

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """Return a statement that an engine of this kind has compiled before."""
        return super().get((self._kind(key[0]), *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Compiled) -> None:
        """Keep a statement for every engine of this kind."""
        super().__setitem__((self._kind(key[0]), *key[1:]), compiled)

    def _kind(self, dialect: Dialect) -> int:
        if (found := self._kinds.get(dialect)) is None:
            settings = _settings_of(dialect)
            if settings not in self._settings:
                self._settings.append(settings)
            found = self._kinds[dialect] = self._settings.index(settings)
        return found


def _settings_of(dialect: Dialect) -> tuple[Any, ...]:
    plain = (bool, int, str, tuple, frozenset, type(None))
    stated = ((name, value) for name, value in sorted(vars(dialect).items()) if isinstance(value, plain))
    return type(dialect), *stated


def pytest_configure() -> None:
    """Let every connection of this process know what was compiled."""
    statements = Statements()

    @event.listens_for(Engine, "engine_connect")
    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect garbage as the desk does: what is there to stay is not looked at, nor what is gone in a moment."""
    found = yield
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_LOOK, 20, 100)
    return found


@pytest.fixture(autouse=True)
def desks_let_go() -> Iterator[None]:
    """Let the HTTP library forget the applications of a test, and with them desks, engines and policies.

    It keeps the handlers of 1,024 routes with the applications that they belong to, which is right for a process with
    one application; a test process has thousands, and its garbage took ever longer to look through. There is no public
    way: the applications are part of what it keeps them by.
    """
    yield
    cast(Any, web_app)._cached_build_middleware.cache_clear()


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Undo what a test sets up of the logs, which are the process's: a later test would not see its own lines."""
    levels = {name: logging.getLogger(name).level for name in QUIETED}
    yield
    structlog.reset_defaults()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
