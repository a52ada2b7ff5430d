"""Colleagues: one-time links, revocable sessions, nothing to steal from the database."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.errors import Conflict, NotFound, StorageError
from storage.sales.staff import LINK_LIFE, SESSION_LIFE, STAFF_SCOPE, Staff
from storage.tables import staff, staff_links, staff_sessions
from tests.rooms import Rooms, bare_rooms

ANNA = "Anna@desk.example.com"


@pytest.fixture
def rooms(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Rooms]:
    """Both databases, open."""
    with bare_rooms(data_url, keyring_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def colleagues(rooms: Rooms) -> Staff:
    """The list of colleagues."""
    return Staff(rooms.engine, rooms.keyring, random=os.urandom)


def _signed_in(rooms: Rooms, colleagues: Staff) -> str:
    rooms.run(colleagues.add, ANNA, "sales", rooms.clock())
    link = rooms.run(colleagues.link, ANNA, rooms.clock())
    token = rooms.run(colleagues.enter, link, rooms.clock())
    assert token
    return token


def test_a_colleague_is_listed_with_their_role(rooms: Rooms, colleagues: Staff) -> None:
    """Who was added is on the list, in that order, and may come in."""
    added = rooms.run(colleagues.add, ANNA, "sales", rooms.clock())
    rooms.run(colleagues.add, "ben@desk.example.com", "privacy", rooms.clock.tick(seconds=1))

    listed = rooms.run(colleagues.colleagues)

    assert listed[0] == added
    assert [(one.email, one.role, one.disabled_at) for one in listed] == [
        (ANNA, "sales", None),
        ("ben@desk.example.com", "privacy", None),
    ]


@pytest.mark.parametrize("gone", [True, False])
def test_a_damaged_address_keeps_nobody_else_out(rooms: Rooms, colleagues: Staff, gone: bool) -> None:
    """The list has the others, who get links and can be shut out; only whose own it is does not come in."""
    damaged = rooms.run(colleagues.add, "ben@desk.example.com", "sales", rooms.clock())
    link = rooms.run(colleagues.link, damaged.email, rooms.clock())
    token = rooms.run(colleagues.enter, link, rooms.clock())
    anna = rooms.run(colleagues.add, ANNA, "sales", rooms.clock.tick(seconds=1))
    if gone:
        rooms.run(rooms.keyring.destroy, damaged.id, None, tombstone=False, at=rooms.clock())
    else:
        rooms.run(_damage, rooms, damaged.id)

    listed = rooms.run(colleagues.colleagues)

    assert [(one.id, one.email) for one in listed] == [(damaged.id, ""), (anna.id, ANNA)]
    assert rooms.run(colleagues.link, ANNA, rooms.clock())
    with pytest.raises(StorageError):
        rooms.run(colleagues.session, token or "", rooms.clock())


def _damage(rooms: Rooms, colleague: str) -> None:
    with rooms.engine.begin() as connection:
        connection.execute(sa.update(staff).where(staff.c.id == colleague).values(sealed_email=b"AF\x01 no"))


def test_an_address_is_never_in_the_table(rooms: Rooms, colleagues: Staff) -> None:
    """E-mail addresses of colleagues are sealed, too, and printed by nothing (S10)."""
    added = rooms.run(colleagues.add, ANNA, "sales", rooms.clock())

    (row,) = rooms.rows(staff)

    assert b"anna" not in bytes(row["sealed_email"]).lower()  # type: ignore[call-overload]  # rows are of many types
    assert "Anna" not in repr(added)
    assert added.actor == f"staff:{added.id}"


def test_the_sweep_of_orphan_keys_spares_colleagues(rooms: Rooms, colleagues: Staff) -> None:
    """A colleague's key is settled: nobody takes it for one that lost its data."""
    rooms.run(colleagues.add, ANNA, "sales", rooms.clock())

    orphans = rooms.run(rooms.keyring.orphans, rooms.clock.tick(days=2))

    assert [name for name in orphans if name[1] == STAFF_SCOPE] == []


def test_one_address_is_one_colleague(rooms: Rooms, colleagues: Staff) -> None:
    """The same address in other letters is not added twice, and the fault does not repeat it."""
    rooms.run(colleagues.add, ANNA, "sales", rooms.clock())

    with pytest.raises(Conflict) as fault:
        rooms.run(colleagues.add, ANNA.upper(), "admin", rooms.clock())

    assert "anna" not in str(fault.value).lower()


def test_there_are_three_roles(rooms: Rooms, colleagues: Staff) -> None:
    """A role that the contract does not know is refused."""
    with pytest.raises(ValueError, match="sales, privacy, admin"):
        rooms.run(colleagues.add, ANNA, "root", rooms.clock())

    assert rooms.rows(staff) == []


def test_a_link_opens_a_session(rooms: Rooms, colleagues: Staff) -> None:
    """Who holds a fresh link comes in as its colleague."""
    token = _signed_in(rooms, colleagues)

    colleague = rooms.run(colleagues.session, token, rooms.clock())

    assert colleague is not None
    assert (colleague.email, colleague.role) == (ANNA, "sales")


def test_a_link_works_once(rooms: Rooms, colleagues: Staff) -> None:
    """A link that was used, or overheard afterwards, opens nothing."""
    rooms.run(colleagues.add, ANNA, "sales", rooms.clock())
    link = rooms.run(colleagues.link, ANNA, rooms.clock())

    assert rooms.run(colleagues.enter, link, rooms.clock()) is not None
    assert rooms.run(colleagues.enter, link, rooms.clock()) is None


def test_a_link_is_short_lived(rooms: Rooms, colleagues: Staff) -> None:
    """At the end of its hour a link opens nothing."""
    rooms.run(colleagues.add, ANNA, "sales", rooms.clock())
    link = rooms.run(colleagues.link, ANNA, rooms.clock())

    assert rooms.run(colleagues.enter, link, rooms.clock() + LINK_LIFE) is None
    assert rooms.rows(staff_sessions) == []


def test_a_new_link_voids_the_one_before(rooms: Rooms, colleagues: Staff) -> None:
    """A link that went astray is replaced, not joined, by the next."""
    rooms.run(colleagues.add, ANNA, "sales", rooms.clock())
    astray = rooms.run(colleagues.link, ANNA, rooms.clock())
    rooms.run(colleagues.link, ANNA, rooms.clock())

    assert rooms.run(colleagues.enter, astray, rooms.clock()) is None


def test_links_and_sessions_are_kept_as_hashes(rooms: Rooms, colleagues: Staff) -> None:
    """A copy of the database lets nobody in."""
    token = _signed_in(rooms, colleagues)
    link = rooms.run(colleagues.link, ANNA, rooms.clock())

    kept = repr(rooms.rows(staff_links)) + repr(rooms.rows(staff_sessions))

    assert link not in kept
    assert token not in kept


def test_a_session_ends_with_the_day(rooms: Rooms, colleagues: Staff) -> None:
    """After twelve hours the cookie is worth nothing, and its row goes at the next sign-in."""
    token = _signed_in(rooms, colleagues)
    rooms.clock.now += SESSION_LIFE

    assert rooms.run(colleagues.session, token, rooms.clock()) is None

    link = rooms.run(colleagues.link, ANNA, rooms.clock())
    rooms.run(colleagues.enter, link, rooms.clock())
    assert len(rooms.rows(staff_sessions)) == 1


def test_signing_out_ends_the_session(rooms: Rooms, colleagues: Staff) -> None:
    """Sessions can be revoked: a cookie that was copied before is worth nothing after."""
    token = _signed_in(rooms, colleagues)

    rooms.run(colleagues.leave, token)

    assert rooms.run(colleagues.session, token, rooms.clock()) is None


def test_a_disabled_colleague_is_out_at_once(rooms: Rooms, colleagues: Staff) -> None:
    """Their session ends, their unused link is void, and no new one is made; they stay on the list for the audit."""
    token = _signed_in(rooms, colleagues)
    link = rooms.run(colleagues.link, ANNA, rooms.clock())

    rooms.run(colleagues.disable, ANNA, rooms.clock())

    assert rooms.run(colleagues.session, token, rooms.clock()) is None
    assert rooms.run(colleagues.enter, link, rooms.clock()) is None
    with pytest.raises(NotFound):
        rooms.run(colleagues.link, ANNA, rooms.clock())
    (listed,) = rooms.run(colleagues.colleagues)
    assert listed.disabled_at == rooms.clock()


def test_nobody_else_gets_a_link(rooms: Rooms, colleagues: Staff) -> None:
    """An address that is not on the list has no way in, and the fault does not repeat it."""
    rooms.run(colleagues.add, ANNA, "sales", rooms.clock())

    with pytest.raises(NotFound) as fault:
        rooms.run(colleagues.link, "mallory@desk.example.com", rooms.clock())

    assert "mallory" not in str(fault.value)
