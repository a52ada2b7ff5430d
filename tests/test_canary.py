"""Canaries: after whole journeys on every path no personal value stands in the clear anywhere, and none comes back.

`make test ARGS=tests/test_canary.py` runs them alone; `tests/test_canary_search.py` shows that they would be found.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from aiohttp import ClientSession

from tests.bot_api import TOKEN, BotApi
from tests.canaries import CHINESE, CREDIT_CODE, DETAILS, FORBIDDEN, LATIN, Search
from tests.canary_desk import CanaryDesk, Terminal, Watch, hidden_messages
from tests.canary_looks import (
    Looking,
    copy_of,
    deleting_subjects,
    everything_sealed,
    nothing_forbidden_is_sealed,
    old_data_stays_shut,
    rows_and_keys_are_gone,
)
from tests.canary_others import (
    BACKUP,
    PEOPLE,
    colleague_opens_all_leads,
    officer_erases,
    operator_and_officer_work,
    strangers_speak_no_http,
)
from tests.canary_returning import Returning, without_receivers
from tests.canary_walks import ADDRESS, CHATS, EARLY, LATER_PHONE, Everybody, Walker
from tests.envelopes import SEALED, sealed_columns
from tests.receivers import MailBox, Receiver, mail_server, receiving
from tests.servers import PostgreSQL, free_port, running_postgresql
from tests.telegram_house import TelegramHouse
from tests.telegram_people import until

T = TypeVar("T")

STEMS = (  # one of these is in everything that the walkers tell of themselves
    *(LATIN, CHINESE, CREDIT_CODE, LATER_PHONE, ADDRESS),
    *(DETAILS[locale]["phone"] for locale in DETAILS),
    *EARLY,
    *FORBIDDEN,
    *map(str, CHATS.values()),
)
ROLES = {"sqlite": ("serve",), "postgresql": ("web --workers 2", "telegram", "worker")}
LOUD = (  # a server that writes down every statement with its parameters
    "log_statement=all",
    "log_min_duration_statement=0",
    "log_parameter_max_length=-1",
    "log_parameter_max_length_on_error=-1",
    "log_min_error_statement=debug5",
    "log_error_verbosity=verbose",
    "track_activity_query_size=65536",
)
GOING = 4  # of them are erased
ALLOWED = {"name", "phone"}  # what the CRM of the canaries may have


@pytest.fixture(scope="module")
def loud() -> Iterator[PostgreSQL]:
    """A PostgreSQL of these tests' own that tells everything."""
    with running_postgresql(*LOUD) as server:
        yield server


@pytest.fixture
def urls(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> tuple[str, str]:
    """The URLs of data and keyring, of which nothing is there yet."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path}/desk.db", f"sqlite:///{tmp_path}/keyring.db"
    server: PostgreSQL = request.getfixturevalue("loud")
    return server.create("desk"), server.create("keyring")


def test_every_sealed_column_is_opened_by_these_tests() -> None:
    """What the tests below call "opened" is everything that is sealed."""
    assert sealed_columns() == set(SEALED)


@dataclass
class Premises:
    """The desk, those who talk to it, those who are told, and who watches."""

    desk: CanaryDesk
    client: ClientSession
    api: BotApi
    people: Everybody
    crm: Receiver
    mails: MailBox
    watch: Watch
    terminal: Terminal


@asynccontextmanager
async def premises(
    folder: Path, roles: tuple[str, ...], urls: tuple[str, str], programs: Path
) -> AsyncIterator[Premises]:
    """Yield a desk that is up, and kill what is left of it. `programs`: where PostgreSQL's own are."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(BotApi().running())
        client = await stack.enter_async_context(ClientSession())
        crm = await stack.enter_async_context(receiving())
        mails = stack.enter_context(mail_server(free_port()))
        places = {"crm": crm.url, "telegram": api.url, "mail": f"smtp://127.0.0.1:{mails.port}"}
        desk = CanaryDesk(folder, roles, urls, programs=str(programs), **places)
        house = TelegramHouse(api, folder / "never", *urls)  # never started: its words are read
        people, watch = Everybody(desk, client, api, house), Watch(desk)
        terminal = await stack.enter_async_context(desk.terminal())
        if "serve" not in roles:
            await terminal.run("db", "upgrade")
        desk.start()
        try:
            await desk.up(client)
            hears = "getUpdates" if "serve" in roles else "setWebhook"
            await until(lambda: hears in [name for name, _ in api.calls], 30)
            async with watch.watching():
                yield Premises(desk, client, api, people, crm, mails, watch, terminal)
        finally:
            for role in tuple(desk.running):
                await desk.ends(role, signal.SIGKILL)


async def _everything_goes_wrong(place: Premises) -> None:
    """Let turns fail in their middle, on the web and on Telegram; let strangers speak no HTTP."""
    people, chat = place.people, place.people.chatting["en"].voice.person
    async with hidden_messages(place.desk.data_url):
        await chat.say(f"{LATIN} {LATER_PHONE} {CHINESE}")
        await asyncio.gather(*(walker.fails() for walker in people.posting.values()))
        await until(lambda: "telegram.update_poisoned" in place.desk.printed(), 30)
    await strangers_speak_no_http(place.desk)


async def _dies_amid_turns(place: Premises) -> None:
    """Kill the process that serves the web while people give their details; start it again."""
    reached = asyncio.Event()
    dying = [Walker(place.desk, place.client, locale).walks_until_it_dies(reached) for locale in DETAILS]
    walking = asyncio.gather(*dying)
    await asyncio.wait_for(reached.wait(), 30)
    await place.desk.ends(place.desk.roles[0], signal.SIGKILL)
    await walking
    place.desk.start()
    await place.desk.up(place.client)


@pytest.mark.timeout(300)
async def test_no_canary_stands_in_the_clear(
    request: pytest.FixtureRequest, database_kind: str, urls: tuple[str, str], tmp_path: Path
) -> None:
    """S10, S16, S17, S24: not in the databases, their logs, dumps and activity, var/, temporary files, arguments, what
    the processes print at DEBUG and in crashes, metrics, mails, webhooks beyond the allowed fields; and after "delete"
    an old copy of the data cannot be opened with the keyring of now."""
    began = time.time()
    programs = request.getfixturevalue("loud").programs if database_kind == "postgresql" else tmp_path
    async with premises(tmp_path, ROLES[database_kind], urls, programs) as place:
        desk, people = place.desk, place.people
        await people.walk()
        secrets = [*people.tokens, *await colleague_opens_all_leads(desk, place.terminal)]
        await operator_and_officer_work(place.terminal, tmp_path)
        await _everything_goes_wrong(place)
        await until(lambda: len(place.mails.got) >= PEOPLE, 30)
        returning = Returning(people.posting["zh-CN"], place.mails)
        await returning.walks()
        secrets += returning.secrets
        async with place.client.get(f"{desk.url}/metrics") as metrics:
            counted = await metrics.read()
        await _dies_amid_turns(place)

        look = Looking(*urls, desk.var)
        deleted = look.at(lambda storage: deleting_subjects(storage, people))
        old = look.at(everything_sealed, data_url=copy_of(urls[0], tmp_path))
        look.at(nothing_forbidden_is_sealed)
        await people.half_of_them_delete()
        await officer_erases(place.terminal)
        await until(lambda: len(place.api.said(CHATS["en"])) == 1, 30)
        await until(lambda: _events(place.crm).count("person.erased") == GOING, 30)
        # The rest is killed: the logs of SQLite stay as a crash leaves them.
        await desk.ends(desk.roles[0], signal.SIGABRT)
        for role in tuple(desk.running):
            await desk.ends(role, signal.SIGKILL)

    search = Search([*STEMS, TOKEN, *secrets])
    assert not search.in_files(tmp_path)
    assert not search.hits("metrics", counted)
    assert not [hit for mail in without_receivers(place.mails) for hit in search.hits("mail", mail)]
    assert not [hit for sent in _beyond_the_allowed(place.crm) for hit in search.hits("webhook", sent)]
    without_configured = Search([*STEMS, *secrets])
    assert not [hit for seen in place.watch.seen for hit in without_configured.hits("a process", seen)]
    _it_went_wrong_as_planned(place)
    if database_kind == "postgresql":
        await _postgresql_tells_nothing(request.getfixturevalue("loud"), urls, search, people, began)
    else:
        assert Search(people.deleting).in_files(tmp_path, since=began), "not even ids are found there"
    assert len(deleted) == GOING
    look.at(lambda storage: rows_and_keys_are_gone(storage, deleted))
    look.at(lambda storage: old_data_stays_shut(storage, old, deleted))

    async with desk.terminal() as terminal:
        assert "erased again" in await terminal.run("restore", str(tmp_path / BACKUP))
    look.at(lambda storage: rows_and_keys_are_gone(storage, deleted))
    assert not search.in_files(tmp_path)


def _events(crm: Receiver) -> list[str]:
    return [event["type"] for event in crm.verified()]


def _beyond_the_allowed(crm: Receiver) -> Iterator[bytes]:
    """Yield what came over the wire, headers included, without the values that the recipient may have."""
    assert _events(crm).count("lead.created") == PEOPLE
    for headers, body in crm.got:
        fields = json.loads(body)["data"]["fields"]
        assert fields.keys() <= ALLOWED
        for value in fields.values():
            body = body.replace(value.encode(), b"")
        yield body + json.dumps(dict(headers)).encode()


def _it_went_wrong_as_planned(place: Premises) -> None:
    """A crash that did not happen proves nothing."""
    printed = place.desk.printed()
    for word in ("Fatal Python error: Aborted", "web.failed", "telegram.update_poisoned"):
        assert word in printed
    assert "bot/turn.py" not in printed, "a traceback was printed"
    assert all(limit == ["1", "1"] for limit in place.watch.core_limits.values())
    assert not [path for path in (place.desk.folder / "cwd").iterdir() if path.stat().st_size]


async def _postgresql_tells_nothing(
    server: PostgreSQL, urls: tuple[str, str], search: Search, people: Everybody, began: float
) -> None:
    """Heap, indexes and write-ahead log on disk, the server's log with every parameter, and dumps."""
    connection = await asyncpg.connect(urls[0])
    await connection.execute("CHECKPOINT")  # what the server still holds in memory goes to the disk
    await connection.close()
    ids = Search(people.deleting)
    assert not search.in_files(server.data, since=began)
    assert ids.in_files(server.data, since=began), "not even ids are found there"
    told = server.log.read_bytes()
    assert b"Parameters: $1" in told
    assert not search.hits("server log", told)
    assert ids.hits("server log", told)
    for url in urls:
        dump = server.dump(url.rpartition("/")[2])
        assert len(dump) > 10_000
        assert not search.hits("dump", dump)
