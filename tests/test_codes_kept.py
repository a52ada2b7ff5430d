"""One-time codes in the store: what stands there of them, what they open, and when they work no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from intake.assurance import VERIFIED_FOR, Assurance
from intake.codes import LIFE, PER_HOUR, TRIES
from intake.events import Corrected, ProvedAddress, Said
from intake.outcomes import Heard, Reply, SendCode
from storage.errors import NotFound
from storage.tables import codes, index_rows
from tests.coded import Tab, remembered, sent
from tests.remembering import DETAILS, Memory, Visitor, failed, keys_of

EMAIL = "li.next@example.com"


@pytest.fixture
def coming(memory: Memory) -> Tab:
    """A visitor who comes back by a cookie after sending a lead."""
    return remembered(sent(memory))


def waiting(memory: Memory) -> list[Any]:
    """Return what waits for codes, sealed."""
    return [row["sealed_values"] for row in memory.rooms.rows(codes) if row["sealed_values"] is not None]


def open_rows(memory: Memory) -> list[dict[str, Any]]:
    """Return the rows of codes that work."""
    return [row for row in memory.rooms.rows(codes) if row["code_mac"] is not None]


def test_a_code_is_mailed_and_kept_as_its_mac(coming: Tab, tmp_path: Path) -> None:
    """S8, S10: the mail goes to the kept address; neither it nor the code stands anywhere in the clear."""
    asked = coming.picks("command:export")
    (row,) = coming.memory.rooms.rows(codes)
    (mail,) = coming.mails()

    assert keys_of(asked) == ["code.ask"]
    assert (mail["to"], len(mail["code"]), mail["id"]) == (DETAILS["email"], 6, row["id"])
    assert row["mac"] in {one["mac"] for one in coming.memory.rooms.rows(index_rows)}
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (mail["code"], DETAILS["email"]):
        assert secret.encode() not in kept
    assert asked.values["email"] == DETAILS["email"], "so that its mask can be shown"


def test_the_right_code_verifies_the_session_that_entered_it(coming: Tab) -> None:
    """S8: for ten minutes, and no other session of the conversation; what was asked is carried out."""
    coming.picks("command:verify")

    entered = coming.says(coming.code())

    assert keys_of(entered) == ["view", "free.ask"]
    assert entered.messages[0].body == Heard(code=True)
    assert entered.trust is not None
    assert entered.trust.at(coming.memory.now()) is coming.trust() is Assurance.VERIFIED
    assert open_rows(coming.memory) == []
    assert entered.state.proven == ("email",)
    coming.memory.later(seconds=VERIFIED_FOR.total_seconds())
    assert coming.trust() is Assurance.REMEMBERED
    assert keys_of(coming.picks("command:export")) == ["code.ask"]


def test_a_code_works_once(coming: Tab) -> None:
    """Whoever reads it over a shoulder comes too late."""
    coming.picks("command:export")
    code = coming.code()
    coming.says(code)
    coming.memory.later(minutes=11)

    coming.picks("command:export")

    assert keys_of(coming.says(code)) == ["rejected.code.wrong"]


def test_a_code_is_tried_five_times(coming: Tab) -> None:
    """Then it works no more, not even the right one; the tries are counted across sessions and survive all else."""
    coming.picks("command:export")
    code, wrong = coming.code(), coming.wrong()

    said = [keys_of(coming.says(wrong))[0] for _ in range(TRIES)]

    assert said == ["rejected.code.wrong"] * (TRIES - 1) + ["rejected.code.spent"]
    assert keys_of(coming.says(code)) == ["rejected.code.expired"]
    assert coming.trust() is Assurance.REMEMBERED


def test_tries_in_one_group_are_counted_one_by_one(coming: Tab) -> None:
    """Many guesses at once are no more than many guesses."""
    coming.picks("command:export")
    wrong, code = coming.wrong(), coming.code()
    guesses = [coming.visitor.turn(Said(text), session=coming.token_hash) for text in [wrong] * 5 + [code]]

    coming.memory.turns(*guesses)

    assert coming.trust() is Assurance.REMEMBERED
    assert [row["misses"] for row in coming.memory.rooms.rows(codes)] == [TRIES]


def test_a_repeated_guess_is_one(coming: Tab) -> None:
    """The same frame again changes nothing."""
    coming.picks("command:export")
    turn = coming.visitor.turn(Said(coming.wrong()), session=coming.token_hash)

    for _ in range(3):
        coming.memory.turns(turn)

    assert [row["misses"] for row in coming.memory.rooms.rows(codes)] == [1]


def test_a_code_works_for_ten_minutes(coming: Tab) -> None:
    """One second later it is too late."""
    coming.picks("command:export")
    code = coming.code()

    coming.memory.later(seconds=LIFE.total_seconds())

    assert keys_of(coming.says(code)) == ["rejected.code.expired"]


def test_another_code_takes_the_place_of_the_first(coming: Tab) -> None:
    """Of two that are on their way only the newer one works."""
    coming.picks("command:export")
    first = coming.code()
    coming.memory.later(seconds=1)
    coming.picks("code:again")

    assert keys_of(coming.says(first)) == ["rejected.code.wrong"]
    assert keys_of(coming.says(coming.code())) == ["export", "free.ask"]


def test_codes_to_one_person_are_bounded(coming: Tab) -> None:
    """Five an hour; and the rows that count them are gone after a day."""
    coming.picks("command:export")
    for _ in range(PER_HOUR - 1):
        coming.picks("code:again")

    assert keys_of(coming.picks("code:again")) == ["code.too_many"]
    coming.memory.later(hours=1)
    assert keys_of(coming.picks("code:again")) == ["code.ask.again"]
    coming.memory.later(days=1)
    coming.memory.run(coming.memory.store.sweep, coming.memory.now())
    assert coming.memory.count(codes) == 0


def test_two_tabs_share_the_question_not_the_trust(coming: Tab) -> None:
    """A code that one tab asked for can be entered in the other: whoever enters it has the mail."""
    coming.picks("command:export")
    other = Tab(coming.visitor, coming.visitor.token_hash)

    answer = other.says(coming.code())

    assert keys_of(answer) == ["export", "free.ask"]
    assert coming.trust() is Assurance.REMEMBERED
    assert other.trust() is Assurance.VERIFIED


def test_a_proven_address_changes_with_two_codes(coming: Tab) -> None:
    """S8, S21: the new one waits sealed for its code; then it is found by, and the old one is not."""
    memory = coming.memory
    coming.says("correct e-mail")
    coming.says(coming.code())

    asked = coming.says(EMAIL)
    assert keys_of(asked) == ["code.ask.new"]
    assert asked.values["email:new"] == EMAIL
    assert asked.messages[0].body == Heard(private=True)
    assert (coming.mails()[-1]["to"], len(waiting(memory))) == (EMAIL, 1)
    wrong = coming.says(coming.wrong())
    assert wrong.values["email:new"] == EMAIL
    changed = coming.says(coming.code())

    assert keys_of(changed) == ["corrected", "free.ask"]
    assert waiting(memory) == []
    assert memory.run(memory.store.find, "email", EMAIL) == [coming.visitor.subject]
    assert memory.run(memory.store.find, "email", DETAILS["email"]) == []


def test_what_waits_is_shown_again_until_its_time_is_over(coming: Tab) -> None:
    """S12: a page that is loaded anew still says where the code went; once it has expired, the address is gone."""
    memory = coming.memory
    coming.says("correct e-mail")
    coming.says(coming.code())
    coming.says(EMAIL)

    read = memory.run(memory.store.transcript, coming.visitor.conversation, 0)
    memory.later(seconds=LIFE.total_seconds())
    memory.run(memory.store.sweep, memory.now())
    later = memory.run(memory.store.transcript, coming.visitor.conversation, 0)

    assert (read.values["email:new"], "email:new" in later.values) == (EMAIL, False)
    assert (waiting(memory), open_rows(memory)) == ([], [])
    assert keys_of(coming.picks("code:again")) == ["code.late", "correct.value"]


def test_what_waits_goes_with_a_correction_meanwhile(coming: Tab) -> None:
    """A corrected phone takes the profile to another key; the new address is asked for once more."""
    coming.says("correct e-mail")
    coming.says(coming.code())
    coming.says(EMAIL)
    code = coming.code()

    coming.does(Corrected((("phone", "+86 139 0000 0000"),)))

    assert waiting(coming.memory) == []
    assert keys_of(coming.says(code)) == ["code.late", "correct.value"]


def test_values_that_wait_for_a_code_over_http_are_not_kept_before(coming: Tab) -> None:
    """S21: `PATCH /me` of a proven address names the code's challenge, and changes nothing yet."""
    coming.says("verify")
    coming.says(coming.code())

    done = coming.does(Corrected((("email", EMAIL),)))

    assert done.challenge == coming.mails()[-1]["id"]
    assert (done.messages, done.refused) == ((), "")
    assert coming.memory.run(coming.memory.store.find, "email", EMAIL) == []
    coming.says("export")
    assert len(open_rows(coming.memory)) == 1, "the chat's codes and these leave each other alone"


@pytest.mark.parametrize("scope", ["all", "draft"])
def test_erasing_takes_codes_along(scope: str, memory: Memory) -> None:
    """S24: nothing waits for who is gone, and no code of theirs works or is mailed."""
    visitor = Visitor(memory)
    visitor.reviews()
    coming = remembered(visitor)
    coming.says("verify")
    (mail,) = coming.mails()

    if scope == "all":
        coming.says("delete")
        erasure = coming.picks("delete:all").erasure
    else:
        coming.picks("command:cancel")
        erasure = coming.picks("review:cancel").erasure
    certificate = memory.run(memory.store.finish_erasure, erasure)

    assert open_rows(memory) == []
    assert memory.run(memory.store.code_receiver, mail, memory.now()) == ""
    assert ("one-time codes" in certificate["destroyed"]) is (scope == "all")
    assert (memory.count(codes, subject=visitor.subject) == 0) is (scope == "all")
    assert memory.count(codes) == 1, "that there was one counts for a day; whose, nobody knows"


def test_a_code_goes_out_while_it_works(coming: Tab) -> None:
    """A mail server that was away for long is not handed codes of yesterday."""
    coming.says("verify")
    (mail,) = coming.mails()
    store = coming.memory.store

    assert coming.memory.run(store.code_receiver, mail, coming.memory.now()) == DETAILS["email"]
    coming.says(coming.code())
    assert coming.memory.run(store.code_receiver, mail, coming.memory.now()) == ""


def test_a_code_without_an_address_is_our_own_fault(memory: Memory) -> None:
    """The engine asks for none where none is kept; the turn fails alone."""
    visitor = Visitor(memory)
    visitor.consents()

    assert isinstance(failed(visitor.steps(SendCode("email"))), NotFound)


def test_on_telegram_the_conversation_is_what_is_verified(memory: Memory) -> None:
    """A chat needs no code for anything, but for changing an address that was proven: to the old one and to the new."""
    visitor = Visitor(memory, channel="telegram", chat=470011223344)
    visitor.sends()
    assert keys_of(visitor.picks("command:export")) == ["export", "free.ask"]
    visitor.does(ProvedAddress("email"))
    coming = Tab(visitor, b"")

    assert keys_of(visitor.says("correct e-mail")) == ["code.ask"]
    assert keys_of(visitor.says(coming.code())) == ["correct.value"]
    assert keys_of(visitor.says(EMAIL)) == ["code.ask.new"]
    assert keys_of(visitor.says(coming.code())) == ["corrected", "free.ask"]
    memory.later(seconds=VERIFIED_FOR.total_seconds())
    assert keys_of(visitor.says("correct e-mail")) == ["code.ask"]


def test_the_transcript_shows_where_a_code_went(coming: Tab) -> None:
    """The question is shown with its mask again whenever the conversation is read."""
    asked = coming.says("verify")

    shown = coming.memory.run(coming.memory.store.transcript, coming.visitor.conversation, asked.ack)

    assert [one.body.expects.kind for one in shown.messages if isinstance(one.body, Reply)] == ["code"]
    assert shown.values["email"] == DETAILS["email"]
