"""Canaries: after whole journeys on every channel no personal value stands in the clear, and none comes back."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import asyncpg
import pytest
from aiohttp import ClientSession

from config.load import load
from storage.errors import KeyLost
from storage.keyring_tables import scope_keys, tombstones
from storage.storage import Storage
from storage.tables import conversations, metadata
from tests.bot_api import TOKEN, BotApi
from tests.canaries import BANK_CARDS, CHINESE, DETAILS, FORBIDDEN, ID_NUMBER, LATIN, Search, written
from tests.canary_walks import (
    ADDRESS,
    CHATS,
    EARLY,
    LATER_PHONE,
    TelegramWalker,
    Walker,
    colleague_opens_all_leads,
    picked,
)
from tests.crash_desk import KilledDesk
from tests.envelopes import SEALED, Envelope, envelopes, sealed_columns
from tests.house import CONFIG
from tests.receivers import mail_server
from tests.servers import free_port
from tests.telegram_house import TelegramHouse
from tests.telegram_people import until

T = TypeVar("T")

STEMS = (  # one of these is in everything that the walkers tell of themselves
    LATIN,
    CHINESE,
    DETAILS["en"]["phone"],
    DETAILS["zh-CN"]["phone"],
    LATER_PHONE,
    *EARLY,
    *FORBIDDEN,
    *map(str, CHATS.values()),
    ADDRESS,
    TOKEN,
)


@pytest.mark.parametrize(
    "written_as",
    [
        lambda text: text.encode(),
        lambda text: text.upper().encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be").hex().encode(),
        lambda text: text.encode().hex().upper().encode(),
        lambda text: base64.b64encode(f"x{text} and more".encode()),
        lambda text: base64.urlsafe_b64encode(f"xy{text}z".encode()),
        lambda text: quote(text).encode(),
        lambda text: json.dumps({"text": f"so {text} it is"}).encode(),
        lambda text: text.encode("gb18030"),
    ],
    ids=[
        "plain",
        "capitals",
        "utf-16",
        "hex of utf-16",
        "hex",
        "base64",
        "base64url",
        "url",
        "json",
        "gb18030",
    ],
)
@pytest.mark.parametrize("canary", [LATIN, CHINESE, EARLY[0], ID_NUMBER])
def test_the_search_finds_a_canary_in_every_form(
    canary: str, written_as: Callable[[str], bytes], tmp_path: Path
) -> None:
    """A search that finds nothing proves nothing, unless it finds what was put there."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file.db-wal").write_bytes(b"\x00\x01" + written_as(canary) + b"\xff")

    assert Search([canary]).in_files(tmp_path)
    assert not Search([BANK_CARDS[1]]).in_files(tmp_path)


def test_every_sealed_column_is_opened_by_these_tests() -> None:
    """What the tests below call "opened" is everything that is sealed."""
    assert sealed_columns() == set(SEALED)


@pytest.mark.timeout(240)
async def test_no_canary_stands_in_the_clear(
    database_kind: str, data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """S10, S17, S24: not in the databases, their logs, var/, what the process prints at DEBUG, mails, metrics; and
    after "delete" an old copy of the data cannot be opened with the keyring of now."""
    began = time.time()
    (tmp_path / "tmp").mkdir()
    async with BotApi().running() as api, ClientSession() as client:
        with mail_server(free_port()) as mails:
            desk = KilledDesk(
                tmp_path,
                DATABASE_URL=data_url,
                KEYRING_URL=keyring_url,
                LOG_LEVEL="DEBUG",
                TMPDIR=str(tmp_path / "tmp"),
                TELEGRAM_BOT_TOKEN=TOKEN,
                TELEGRAM_API_URL=api.url,
                SMTP_URL=f"smtp://127.0.0.1:{mails.port}",
            )
            house = TelegramHouse(api, tmp_path / "never", data_url, keyring_url)
            everybody = _Everybody(desk, client, api, house)
            desk.start(command=True)
            await desk.up(client)
            try:
                await everybody.walk()
                assert await colleague_opens_all_leads(desk) == 6
                await until(lambda: len(mails.got) >= 6, 30)
                async with client.get(f"{desk.url}/metrics") as metrics:
                    counted = await metrics.read()

                search = Search([*STEMS, *everybody.tokens])
                assert not search.in_files(tmp_path)
                assert not search.hits("metrics", counted)
                assert not [hit for mail in mails.got for hit in search.hits("mail", mail.as_bytes())]

                deleted = _look(
                    data_url, keyring_url, desk.var, lambda storage: _subjects(storage, everybody)
                )
                assert len(deleted) == 3
                old = _look(_backup(data_url, tmp_path), keyring_url, desk.var, _everything_sealed)
                _look(data_url, keyring_url, desk.var, _nothing_forbidden_is_sealed)
                await everybody.half_of_them_delete()
                await until(lambda: len(api.said(CHATS["en"])) == 1, 30)
            finally:
                await desk.kill()  # so that the logs of SQLite are as a crash leaves them

    assert not search.in_files(tmp_path)
    _look(data_url, keyring_url, desk.var, lambda storage: _rows_and_keys_are_gone(storage, deleted))
    _look(data_url, keyring_url, desk.var, lambda storage: _old_data_stays_shut(storage, old, deleted))
    where = await _data_directory(data_url) if database_kind == "postgresql" else tmp_path
    assert not search.in_files(where, since=began)
    assert Search(everybody.deleting).in_files(where, since=began), "not even ids are found there"


class _Everybody:
    """Six people: on each channel one in English and one in Chinese."""

    def __init__(self, desk: KilledDesk, client: ClientSession, api: BotApi, house: TelegramHouse) -> None:
        self.posting = {locale: Walker(desk, client, locale) for locale in DETAILS}
        self.calling = {locale: Walker(desk, client, locale) for locale in DETAILS}
        self.chatting = {locale: TelegramWalker(api, house, locale) for locale in DETAILS}

    async def walk(self) -> None:
        """Let everybody consult; the Telegram people one after the other, since they listen for silence."""
        await asyncio.gather(
            *(walker.walks_by_http() for walker in self.posting.values()),
            *(walker.walks_by_socket() for walker in self.calling.values()),
        )
        for walker in self.chatting.values():
            await walker.walks()

    @property
    def tokens(self) -> list[str]:
        """Return the bearer tokens: only their hashes are kept."""
        return [walker.token for walker in (*self.posting.values(), *self.calling.values())]

    async def half_of_them_delete(self) -> None:
        """Erase one person of each channel, each by another way."""
        status, certificate = await self.posting["en"].asks("DELETE", "/api/v1/me", json={"scope": "all"})
        assert (status, certificate["scope"]) == (200, "all")
        for place, frame in enumerate((picked("command:delete"), picked("delete:all"))):
            told = await self.calling["zh-CN"].asks(
                "POST", "/api/v1/messages", json={"id": f"d{place}", **frame}
            )
            assert told[0] == 200
        await self.chatting["en"].sends(picked("command:delete"))
        await self.chatting["en"].sends(picked("delete:all"))

    @property
    def deleting(self) -> set[str]:
        """Return the conversations of the web that will be erased."""
        return {self.posting["en"].conversation, self.calling["zh-CN"].conversation}


async def _data_directory(url: str) -> Path:
    """Return where PostgreSQL keeps tables and write-ahead log; whatever it still holds in memory goes there first."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CHECKPOINT")
        return Path(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()


def _look(data_url: str, keyring_url: str, folder: Path, look: Callable[[Storage], T]) -> T:
    """Return what `look` sees in storage that is opened beside the desk, with the desk's own keys."""
    storage = Storage.open(data_url, keyring_url, f"file:{folder}/keys/kek.json", load(CONFIG).rules)
    try:
        return storage.thread.submit(look, storage).result()
    finally:
        storage.close()


def _everything_sealed(storage: Storage) -> list[Envelope]:
    with storage.engine.connect() as connection:
        return list(envelopes(connection))


def _backup(data_url: str, folder: Path) -> str:
    """Return the address of a copy of the data as it is now; on PostgreSQL, of the data itself."""
    if not data_url.startswith("sqlite"):
        return data_url
    copy = folder / "backup.db"
    source = sqlite3.connect(data_url.removeprefix("sqlite:///"))
    with closing(source), closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return f"sqlite:///{copy}"


def _nothing_forbidden_is_sealed(storage: Storage) -> None:
    """Numbers that nobody asked for, and what was typed before consent, are not even kept under a key."""
    opened = b"\n".join(envelope.opened(storage.keyring) for envelope in _everything_sealed(storage)).decode(
        errors="replace"
    )
    assert LATIN in opened, "nothing was opened"
    for value in (*FORBIDDEN, *EARLY):
        assert not any(way in opened for way in written(value))


def _old_data_stays_shut(storage: Storage, old: list[Envelope], deleted: set[str]) -> None:
    """Of who was deleted nothing opens any more; of everybody else all does."""
    for envelope in old:
        if envelope.subject in deleted:
            with pytest.raises(KeyLost):
                envelope.opened(storage.keyring)
        elif envelope.place.table in ("fields", "consents", "chats"):
            assert envelope.opened(storage.keyring)


def _rows_and_keys_are_gone(storage: Storage, deleted: set[str]) -> None:
    for table in metadata.sorted_tables:
        if "subject" in table.c and table.name not in ("audit", "sessions"):
            with storage.engine.connect() as connection:
                assert not connection.execute(table.select().where(table.c.subject.in_(deleted))).all()
    with storage.keyring_engine.connect() as connection:
        assert not connection.execute(scope_keys.select().where(scope_keys.c.subject.in_(deleted))).all()
        stones = connection.execute(tombstones.select().where(tombstones.c.scope == "*")).all()
    assert deleted <= {stone.subject for stone in stones}


def _subjects(storage: Storage, everybody: _Everybody) -> set[str]:
    """Return who will be deleted: two sessions and a chat."""
    chat = storage.store.telegram_conversation(CHATS["en"])
    with storage.engine.connect() as connection:
        asked = conversations.select().where(conversations.c.id.in_({*everybody.deleting, chat}))
        return {row.subject for row in connection.execute(asked)}
