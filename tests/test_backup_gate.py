"""The release gate: an old backup comes back, and nobody who was erased since does (design, "Backups")."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from storage.copies.replaying import Replayed
from storage.errors import SubjectErased
from storage.tables import audit, metadata, sessions, subjects
from tests.canaries import DETAILS as TOLD
from tests.house import House, settings
from tests.premises import Premises, erase
from tests.remembering import DETAILS
from tests.rooms import Rooms
from tests.rotating import found_under, moves, opened, retires, rotates

CONSULTATION: tuple[dict[str, Any], ...] = (
    {"type": "pick", "value": "topic:gateway"},
    {"type": "say", "text": TOLD["en"]["need"]},
    {"type": "pick", "value": "followup:yes"},
    {"type": "pick", "value": "consent:agree"},
    {"type": "pick", "value": "whose:own"},
    *(
        {"type": "say", "text": TOLD["en"][name]}
        for name in ("name", "company", "phone", "email", "position")
    ),
    {"type": "pick", "value": "field:skip"},
    {"type": "pick", "value": "review:send"},
)
NEW_PHONE = "+86 139 0000 0001"
ME, MESSAGES = "/api/v1/me", "/api/v1/messages"


class Caller:
    """Somebody who talks to the desk over HTTP."""

    def __init__(self, client: ClientSession) -> None:
        """Nothing is said yet."""
        self.client = client
        self.token = ""
        self.url = ""
        self.said = 0

    async def calls(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Send a request; return the status and the body."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.client.request(method, self.url + path, headers=headers, **more) as answer:
            return answer.status, await answer.json()

    async def comes(self, url: str) -> None:
        """Open a session and send a lead."""
        self.url = url
        _, opened = await self.calls("POST", "/api/v1/sessions", json={"site": "default", "locale": "en"})
        self.token = opened["token"]
        for frame in CONSULTATION:
            assert (await self.says(frame))[0] == 200

    async def says(self, frame: dict[str, Any]) -> tuple[int, Any]:
        """Send a frame."""
        self.said += 1
        return await self.calls("POST", MESSAGES, json={"id": f"f{self.said}", **frame})

    async def sees(self) -> dict[str, str]:
        """Return the own values."""
        status, record = await self.calls("GET", ME)
        assert status == 200, record
        return {one["field"]: one["value"] for one in record["fields"]}


@asynccontextmanager
async def _open(premises: Premises) -> AsyncIterator[House]:
    house = House(settings(premises.folder / "var", premises.data_url, premises.keyring_url))
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


def _rooms(house: House) -> Rooms:
    storage = house.desk.storage
    return Rooms(storage.engine, storage.keyring, None, storage.thread)  # type: ignore[arg-type]  # no test of time


def _subject(rooms: Rooms, caller: Caller) -> tuple[str, str]:
    """Return whose session this is, and of which conversation."""
    mine = hashlib.sha256(caller.token.encode()).digest()
    [row] = [row for row in rooms.rows(sessions) if row["token_hash"] == mine]
    return str(row["subject"]), str(row["conversation"])


@pytest.mark.parametrize("lost", [False, True], ids=["data there", "disk lost"])
async def test_an_old_backup_brings_nobody_back(premises: Premises, *, lost: bool) -> None:
    """S24, S10: backed up while the desk runs; then one person is erased, another corrects the phone; restored, the
    one stays erased everywhere, the other goes on, what was written in the audit stays."""
    folder, run = premises.folder / "backup", premises.terminal.run
    async with ClientSession() as client:
        erased, other = Caller(client), Caller(client)
        async with _open(premises) as house:
            await erased.comes(house.url)
            await other.comes(house.url)
            assert (await asyncio.to_thread(run, "backup", str(folder)))[0] == 0
            gone = _subject(_rooms(house), erased)
            assert (await erased.calls("DELETE", ME, json={"scope": "all"}))[0] == 200
            assert (await other.calls("PATCH", ME, json={"phone": NEW_PHONE}))[0] == 200
            assert "the desk uses this database" in (
                await asyncio.to_thread(premises.terminal.refusal, "restore", str(folder))
            )
            written = _rooms(house).rows(audit)

        if lost:
            premises.lose_data()
        code, told, errors = premises.terminal.run("restore", str(folder))

        assert (code, errors) == (0, "")
        assert "2 people restored; 1 of them had been erased since" in told
        async with _open(premises) as house:
            erased.url = other.url = house.url
            await _stays_erased(house, erased, *gone)
            await _goes_on(house, other, {} if lost else {"phone": NEW_PHONE})
            now = _rooms(house).rows(audit)
    assert lost or [line for line in written if line not in now] == []
    [line] = [line for line in now if line["action"] == "restored"]
    assert str(line["purpose"]).startswith("backup of 20")


async def _stays_erased(house: House, caller: Caller, subject: str, conversation: str) -> None:
    rooms, store = _rooms(house), house.desk.storage.store
    for table in metadata.sorted_tables:
        if "subject" in table.c and table.name not in ("audit", "sessions"):
            assert [row for row in rooms.rows(table) if row["subject"] == subject] == [], table.name
    found = await house.desk.call(store.find, "email", TOLD["en"]["email"])
    assert subject not in found
    assert (await caller.calls("GET", f"{MESSAGES}?after=0"))[0] == 410
    with pytest.raises(SubjectErased):
        await house.desk.call(store.transcript, conversation, 0)
    with pytest.raises(SubjectErased):
        await house.desk.call(house.desk.storage.keyring.create, [(subject, "profile.1")])


async def _goes_on(house: House, caller: Caller, corrected: dict[str, str]) -> None:
    """The question opens always; the details where the corrected ones are there. Whatever is done next succeeds."""
    kept = {"need": TOLD["en"]["need"], **corrected}
    assert {name: value for name, value in (await caller.sees()).items() if name in ("need", "phone")} == kept
    status, told = await caller.says({"type": "say", "text": "And one more thing."})
    assert status == 200
    assert told["messages"][-1]["from"] == "bot"
    status, shown = await caller.calls("GET", f"{MESSAGES}?after=0")
    assert status == 200
    assert [one["seq"] for one in shown["messages"]] == list(range(1, len(shown["messages"]) + 1))
    assert (await caller.calls("PATCH", ME, json={"phone": "+86 139 0000 0002"}))[0] == 200
    assert (await caller.sees())["phone"] == "+86 139 0000 0002"
    assert (await caller.says({"type": "say", "text": "new"}))[0] == 200


def test_an_old_backup_comes_back_under_a_newer_epoch(premises: Premises) -> None:
    """S24: back up, erase one of two, rotate, retire, restore: one is gone for good, the other opens and is found."""
    erased, other = premises.one_person(), premises.one_person()
    folder = premises.back_up()
    with premises.memory() as memory:
        erase(memory, erased)
        rotates(memory)
        moves(memory)
        retires(memory, 1)
    premises.clock.tick(minutes=2)
    premises.lose_data()

    assert premises.restore(folder) == Replayed(people=2, erased=1, mended=0)

    with premises.memory() as memory:
        other.memory = memory
        assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == [other.subject]
        assert opened(memory, other) == DETAILS
        assert [row["subject"] for row in memory.rooms.rows(subjects)] == [other.subject]
        assert found_under(memory, 1) == {}
        assert other.says("hello").ack


def test_after_a_retirement_no_old_keyring_opens(premises: Premises) -> None:
    """S24: data, keyring and anchor taken back together cannot be told from the real ones; but they open nothing."""
    erased = premises.one_person()
    folder = premises.back_up()
    with premises.memory() as memory:
        erase(memory, erased)
        rotates(memory)
        moves(memory)
        retires(memory, 1)
    premises.lose_data()
    premises.put_old_keyring(folder)
    premises.anchor.unlink()

    assert "lacks KEK" in premises.terminal.refusal("restore", str(folder))


@pytest.fixture
def outdated(premises: Premises) -> Path:
    """A backup from before somebody was erased, whose keyring was put in place by hand."""
    erased = premises.one_person()
    folder = premises.back_up()
    with premises.memory() as memory:
        erase(memory, erased)
    with premises.storage() as storage:
        storage.thread.submit(storage.note_checkpoint).result()  # as the worker does every minute
    premises.put_old_keyring(folder)
    return folder


def test_yesterdays_keyring_is_refused(premises: Premises, outdated: Path) -> None:
    """S24: it would bring keys back: neither a start nor a restore takes it, with the data there or lost."""
    commands = [("serve",), ("web",), ("db", "current"), ("restore", str(outdated))]
    refusals = [premises.terminal.refusal(*command) for command in commands]
    anchor = premises.anchor.read_bytes()

    premises.anchor.unlink()
    refusals.append(premises.terminal.refusal("restore", str(outdated)))
    premises.anchor.write_bytes(anchor)
    premises.lose_data()
    refusals.append(premises.terminal.refusal("restore", str(outdated)))
    premises.lose_keyring()
    refusals.append(premises.terminal.refusal("restore", "--keyring", str(outdated)))

    assert all("is an old copy and would undo erasures" in refusal for refusal in refusals), refusals


def test_who_takes_everything_back_at_once_is_not_noticed(premises: Premises, outdated: Path) -> None:
    """As the documents say: nothing inside the host can tell then. Only what was noted outside would."""
    premises.lose_data()
    premises.anchor.unlink()

    assert premises.restore(outdated).people == 1
