"""Remembered devices in the store: found by a cookie once, ended by a theft, gone with the person."""

from __future__ import annotations

import hashlib

import pytest

from intake.assurance import Assurance
from intake.events import Said
from storage.errors import SessionEnded, SubjectErased
from storage.people.devices import Return
from storage.tables import devices, sessions
from tests.coded import Tab
from tests.known_device import Device
from tests.remembering import Memory, Visitor, failed


@pytest.fixture
def device(memory: Memory) -> Device:
    """A browser whose visitor has opened the chat."""
    visitor = Visitor(memory)
    visitor.opens()
    return Device(visitor)


def test_a_cookie_leads_back(device: Device) -> None:
    """S8: to the same conversation, as a remembered session, under a token of its own."""
    device.remembered()

    back = device.returns()

    assert back.session is not None
    assert back.session.conversation == device.visitor.conversation
    assert back.session.trust.at(device.memory.now()) is Assurance.REMEMBERED
    assert back.session == device.session(back.session.token_hash)
    assert device.returns().session is not None


def test_a_clock_that_is_behind_makes_nobody_fresh(device: Device) -> None:
    """S8: whoever came by a cookie sees masked values, whatever the clock of the process says that takes their turn."""
    device.remembered()
    back = device.returns().session
    assert back is not None

    device.memory.later(seconds=-60)
    tab = Tab(device.visitor, back.token_hash)
    tab.says("hello")

    assert tab.trust() is Assurance.REMEMBERED


def test_only_hashes_are_kept(device: Device) -> None:
    """S8: nobody who reads the database can come back with what stands there."""
    device.remembered()
    (row,) = device.memory.rooms.rows(devices)

    assert row["id"] == device.cookie.partition(".")[0]
    assert row["secret_hash"] == hashlib.sha256(device.cookie.partition(".")[2].encode()).digest()


@pytest.mark.parametrize("cookie", ["nonsense", ".", "a.b", "\udcff.\udcff", "x" * 9_000])
def test_an_invented_cookie_leads_nowhere(cookie: str, device: Device) -> None:
    """Whatever a header may hold, it is no fault of ours."""
    device.remembered()

    assert device.returns(cookie) == Return()
    assert device.memory.count(devices) == 1


def test_another_site_s_page_does_not_come_back(device: Device) -> None:
    """S1: a conversation belongs to its site."""
    device.remembered()

    assert device.returns(site="elsewhere") == Return()
    assert device.returns().session is not None


def test_a_device_is_known_for_its_time(device: Device) -> None:
    """S8, S12: counted from the last visit; afterwards the sweep takes it away."""
    keep = device.memory.rules.sessions.remembered
    device.remembered()

    device.memory.later(seconds=keep.total_seconds() - 1)
    assert device.returns().session is not None
    device.memory.later(seconds=keep.total_seconds())
    assert device.returns() == Return()
    device.memory.run(device.memory.store.sweep, device.memory.now())

    assert device.memory.count(devices) == 0


def test_a_device_can_be_forgotten(device: Device) -> None:
    """S8: the one whose cookie it is; others of the same conversation stay."""
    other = Device(device.visitor)
    other.remembered()
    device.remembered()

    opened, spared = device.returns().session, other.returns().session
    assert opened is not None
    assert spared is not None

    assert device.forgotten() == frozenset({opened.token_hash}), "whoever came back with it is out"

    assert device.session(opened.token_hash) is None
    assert device.session(spared.token_hash) is not None
    assert device.returns() == Return()
    assert other.returns().session is not None


def test_without_its_cookie_every_device_is_forgotten(device: Device) -> None:
    """S8: who asks on a page that has no cookie is not asked to look for the right one."""
    other = Device(device.visitor)
    other.remembered()
    device.remembered()

    opened = {one.token_hash for at in (device, other) if (one := at.returns().session)}

    assert device.forgotten(given="") == opened, "nor does what was opened with them go on"

    assert (device.memory.count(devices), len(opened)) == (0, 2)
    assert device.session() is not None


def test_who_forgets_their_own_device_goes_on(device: Device) -> None:
    """S8: the page that was resumed stays open; the cookie is of no use, and shows that it was copied."""
    device.remembered()
    resumed = device.returns().session
    assert resumed is not None

    assert device.forgotten(token_hash=resumed.token_hash) == frozenset()

    assert device.session(resumed.token_hash) is not None
    assert device.returns().ended == frozenset({resumed.token_hash})
    assert device.memory.count(devices) == 0


def test_what_was_forgotten_is_known_no_longer_than_its_session(device: Device) -> None:
    """S12: after a day nothing is left to see a copy by, and nothing to end."""
    device.remembered()
    resumed = device.returns().session
    assert resumed is not None
    device.forgotten(token_hash=resumed.token_hash)

    device.memory.later(days=1)
    device.memory.run(device.memory.store.sweep, device.memory.now())

    assert (device.memory.count(devices), device.returns()) == (0, Return())


def test_a_browser_is_one_device(device: Device) -> None:
    """Being remembered again takes the place of what the browser had."""
    device.remembered()
    first = device.cookie
    device.remembered()

    assert device.memory.count(devices) == 1
    assert device.returns(first) == Return()


def test_erasing_forgets_the_device(device: Device) -> None:
    """S8, S24: nobody comes back to somebody who was erased, and nobody is remembered then."""
    device.remembered()
    session = device.session()
    memory = device.memory
    erasure = memory.run(memory.store.begin_erasure, device.visitor.subject, memory.now(), reason="asked")

    with pytest.raises(SubjectErased):
        memory.run(memory.store.remember_device, session, "", memory.now())
    assert device.returns() == Return()
    certificate = memory.run(memory.store.finish_erasure, erasure)

    assert "remembered devices" in certificate["destroyed"]
    assert memory.count(devices) == 0
    assert {row["device"] for row in memory.rooms.rows(sessions)} == {""}


def test_use_is_noted_while_a_page_is_fresh(device: Device) -> None:
    """A page in use stays fresh; two tabs of one conversation are trusted each by itself."""
    memory, visitor = device.memory, device.visitor
    device.remembered()
    resumed = device.returns().session
    assert resumed is not None

    memory.later(minutes=59)
    one = memory.turns(visitor.turn(Said("hello"), session=visitor.token_hash))[0]
    two = memory.turns(visitor.turn(Said("hello"), session=resumed.token_hash))[0]
    memory.later(minutes=59)

    assert device.session().trust.at(memory.now()) is Assurance.FRESH
    assert getattr(one, "trust", None) == device.session().trust
    assert getattr(two, "trust", None) == resumed.trust
    memory.later(minutes=1)
    assert device.session().trust.at(memory.now()) is Assurance.REMEMBERED


def test_a_session_that_ended_says_nothing_more(device: Device) -> None:
    """Unknown or past its time: the turn fails, and nothing of it is kept, a repeat included."""
    memory, visitor = device.memory, device.visitor
    turn = visitor.turn(Said("hello"), session=visitor.token_hash)
    memory.turns(turn)

    strange = memory.turns(visitor.turn(Said("hello"), session=b"nobody's"))[0]
    memory.later(days=1)
    late, repeated = memory.turns(visitor.turn(Said("hello"), session=visitor.token_hash), turn)

    assert all(isinstance(failed(one), SessionEnded) for one in (strange, late))
    assert getattr(repeated, "repeated", False), "its own time still counts"
