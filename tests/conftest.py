"""What every test may ask for: fresh databases of both kinds, a free port, a browser."""

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Protocol

import coverage
import hypothesis
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

import intake
import storage
from tests import servers, templates
from tests.bot_api import BotApi
from tests.key_holders import Kms, OpenBao, running_kms, running_openbao
from tests.premises import Premises
from tests.receivers import MailBox, Receiver, mail_server, receiving
from tests.remembering import Memory, remembering
from tests.telegram_house import TelegramHouse, running_house

pytest_plugins = ("tests.between_tests", "tests.chat_fixtures")
PATIENCE = 20_000  # ms that a page is waited for
BROWSER_ARGUMENTS = ("--disable-background-networking", "--disable-component-update", "--no-first-run")
# Tests of bot/ and config/ and of the whole desk, by how their modules' names begin. Only intake/ and storage/ must be
# covered whole, and their own tests do that; measuring doubles the time of a test.
UNMEASURED = (
    *("test_bot_api", "test_canary", "test_command_", "test_crash", "test_delivery", "test_documents"),
    *("test_drawing", "test_epoch_watch", "test_epochs_killed", "test_erasure_killed", "test_hostile_bytes"),
    *("test_house_rules", "test_journeys", "test_listening", "test_load", "test_pages", "test_promises"),
    *("test_receipt_commands", "test_renewing", "test_running", "test_settings", "test_side_by_side"),
    *("test_staff_", "test_swap", "test_telegram", "test_texts", "test_thief", "test_transcripts"),
    *("test_typing", "test_waiting", "test_web_", "test_widget", "test_wording", "test_worker"),
)
# Where intake/ and storage/ know PostgreSQL from SQLite. Elsewhere a test on both measures its run on SQLite.
MEASURED_ON_POSTGRESQL = (
    *("test_backup", "test_connecting", "test_keyring", "test_replacing", "test_serving", "test_storage"),
)
COVERAGE_OF_CHILDREN = "COVERAGE_PROCESS_CONFIG"  # the variable by which coverage follows into processes

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure() -> None:
    """Keep what tests write in memory where there is room: what they prove does not depend on a disk."""
    if (folder := servers.folder_in_memory()) and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Measure no coverage meanwhile, nor in processes that are started meanwhile."""
    # In a worker two: its own, and that of a measured process's children.
    measuring = list[coverage.Coverage]()
    while (one := coverage.Coverage.current()) is not None:
        one.stop()
        measuring.append(one)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(COVERAGE_OF_CHILDREN, raising=False)
        try:
            yield
        finally:
            for one in reversed(measuring):
                one.start()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Read what is to be covered, measured; then the tests, which are many, unmeasured."""
    for room in (intake, storage):
        for module in walk_packages(room.__path__, f"{room.__name__}."):
            if "migrations" not in module.name:  # alembic runs these
                import_module(module.name)
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test with its fixtures, measured or not."""
    with nullcontext() if is_measured(item) else unmeasured():
        return (yield)


def is_measured(item: pytest.Item) -> bool:
    """Say whether a test counts for the coverage."""
    module = item.path.name
    if "postgresql" in item.name and not module.startswith(MEASURED_ON_POSTGRESQL):
        return False
    return not module.startswith(UNMEASURED)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.PostgreSQL]:
    """One PostgreSQL server for each test process, started when the first test needs it."""
    with servers.running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgresql: servers.PostgreSQL) -> Callable[[str], str]:
    """Return what names a database of a kind on that server, laid out and to be copied."""
    return templates.on(postgresql)


@pytest.fixture(scope="session")
def openbao() -> Iterator[OpenBao]:
    """One OpenBao server for each test process; a test mounts an engine of its own."""
    with running_openbao() as server:
        yield server


@pytest.fixture(scope="session")
def kms() -> Iterator[Kms]:
    """One KMS for each test process; a test uses an alias of its own."""
    with running_kms() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Run a test on both databases; `@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)`: on one."""
    kind: str = request.param
    return kind


class MakeDatabase(Protocol):
    """Makes databases: a name in, a URL as an operator writes it out."""

    def __call__(self, name: str, kind: str = "") -> str:
        """Make one with the tables of a kind, "desk" or "keyring", or an empty one."""
        ...


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path
) -> Iterator[MakeDatabase]:
    """Return what makes databases on SQLite or on PostgreSQL."""
    if database_kind == "sqlite":
        yield partial(_new_file, tmp_path)
        return
    server: servers.PostgreSQL = request.getfixturevalue("postgresql")
    template: Callable[[str], str] = request.getfixturevalue("template")
    made: list[str] = []

    def create(name: str, kind: str = "") -> str:
        made.append(f"{name}-{uuid.uuid4().hex[:12]}")
        return server.create(made[-1], template(kind) if kind else "template0")

    yield create
    for database in made:
        server.drop(database)


def _new_file(folder: Path, name: str, kind: str = "") -> str:
    path = folder / f"{name}.db"
    return templates.file(path, kind) if kind else f"sqlite:///{path}"


@pytest.fixture
def data_url(new_database: MakeDatabase) -> str:
    """The URL of a database for the desk's data, with its tables and no rows."""
    return new_database("desk", "desk")


@pytest.fixture
def keyring_url(new_database: MakeDatabase) -> str:
    """The URL of a database for the wrapped keys, apart from the data, with its tables and no key."""
    return new_database("keyring", "keyring")


@pytest.fixture
def empty_url(new_database: MakeDatabase) -> str:
    """The URL of a database without a table, for what comes before the tables."""
    return new_database("empty")


@pytest.fixture
def premises(
    request: pytest.FixtureRequest,
    database_kind: str,
    data_url: str,
    keyring_url: str,
    new_database: MakeDatabase,
    tmp_path: Path,
) -> Premises:
    """An installation that nobody has used, with the programs of PostgreSQL of its server's version."""
    path = os.environ["PATH"]
    if database_kind == "postgresql":
        path = f"{request.getfixturevalue('postgresql').programs}{os.pathsep}{path}"
    return Premises(tmp_path, data_url, keyring_url, new_database, path)


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_chromium(chromium: str) -> AsyncIterator[Browser]:
    """One headless Chromium for each test process, started when the first test needs it."""
    expect.set_options(timeout=PATIENCE)  # else 5 s, which a busy machine may need for one keystroke
    arguments = [*BROWSER_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # no sandbox for root
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield running
        await running.close()
    await asyncio.sleep(0)  # the driver's pipes close on the next turn of the loop, not after it


@pytest_asyncio.fixture(loop_scope="session")
async def browser(running_chromium: Browser) -> AsyncIterator[Browser]:
    """A browser that knows nothing of other tests: each context begins empty, and none outlives its test.

    It lives in one loop, so tests with a browser are marked `pytest.mark.asyncio(loop_scope="session")`, and their
    fixtures are `pytest_asyncio.fixture(loop_scope="session")`.
    """
    assert running_chromium.contexts == []
    yield running_chromium
    for context in running_chromium.contexts:
        await context.close()


@pytest.fixture
def memory(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """An empty store."""
    with remembering(data_url, keyring_url, tmp_path) as made:
        yield made


@pytest.fixture
def second(memory: Memory, data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """A second process on the same databases, with the same time."""
    with remembering(data_url, keyring_url, tmp_path, memory.rooms.clock) as made:
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
def box(free_port: int) -> Iterator[MailBox]:
    """A mail server, and what was mailed to it."""
    with mail_server(free_port) as listening:
        yield listening


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A recipient's server."""
    async with receiving() as listening:
        yield listening
