"""How many codes go to one address at the door, how often they are guessed at, and how many people one lets in."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from intake.codes import PER_DAY, PER_HOUR, TRIES
from intake.events import ProvedAddress
from storage.people.doors import PERSONS_MAX
from storage.tables import codes
from tests.at_the_door import EMAIL, Door, with_email
from tests.coded import remembered, sent
from tests.remembering import Memory


@pytest.fixture
def door(memory: Memory) -> Door:
    """The door of a desk where nobody is known; mails to recipients of leads are not looked at."""
    return Door(memory.with_rules(recipients={}))


def test_codes_to_one_address_are_bounded(door: Door) -> None:
    """Five an hour; beyond, the answer is the same, and nothing goes out."""
    sent(door.memory)
    challenges = {door.asks() for _ in range(PER_HOUR + 2)}

    assert len(door.mailed()) == PER_HOUR
    assert len(challenges) == PER_HOUR + 2
    door.memory.later(hours=1)
    door.asks()
    assert len(door.mailed()) == 1


def test_other_spellings_of_an_address_are_the_same_address(door: Door) -> None:
    """Whatever the client sends, one address is mailed and guessed at so often in a day, and no more."""
    sent(door.memory)
    padding, guesses, mails = 0, 0, 0
    for _ in range(24):
        for _ in range(PER_HOUR + 1):
            padding += 1
            challenge = door.asks(f"mailto:{' ' * padding}{EMAIL}")
            for _, code in door.mailed():
                mails += 1
                wrong = f"{(int(code) + 1) % 10**6:06}"
                guesses += [door.enters(challenge, wrong).fault for _ in range(TRIES + 1)].count("wrong_code")
        door.memory.later(hours=1)

    assert (mails, guesses) == (PER_DAY, PER_DAY * TRIES)


def test_codes_that_two_processes_take_at_once_are_bounded(door: Door) -> None:
    """Two may each see room for the last code: when the mails are carried, the bound is looked at once more."""
    sent(door.memory)
    for _ in range(PER_HOUR - 1):
        door.asks()
    before = {str(row["id"]) for row in door.memory.rooms.rows(codes)}
    door.asks()
    (other,) = {str(row["id"]) for row in door.memory.rooms.rows(codes)} - before
    at = door.memory.now()
    _moved(door, other, at - timedelta(days=2))  # the second process does not see it yet
    door.asks()
    _moved(door, other, at)

    assert len(door.mailed()) == PER_HOUR


def _moved(door: Door, challenge: str, at: datetime) -> None:
    def move() -> None:
        with door.memory.rooms.engine.begin() as connection:
            connection.execute(update(codes).where(codes.c.id == challenge).values(created_at=at))

    door.memory.run(move)


def test_an_erasure_allows_no_more_codes(door: Door) -> None:
    """S24: who gives somebody else's address, asks for codes and erases begins no new count."""
    memory = door.memory
    sent(memory)
    invented = sent(memory)
    for _ in range(PER_HOUR):
        door.asks()
    assert len(door.mailed()) == PER_HOUR

    erasure = memory.run(memory.store.begin_erasure, invented.subject, memory.now(), reason="asked")
    memory.run(memory.store.finish_erasure, erasure)
    door.asks()

    assert door.mailed() == []


def test_codes_that_went_out_in_the_chat_do_not_show_at_the_door(door: Door) -> None:
    """Else whoever asks would see that fewer are left for an address, and so that it is known."""
    tab = remembered(sent(door.memory))
    tab.says("verify")
    for _ in range(PER_HOUR - 1):
        tab.picks("code:again")
    assert len(tab.mails()) == PER_HOUR

    challenge = door.asks()

    assert door.enters(challenge, "000000").fault == "wrong_code"


def test_who_sent_a_lead_or_proved_the_address_is_let_in_first(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S8, S21: people invented before them with their address, however many, shut nobody out."""
    monkeypatch.setattr("storage.people.doors.PERSONS_MAX", 2)
    memory = door.memory
    for _ in range(3):
        with_email(memory, EMAIL)
        memory.later(seconds=1)
    proven = with_email(memory, EMAIL)
    proven.does(ProvedAddress("email"))
    memory.later(seconds=1)
    owner = sent(memory)

    assert [one.session.subject for one in door.comes_in().admitted] == [owner.subject, proven.subject]


def test_one_mail_goes_out_however_many_there_are(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who came first is let in first, and who is too many by the next code: nobody is hidden behind many others."""
    monkeypatch.setattr("storage.people.doors.PERSONS_MAX", 2)
    people = []
    for _ in range(5):
        people.append(sent(door.memory).subject)
        door.memory.later(seconds=1)

    pages = [{one.session.subject for one in door.comes_in().admitted} for _ in range(4)]

    assert pages == [{*people[:2]}, {*people[2:4]}, {people[4], people[0]}, {*people[:2]}]
    assert PERSONS_MAX > 1
