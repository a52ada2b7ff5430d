"""Codes where several have a part in them: people who gave one address, sessions of one conversation."""

from __future__ import annotations

import pytest

from intake.codes import PER_HOUR
from intake.events import Said
from tests.at_the_door import Door
from tests.coded import Tab, remembered, sent
from tests.remembering import DETAILS, Memory, done, keys_of
from tests.rotating import rotates


@pytest.mark.parametrize("erased", [False, True])
def test_codes_to_one_address_are_bounded_however_many_people_gave_it(erased: bool, memory: Memory) -> None:
    """Invented people send a stranger no more than one could, erased or not; nothing tells of the others."""
    went = 0
    for _ in range(3):
        visitor = sent(memory)
        coming = remembered(visitor)
        for again in range(PER_HOUR - 2):
            said = coming.picks("code:again") if again else coming.says("verify")
            assert keys_of(said)[0] == ("code.ask.again" if again else "code.ask")
            went += bool(memory.run(memory.store.code_receiver, coming.mails()[-1], memory.now()))
            memory.later(seconds=1)
        if erased:
            erasure = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="asked")
            certificate = memory.run(memory.store.finish_erasure, erasure)
            assert "code counts" in {one["what"] for one in certificate["remaining"]}

    assert went == PER_HOUR


@pytest.mark.parametrize("rotated_by", ["the sender", "the other"])
def test_a_code_is_right_in_a_process_that_knows_other_epochs(
    memory: Memory, second: Memory, rotated_by: str
) -> None:
    """S8: one process has opened the new epoch, another has not yet: in the chat and at the door, no try is spent."""
    visitor = sent(memory.with_rules(recipients={}))
    coming, door = remembered(visitor), Door(visitor.memory)
    rotates(memory if rotated_by == "the sender" else second)
    coming.picks("command:export")
    entered = visitor.turn(Said(coming.code()), session=coming.token_hash)
    memory.later(seconds=1)
    challenge = door.asks()
    _, (_, code) = door.mailed()  # the oldest first: the chat's, then the door's

    (said,) = second.turns(entered)
    came_in = second.run(second.store.confirm_code, challenge, code, second.now())

    assert {len(memory.rooms.keyring.epochs._held), len(second.rooms.keyring.epochs._held)} == {1, 2}
    assert keys_of(done(said))[0] == "export"
    assert [one.session.subject for one in came_in.admitted] == [visitor.subject]


@pytest.mark.parametrize("said", ["correct e-mail", "correct phone"])
def test_what_a_fresh_page_left_open_is_not_answered_by_the_cookie(said: str, memory: Memory) -> None:
    """S8, S21: nothing is kept of a value that comes from a remembered session, whoever opened the question."""
    visitor = sent(memory)
    coming = remembered(visitor)
    Tab(visitor, visitor.token_hash).says(said)

    assert keys_of(coming.says("li.next@example.com")) == ["code.ask"]
    assert memory.run(memory.store.find, "email", DETAILS["email"]) == [visitor.subject]
    assert keys_of(coming.says(coming.code())) == ["correct.value"]
