"""What a restore does with ways in: remembered devices, what they opened, and codes that were under way."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from storage.people.devices import Return
from storage.tables import codes, devices, sessions
from tests.coded import remembered
from tests.premises import Premises
from tests.remembering import Memory, Visitor


def _remember(memory: Memory, visitor: Visitor) -> str:
    session = memory.run(memory.store.session, visitor.token_hash, memory.now())
    return str(memory.run(memory.store.remember_device, session, "", memory.now()).cookie)


def _back(memory: Memory, cookie: str, name: str) -> Return:
    given: dict[str, Any] = {
        "site": "default",
        "token_hash": hashlib.sha256(name.encode()).digest(),
        "expires_at": memory.now() + timedelta(days=1),
        "now": memory.now(),
    }
    back: Return = memory.run(memory.store.come_back, cookie, **given)
    return back


def test_devices_are_known_as_they_are_now(premises: Premises) -> None:
    """S8: what was spent or forgotten since opens nothing again; what holds now, holds; whoever is gone has none."""
    with premises.memory() as memory:
        visitor, forgetful = Visitor(memory), Visitor(memory)
        visitor.sends()
        forgetful.sends()
        spent, forgotten = _remember(memory, visitor), _remember(memory, forgetful)
        assert _back(memory, forgotten, "of then").session is not None
    folder = premises.back_up()
    with premises.memory() as memory:
        newest = _back(memory, spent, "of now").cookie
        session = memory.run(memory.store.session, forgetful.token_hash, memory.now())
        memory.run(memory.store.forget_device, session, "", memory.now())
        lost = Visitor(memory)
        lost.sends()
        _remember(memory, lost)

    premises.restore(folder)

    with premises.memory() as memory:
        hashes = {row["token_hash"] for row in memory.rooms.rows(sessions)}
        assert [row["subject"] for row in memory.rooms.rows(devices)] == [visitor.subject]
        assert hashlib.sha256(b"of now").digest() in hashes
        assert hashlib.sha256(b"of then").digest() not in hashes
        assert _back(memory, newest, "again").session is not None
        assert _back(memory, spent, "stolen").session is None


@pytest.mark.parametrize("lost", [False, True], ids=["data there", "disk lost"])
def test_no_code_survives(premises: Premises, *, lost: bool) -> None:
    """A code that was asked for then or now works no more; another one can be asked for."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
        tab = remembered(visitor)
        tab.picks("command:verify")
        assert len(memory.rooms.rows(codes)) == 1
    folder = premises.back_up()
    if lost:
        premises.lose_data()

    premises.restore(folder)

    with premises.memory() as memory:
        assert memory.rooms.rows(codes) == []
        assert len(memory.rooms.rows(devices)) == (0 if lost else 1)
