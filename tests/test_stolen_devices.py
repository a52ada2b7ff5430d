"""Copies of a remembered device's cookie: whatever came of one ends as soon as it is seen."""

from __future__ import annotations

import pytest

from intake.events import Said
from storage.errors import SessionEnded
from storage.people.devices import Return
from storage.tables import audit, devices
from tests.known_device import Device, Thief
from tests.remembering import Memory, Visitor, failed


@pytest.fixture
def device(memory: Memory) -> Device:
    """A browser whose visitor has opened the chat."""
    visitor = Visitor(memory)
    visitor.opens()
    return Device(visitor)


def test_a_secret_that_was_used_ends_the_device(device: Device) -> None:
    """S8: of a copied cookie the second use is seen; whatever was opened with it ends, and only that."""
    stolen = device.remembered().cookie
    opened = device.returns().session

    back = device.returns(stolen)

    assert opened is not None
    assert (back.session, back.ended) == (None, frozenset({opened.token_hash}))
    assert device.session(opened.token_hash) is None
    assert device.session() is not None, "the page that asked to be remembered goes on"
    assert device.returns() == Return(), "the thief's or the owner's newest cookie is of no use either"
    fault = failed(device.memory.turns(device.visitor.turn(Said("hello"), session=opened.token_hash))[0])
    assert isinstance(fault, SessionEnded)
    actions = [row["action"] for row in device.memory.rooms.rows(audit)]
    assert actions.count("device_ended") == 1


@pytest.mark.parametrize("given", ["", None])
def test_a_thief_gets_no_device_of_their_own(given: str | None, device: Device) -> None:
    """S8: what a stolen cookie opened stays of that device, remembered anew or not: the owner's return ends it all."""
    device.remembered()
    thief = Thief(device)
    thief.remembered(given=given, token_hash=thief.token_hash)
    later = thief.returns().session
    assert later is not None

    back = device.returns()

    assert (back.session, back.ended) == (None, frozenset({thief.token_hash, later.token_hash}))
    assert thief.returns() == Return()
    assert device.memory.count(devices) == 0


def test_a_thief_hides_nothing_by_forgetting(device: Device) -> None:
    """S8: the owner's cookie still shows the theft, and their page may have all that was opened ended before."""
    device.remembered()
    thief = Thief(device)
    thief.forgotten(given="", token_hash=thief.token_hash)

    assert device.returns().ended == frozenset({thief.token_hash})


def test_a_thief_s_own_conversation_does_not_take_the_device_over(device: Device) -> None:
    """S8: to be remembered there with the stolen cookie forgets what it led to, and whoever came by it."""
    device.remembered()
    thief = Thief(device)
    stranger = Visitor(device.memory)
    stranger.opens()
    elsewhere = Device(stranger)

    kept = elsewhere.remembered(given=thief.cookie)

    assert kept.ended == frozenset({thief.token_hash})
    assert elsewhere.returns().session is not None
    assert device.returns() == Return()


def test_a_page_with_a_spent_cookie_shows_the_theft_too(device: Device) -> None:
    """S8: also where it asks to be remembered: a page of its own goes on, what the stolen cookie opened ends."""
    device.remembered()
    thief = Thief(device)

    kept = device.remembered()

    assert kept.ended == frozenset({thief.token_hash})
    assert device.returns().session is not None
    assert thief.returns() == Return()


def test_a_resumed_page_with_a_spent_cookie_ends(device: Device) -> None:
    """S8: whether it is the owner's or the thief's, nobody can tell."""
    device.remembered()
    owner = device.returns().session
    assert owner is not None
    thief = Thief(device)

    kept = device.remembered(token_hash=owner.token_hash)

    assert kept == Return(ended=frozenset({owner.token_hash, thief.token_hash}))
    assert device.memory.count(devices) == 0
