"""A thief with the data database, and with all numbers that there are, learns who is in it from nothing there."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession

from bot.web.frames import key_of
from storage import keyring_tables, tables
from storage.keys.sealing import HEADER, PREFIX_BYTES, SUITE, TAG_BYTES, framed, key_version
from storage.outbox import Task
from storage.storage import Storage
from storage.turn.codes import CODE_MAIL
from tests.bot_api import BotApi
from tests.envelopes import envelopes
from tests.mailing import NO_SERVER
from tests.remembering import Memory, Visitor, remembering
from tests.telegram_house import TelegramHouse, at_phone, running_house
from tests.telegram_people import Person
from tests.thief import Thief, keys_in, loot, opens
from tests.visiting import CONSULTATION

SPACE = [f"+86138000{number:05}" for number in range(200, 500)]  # the reduced space of mobile numbers
PHONE, EMAIL, CHAT = "+8613800000321", "li.na@example.com", 5_550_321
QUESTION = "Do your gateways speak Modbus?"
UPDATES = range(700_000_000, 700_000_020)  # what the tests' Bot API counts
CHATS = range(5_550_200, 5_550_500)
# How the parts of what is kept are called, in the code and by whoever speaks to the desk.
WORDS = ("phone", "email", "telegram_chat", "telegram", "say", "code")
HASHES = {  # every column of bytes that is not sealed, and why nobody can guess what is in it
    ("codes", "code_mac"): "HMACs under the index keys of the live epochs",
    ("codes", "mac"): "HMAC under the index key of an epoch",
    ("devices", "secret_hash"): "of 256 random bits",
    ("index_rows", "mac"): "HMAC under the index key of an epoch",
    ("messages", "event_key"): "HMAC under the conversation's sealed salt, or under the bot's token",
    ("sessions", "token_hash"): "of 256 random bits",
    ("staff_links", "token_hash"): "of 256 random bits",
    ("staff_sessions", "token_hash"): "of 256 random bits",
}


def test_every_hash_has_its_reason() -> None:
    """A new column of plain bytes needs a reason why its content cannot be guessed."""
    found = {
        (table.name, column.name)
        for table in tables.metadata.tables.values()
        for column in table.c
        if isinstance(column.type, sa.LargeBinary) and not column.name.startswith("sealed")
    }

    assert found == set(HASHES)


@pytest.fixture
async def house(tmp_path: Path, data_url: str, keyring_url: str) -> AsyncIterator[TelegramHouse]:
    """A desk that has heard one person on the web, whose client names messages by what they say, one on Telegram; and
    somebody asked for a code to the first one's address."""
    given = tmp_path, data_url, keyring_url
    async with BotApi().running() as api, running_house(api, *given, SMTP_URL=NO_SERVER) as running:
        await asyncio.gather(_on_the_web(running), _on_telegram(api))
        yield running


async def _on_the_web(house: TelegramHouse) -> None:
    address = f"http://127.0.0.1:{house.port}/api/v1"
    async with ClientSession() as client:
        async with client.post(f"{address}/sessions", json={}) as opened:
            headers = {"Authorization": f"Bearer {(await opened.json())['token']}"}
        for frame in CONSULTATION:
            said = frame.get("text", frame.get("value"))
            content = {**frame, "id": said}
            if said.startswith("+86"):
                content = {**frame, "id": PHONE, "text": PHONE}
            async with client.post(f"{address}/messages", json=content, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
        headers["Origin"] = house.settings.public_url
        async with client.post(f"{address}/sessions", json={"remember": True}, headers=headers) as remembered:
            assert (await remembered.json())["remembered"] is True
        async with client.post(f"{address}/rights/verify", json={"email": EMAIL}) as asked:
            assert asked.status == 202, await asked.text()


async def _on_telegram(api: BotApi) -> None:
    person = Person(api, CHAT)
    await at_phone(person)
    await person.say(PHONE)
    await person.sees("e-mail")


async def _taken(house: TelegramHouse) -> list[Any]:
    def take(storage: Storage) -> list[Any]:
        with storage.engine.connect() as data, storage.keyring_engine.connect() as keys:
            found = loot(data, tables.metadata.sorted_tables)
            return found + loot(keys, keyring_tables.metadata.sorted_tables)

    return await house.desk.call(take, house.desk.storage)


async def test_nothing_there_confirms_a_guess(house: TelegramHouse) -> None:
    """S10: of all numbers, chats and words no digest is in the data, nor in the keyring; the KEK is not there."""
    taken = await _taken(house)
    thief = Thief(taken)
    names = {*WORDS, *(one for one in taken if isinstance(one, str) and len(one) == 32)}

    assert not [number for number in SPACE if thief.confirms(number, names)]
    assert not [chat for chat in CHATS if thief.confirms(str(chat), names)]
    assert not [update for update in UPDATES if thief.confirms(f"telegram{update}", names)]
    for said in (
        *await house.desk.call(_codes, house.desk.storage),
        PHONE,
        PHONE.removeprefix("+86"),
        EMAIL,
        QUESTION,
        str(CHAT),
    ):
        assert not thief.confirms(said, names, keyed=True)


def _codes(storage: Storage) -> list[str]:
    """Return the code that is on its way, bare and as it is kept."""
    with storage.engine.connect() as data:
        [row] = data.execute(sa.select(tables.outbox).where(tables.outbox.c.kind == CODE_MAIL)).all()
    task = Task(id=row.id, kind=row.kind, subject="", at=row.created_at, sealed=row.sealed)
    carried = storage.outbox.carried(task)
    return [carried["code"], f"{carried['id']}/{carried['code']}"]


async def test_the_thief_would_have_found_a_bare_hash(house: TelegramHouse) -> None:
    """A thief who finds nothing proves nothing, unless he finds the hashes that are easily made."""
    taken = await _taken(house)
    conversation = next(one for one in taken if isinstance(one, str) and len(one) == 32)

    for careless in (
        key_of(conversation, PHONE),
        hashlib.sha256(PHONE.encode()).digest(),
        hashlib.md5(f"phone:{PHONE}".encode(), usedforsecurity=False).hexdigest(),
        PHONE,
    ):
        assert Thief([*taken, careless]).confirms(PHONE, ["phone", conversation])
    unknown = hashlib.blake2b(PHONE.encode(), key=b"unknown", digest_size=16).digest()
    assert not Thief([*taken, unknown]).confirms(PHONE, ["phone", conversation], keyed=True)


async def test_no_key_lies_beside_what_it_opens(house: TelegramHouse) -> None:
    """S10: nothing in both databases opens an epoch, a data key or an envelope; the KEK alone opens but the epoch."""
    taken = await _taken(house)
    found = await house.desk.call(_locked, house.desk.storage)
    kek = json.loads((house.settings.var / "keys" / "kek.json").read_bytes())
    [secret] = [base64.b64decode(one) for one in kek["keys"].values()]

    assert len(found) > 20
    for key in keys_in(taken):
        assert not [one for one in found if opens(key, *one)]
    epoch, *rest = found
    assert opens(secret, *epoch)
    assert not [one for one in rest if opens(secret, *one)]


def _locked(storage: Storage) -> list[tuple[bytes, bytes]]:
    """Return everything that is sealed or wrapped, with what is authenticated with it: a thief has read the page."""
    with storage.keyring_engine.connect() as keys, storage.engine.connect() as data:
        locked = [
            (row.wrapped, framed("askfirst kek wrap 1", row.kek, f"epoch {row.epoch}"))
            for row in keys.execute(sa.select(keyring_tables.epochs))
        ]
        for row in keys.execute(sa.select(keyring_tables.scope_keys)):
            owner = (row.subject, row.scope, row.version, row.epoch)
            locked.append((row.wrapped, framed("askfirst data key 1", SUITE, "default", *owner)))
        for one in envelopes(data):
            version = key_version(one.sealed)
            bound = framed("AF", SUITE, *one.place[:4], version, one.place.revision)
            locked.append((one.sealed[HEADER.size :], bound))
    return locked


@pytest.fixture
def memory(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """An empty store."""
    with remembering(data_url, keyring_url, tmp_path) as made:
        yield made


def _sizes(memory: Memory, table: sa.Table, column: str, **named: str) -> set[int]:
    """Return how long the values are that are sealed in a column, padding included."""
    rows: list[dict[str, Any]] = memory.rooms.rows(table)
    chosen = [row for row in rows if row[column] and all(row[name] == value for name, value in named.items())]
    return {len(row[column]) - PREFIX_BYTES - TAG_BYTES for row in chosen}


def test_lengths_tell_nothing_of_details_and_little_of_words(memory: Memory) -> None:
    """Numbers of any country, short and long names and addresses: one size; free text: a power of two, also moved."""
    for phone, email, words in (
        ("+8613800000321", "a@example.com", "Price?"),
        ("+447700900123", f"{'long' * 12}@example.com", "How do your gateways reach the cloud? " * 5),
    ):
        visitor = Visitor(memory)
        visitor.opens()
        visitor.says(words)
        for value in ("followup:yes", "consent:agree", "whose:own"):
            visitor.picks(value)
        for value in ("Li", "Example Valves and Fittings Company Ltd", phone, email, "CEO"):
            visitor.says(value)
        visitor.picks("command:correct")
        visitor.picks("correct:need")
        visitor.says(f"{words} {words}")

    for name in ("name", "company", "phone", "email", "position"):
        assert _sizes(memory, tables.fields, "sealed_value", name=name) == {64}
    assert _sizes(memory, tables.messages, "sealed_digest") == {64}
    spoken = _sizes(memory, tables.messages, "sealed_body") | _sizes(
        memory, tables.fields, "sealed_value", name="need"
    )
    assert spoken <= {64 << power for power in range(6)}
    assert _sizes(memory, tables.fields, "sealed_value", name="need") == {64, 512}


def test_what_a_thief_learns_of_look_ups(memory: Memory) -> None:
    """That two people gave the same value, and not which: said in docs/privacy.md, and not more than that."""
    for phone in ("+8613800000321", "+8613800000321", "+8613800000322"):
        visitor = Visitor(memory)
        visitor.consents()
        visitor.picks("whose:own")
        for value in ("Li", "Ltd", phone):
            visitor.says(value)

    macs = [row["mac"] for row in memory.rooms.rows(tables.index_rows) if row["field"] == "phone"]
    assert sorted(macs.count(mac) for mac in macs) == [1, 2, 2]
    assert {len(mac) for mac in macs if isinstance(mac, bytes)} == {16}
