"""The way in for who has lost the chat, in the store: the same for every address, and a session for each person."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from intake.assurance import VERIFIED_FOR, Assurance
from intake.codes import LIFE, TRIES
from intake.events import Corrected, ProvedAddress
from storage.keyring_tables import scope_keys
from storage.people.doors import EXPIRED, RIGHTS_LIFE, Confirmation
from storage.tables import codes, conversations, fields, outbox, sessions
from tests.at_the_door import EMAIL, Door, session_of, with_email
from tests.coded import Tab, remembered, sent
from tests.remembering import Memory, Visitor, done
from tests.rotating import changes_data, changes_keyring


@pytest.fixture
def door(memory: Memory) -> Door:
    """The door of a desk where nobody is known; mails to recipients of leads are not looked at."""
    return Door(memory.with_rules(recipients={}))


def test_a_person_comes_in_by_their_address(door: Door) -> None:
    """S8, S21: a session of rights alone, verified for ten minutes, over after an hour."""
    visitor = sent(door.memory)

    (admitted,) = door.comes_in().admitted

    session, now = admitted.session, door.memory.now()
    assert (session.subject, session.kind) == (visitor.subject, "rights")
    assert session.trust.at(now) is Assurance.VERIFIED
    assert session.trust.at(now + VERIFIED_FOR) is Assurance.REMEMBERED
    assert session.expires_at == now + RIGHTS_LIFE
    proved = done(
        door.memory.turns(visitor.turn(ProvedAddress(admitted.name), session=session.token_hash))[0]
    )
    assert proved.state.proven == ("email",)


def test_an_address_given_after_the_code_is_not_proven_by_it(door: Door) -> None:
    """S8: a correction that comes between the code and its note leaves an address to which nothing was ever sent."""
    visitor = sent(door.memory)
    (admitted,) = door.comes_in().admitted
    door.memory.later(seconds=1)
    visitor.does(Corrected((("email", "li.next@example.com"),)))

    [late] = door.memory.turns(
        visitor.turn(ProvedAddress(admitted.name), session=admitted.session.token_hash)
    )

    assert done(late).state.proven == ()


def test_a_code_at_the_door_makes_nobody_fresh(door: Door) -> None:
    """S8: a turn of a process whose clock is behind leaves the session what it is; after ten minutes it is masked."""
    visitor = sent(door.memory)
    (admitted,) = door.comes_in().admitted
    now = door.memory.now()

    door.memory.later(seconds=-60)
    tab = Tab(visitor, admitted.session.token_hash)
    tab.does(ProvedAddress(admitted.name))
    door.memory.rooms.clock.now = now + VERIFIED_FOR

    assert tab.trust() is Assurance.REMEMBERED


@pytest.mark.parametrize(
    "address", [EMAIL, "nobody@example.com", "no address", "", "x" * 254, "网@例子.公司"]
)
def test_asking_does_the_same_for_every_address(address: str, door: Door) -> None:
    """What stands in the databases afterwards tells nobody whether somebody gave the address."""
    sent(door.memory)
    door.memory.run(door.outbox.claim, door.memory.now())

    challenge = door.asks(address)

    (row,) = door.memory.rooms.rows(codes)
    assert (row["id"], row["subject"], row["conversation"], row["kind"]) == (challenge, "", "", "door")
    (task,) = [one for one in door.memory.rooms.rows(outbox) if one["kind"] == "code"]
    assert (task["subject"], task["recipient"], task["conversation"]) == (task["id"], "", "")


def test_asking_takes_the_same_steps_for_every_address(door: Door) -> None:
    """Statement by statement in both databases: so the answer takes as long, whoever is asked for."""
    sent(door.memory)
    steps: list[str] = []
    for engine in (door.memory.rooms.engine, door.memory.rooms.keyring.engine):
        event.listen(engine, "before_cursor_execute", lambda *given: steps.append(given[2]))

    taken = []
    for address in (EMAIL, "nobody@example.com", "no address"):
        steps.clear()
        door.asks(address)
        taken.append(tuple(steps))

    assert len(taken[0]) > 5
    assert taken == [taken[0]] * 3


@pytest.mark.parametrize("unknown", ["nobody@example.com", "no address"])
def test_only_a_known_address_is_mailed(unknown: str, door: Door) -> None:
    """And the right code of an unknown one, which nobody has read, opens nothing."""
    sent(door.memory)
    challenge = door.asks(unknown)
    task = door.memory.run(door.outbox.claim, door.memory.now())[-1]
    carried = door.memory.run(door.outbox.carried, task)

    assert door.memory.run(door.memory.store.code_receiver, carried, door.memory.now()) == ""
    assert door.enters(challenge, carried["code"]) == EXPIRED


@pytest.mark.parametrize("typed", [EMAIL.upper(), f" {EMAIL}", f"mailto:{EMAIL}", EMAIL.replace("@", "＠")])
def test_an_address_is_known_as_people_type_it(typed: str, door: Door) -> None:
    """The mail goes to the address that was given, not to the spelling that was typed."""
    sent(door.memory)
    door.asks(typed)

    assert [to for to, _ in door.mailed()] == [EMAIL]


@pytest.mark.parametrize("damage", ["state", "value", "key"])
def test_one_who_cannot_be_opened_keeps_nobody_out(damage: str, door: Door) -> None:
    """S8, S21: everybody else who gave the address is mailed and comes in."""
    broken, whole = sent(door.memory), sent(door.memory)
    mine = {table: table.c.subject == broken.subject for table in (conversations, fields, scope_keys)}
    if damage == "state":
        change = sa.update(conversations).where(mine[conversations]).values(sealed_state=b"broken")
        changes_data(door.memory, change)
    elif damage == "value":
        changes_data(door.memory, sa.update(fields).where(mine[fields]).values(sealed_value=b"broken"))
    else:
        changes_keyring(door.memory, sa.delete(scope_keys).where(mine[scope_keys]))
    door.memory.later(minutes=2)

    (admitted,) = door.comes_in().admitted

    assert admitted.session.subject == whole.subject


def test_a_look_alike_opens_nothing(door: Door) -> None:
    """Whoever owns a domain that folds to another's is mailed for their own record only."""
    mine = with_email(door.memory, "li@strasse.example.com")
    theirs = with_email(door.memory, "li@straße.example.com")

    (first,) = door.comes_in("li@strasse.example.com").admitted
    (second,) = door.comes_in("li@straße.example.com").admitted

    assert (first.session.subject, second.session.subject) == (mine.subject, theirs.subject)


def test_an_address_that_a_remembered_session_gave_opens_nothing(door: Door) -> None:
    """S8: else a thief with the cookie would come in by this door."""
    visitor = Visitor(door.memory)
    visitor.consents()
    visitor.picks("whose:own")
    for value in ("Li Canary", "Example Valves Ltd", "+86 138 0000 0000"):
        visitor.says(value)
    remembered(visitor).says("thief@example.com")

    door.asks("thief@example.com")

    assert door.mailed() == []


def test_everybody_with_an_address_has_a_session_of_their_own(door: Door) -> None:
    """Who consulted three times comes in to all three, the newest first; nothing of one shows in another."""
    visitors = []
    for _ in range(3):
        visitors.append(sent(door.memory))
        door.memory.later(seconds=1)
    with_email(door.memory, "somebody.else@example.com")

    admitted = door.comes_in().admitted

    assert [one.session.subject for one in admitted] == [one.subject for one in reversed(visitors)]
    assert len({one.token for one in admitted}) == 3


def test_who_is_being_erased_is_unknown(door: Door) -> None:
    """S24: from the commit of the erasure on, also where the code is on its way already."""
    visitor, memory = sent(door.memory), door.memory
    challenge = door.asks()
    ((_, code),) = door.mailed()
    erasure = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="asked")

    assert door.enters(challenge, code) == EXPIRED
    door.asks()
    assert door.mailed() == []
    memory.run(memory.store.finish_erasure, erasure)
    assert {row["subject"] for row in memory.rooms.rows(codes)} == {""}, (
        "whose they were is not known any more"
    )


def test_a_mail_that_is_tried_again_changes_nothing(door: Door) -> None:
    """The look-up may be done more than once."""
    sent(door.memory)
    challenge = door.asks()
    (task,) = [one for one in door.memory.run(door.outbox.claim, door.memory.now()) if one.kind == "code"]
    carried = door.memory.run(door.outbox.carried, task)

    addresses = [
        door.memory.run(door.memory.store.code_receiver, carried, door.memory.now()) for _ in range(2)
    ]

    assert addresses == [EMAIL, EMAIL]
    assert len(door.enters(challenge, carried["code"]).admitted) == 1


def test_a_code_works_once_for_ten_minutes_and_five_tries(door: Door) -> None:
    """Also outside the chat; what is no code is no try."""
    sent(door.memory)
    challenge = door.asks()
    ((_, code),) = door.mailed()
    wrong = f"{(int(code) + 1) % 10**6:06}"

    assert door.enters(challenge, "nonsense") == Confirmation(fault="wrong_code", left=TRIES)
    assert [door.enters(challenge, wrong).left for _ in range(TRIES - 1)] == [4, 3, 2, 1]
    assert door.enters(challenge, f"{code[:3]}-{code[3:]}").admitted
    assert door.enters(challenge, code) == EXPIRED
    spent = door.asks()
    ((_, code),) = door.mailed()
    assert [door.enters(spent, wrong).fault for _ in range(TRIES)] == ["wrong_code"] * TRIES
    assert door.enters(spent, code) == EXPIRED
    late = door.asks()
    ((_, code),) = door.mailed()
    door.memory.later(seconds=LIFE.total_seconds())
    assert door.enters(late, code) == EXPIRED
    assert door.enters("nobody's", code) == EXPIRED


def test_a_code_to_an_address_that_was_corrected_meanwhile_opens_nothing(door: Door) -> None:
    """S21: whoever reads the old mailbox is nobody here from then on."""
    visitor = sent(door.memory)
    challenge = door.asks()
    ((_, code),) = door.mailed()
    door.memory.later(seconds=1)
    visitor.says("correct e-mail")
    visitor.says("li.next@example.com")

    assert door.enters(challenge, code) == EXPIRED


def test_a_new_address_is_confirmed_by_the_session_that_gave_it(door: Door) -> None:
    """S21: nobody else's token, and none at all, will do; then the values are let in."""
    visitor, stranger = sent(door.memory), sent(door.memory)
    tab = Tab(visitor, visitor.token_hash)
    tab.does(ProvedAddress("email"))
    tab.says("correct e-mail")
    tab.says(tab.code())
    tab.picks("command:cancel")
    challenge = tab.does(Corrected((("email", "li.next@example.com"),))).challenge
    code = tab.code()

    assert door.enters(challenge, code) == EXPIRED
    assert door.enters(challenge, code, session_of(stranger)) == EXPIRED
    assert door.enters(challenge, code, session_of(visitor)).values == (("email", "li.next@example.com"),)
    assert door.enters(challenge, code, session_of(visitor)) == EXPIRED


def test_a_new_address_that_is_gone_is_not_confirmed(door: Door) -> None:
    """A correction meanwhile has taken it along."""
    visitor = sent(door.memory)
    tab = Tab(visitor, visitor.token_hash)
    tab.does(ProvedAddress("email"))
    tab.says("correct e-mail")
    tab.says(tab.code())
    challenge = tab.does(Corrected((("email", "li.next@example.com"),))).challenge
    code = tab.code()
    tab.does(Corrected((("phone", "+86 139 0000 0000"),)))

    assert door.enters(challenge, code, session_of(visitor)) == EXPIRED


def test_a_code_of_the_chat_is_not_entered_at_the_door(door: Door) -> None:
    """It belongs into the conversation that asked for it."""
    visitor = sent(door.memory)
    tab = remembered(visitor)
    tab.says("verify")
    session = door.memory.run(door.memory.store.session, tab.token_hash, door.memory.now())

    assert door.enters(tab.mails()[-1]["id"], tab.code(), session) == EXPIRED


def test_codes_of_the_day_before_are_gone(door: Door) -> None:
    """S12: what counted them is kept no longer than it counts, the expired sessions neither."""
    sent(door.memory)
    door.comes_in()

    door.memory.later(days=1)
    door.memory.run(door.memory.store.sweep, door.memory.now())

    assert door.memory.rooms.rows(codes) == []
    assert [row for row in door.memory.rooms.rows(sessions) if row["kind"] == "rights"] == []
