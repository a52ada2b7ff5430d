"""What every test may ask for: fresh databases of both kinds, a free port, a browser."""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from playwright.async_api import Browser, async_playwright

from bot.logs import QUIETED
from tests import servers
from tests.bot_api import BotApi
from tests.receivers import Receiver, receiving
from tests.remembering import Memory, remembering
from tests.telegram_house import TelegramHouse, running_house

BROWSER_ARGUMENTS = ("--disable-background-networking", "--disable-component-update", "--no-first-run")

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Undo what a test sets up of the logs, which are the process's: a later test would not see its own lines."""
    levels = {name: logging.getLogger(name).level for name in QUIETED}
    yield
    structlog.reset_defaults()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.PostgreSQL]:
    """One PostgreSQL server for each test process, started when the first test needs it."""
    with servers.running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Run a test on both databases; `@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)`: on one."""
    kind: str = request.param
    return kind


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path
) -> Iterator[Callable[[str], str]]:
    """Return the maker of empty databases of this kind: a name in, a URL as an operator writes it out."""
    if database_kind == "sqlite":
        yield lambda name: f"sqlite:///{tmp_path}/{name}.db"
        return
    server: servers.PostgreSQL = request.getfixturevalue("postgresql")
    made: list[str] = []

    def create(name: str) -> str:
        made.append(f"{name}-{uuid.uuid4().hex[:12]}")
        return server.create(made[-1])

    yield create
    for database in made:
        server.drop(database)


@pytest.fixture
def data_url(new_database: Callable[[str], str]) -> str:
    """The URL of an empty database for the desk's data."""
    return new_database("desk")


@pytest.fixture
def keyring_url(new_database: Callable[[str], str]) -> str:
    """The URL of an empty database for the wrapped keys, apart from the data."""
    return new_database("keyring")


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on; several: `tests.servers.free_port()`."""
    return servers.free_port()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one the test is skipped, under CI it fails."""
    path = servers.chromium_path()
    if path is None and os.environ.get("CI"):
        pytest.fail("no Chromium: `make test` as root installs it, or install the package `chromium`")
    if path is None:
        pytest.skip("no Chromium: the browser tests did not run")
    return path


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A headless Chromium of this test's own; `await browser.new_page()`."""
    arguments = [*BROWSER_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # no sandbox for root
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield running
        await running.close()
    await asyncio.sleep(0)  # the driver's pipes close on the next turn of the loop, not after it


@pytest.fixture
def memory(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """An empty store."""
    with remembering(data_url, keyring_url, tmp_path) as made:
        yield made


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    """A running Bot API; every request of a test must please it."""
    async with BotApi().running() as running:
        yield running
        assert not running.faults


@pytest.fixture
async def house(api: BotApi, tmp_path: Path, data_url: str, keyring_url: str) -> AsyncIterator[TelegramHouse]:
    """A bot that polls, on fresh databases."""
    async with running_house(api, tmp_path, data_url, keyring_url) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A recipient's server."""
    async with receiving() as listening:
        yield listening
