"""Addresses to which codes go: none, doubted, proven, and changed only with codes to the old and the new one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.assurance import Assurance, Code
from intake.conversation import Aside
from intake.events import Corrected, ProvedAddress
from intake.outcomes import Heard, KeepField, SendCode
from tests.code_talk import REMEMBERED, proven, remembered
from tests.talk import Talk, rules, to_fields, to_review, to_sent

EMAIL = "li.na@new.example.com"


def test_without_an_address_values_are_replaced_not_read() -> None:
    """S8, S21: who gave a phone number only can correct and delete on a remembered device, and is told why no more."""
    talk = to_fields().say("Li Na", "Example Valves", "+86 138 0000 0000").pick("field:skip").say("Engineer")
    talk = remembered(talk.pick("field:skip", "review:send"))

    for command in ("verify", "export", "receipts"):
        assert talk.pick(f"command:{command}").keys == ["code.no_address", "free.ask"]
    assert talk.say("view").keys == ["view.hidden", "free.ask"]
    assert talk.say("correct phone", "+86 139 0000 0000").keys == ["corrected", "free.ask"]
    assert talk.did(SendCode) == []


def test_an_address_that_a_remembered_session_gave_opens_nothing() -> None:
    """S8: else a thief with the cookie would give his own, and read the rest with a code to it."""
    talk = to_fields().say("Li Na", "Example Valves", "+86 138 0000 0000")
    talk = remembered(talk).say("thief@example.com", "Engineer").pick("field:skip", "review:send")

    assert talk.pick("command:export").keys == ["code.no_address", "free.ask"]
    talk.there().say("correct e-mail", "li.na@example.com")
    assert remembered(talk).pick("command:export").keys == ["code.ask"]


def test_a_proven_address_gives_way_to_a_proven_one() -> None:
    """S8: a code to the old address, then one to the new; only then it is replaced."""
    talk = proven(to_sent()).say("correct e-mail")
    assert (talk.keys, talk.did(SendCode)) == (["code.ask"], [SendCode("email")])

    talk.there(open="c1", tries=5, typed=Code.RIGHT).say("123456")
    assert talk.keys == ["correct.value"]
    talk.there(assurance=Assurance.VERIFIED).say(EMAIL)
    (question,) = talk.last.replies
    assert (question.key, question.expects.fields) == ("code.ask.new", ("email:new",))
    assert talk.last.effects == (SendCode("email", (("email", EMAIL),)),)
    assert talk.did(KeepField)[-1].value != EMAIL
    assert EMAIL not in repr(talk.last)

    talk.there(open="c2", tries=5, typed=Code.RIGHT, waiting=(("email", EMAIL),)).say("654321")
    assert talk.keys == ["corrected", "free.ask"]
    assert talk.did(KeepField)[-1].value == EMAIL
    assert talk.state.proven == ("email",)


def test_a_proven_address_is_never_changed_without_both_codes() -> None:
    """By the list of fields, on the review card, after the ten minutes, without mail, or when too many were sent."""
    assert proven(to_sent()).pick("command:correct", "correct:email").keys == ["code.ask"]
    assert proven(to_review()).pick("review:change:email").keys == ["code.ask"]
    late = proven(to_sent()).there(assurance=Assurance.VERIFIED).say("correct e-mail")
    late.there().say(EMAIL)
    assert (late.keys, late.last.heard) == (["code.ask"], Heard(private=True))
    for known, key in (({"mails": False}, "code.no_mail"), ({"may_send": False}, "code.too_many")):
        talk = proven(to_sent()).there(assurance=Assurance.VERIFIED).say("correct e-mail")
        talk.there(assurance=Assurance.VERIFIED, **known).say(EMAIL)
        assert (talk.keys, talk.last.effects) == ([key, "free.ask"], ())


def test_another_field_needs_no_code_beside_a_proven_address() -> None:
    """A fresh page corrects the phone as ever, and a wrong address is refused before any code is sent."""
    talk = proven(to_sent()).say("correct phone", "+86 139 0000 0000")
    assert talk.keys == ["corrected", "free.ask"]

    talk.there(assurance=Assurance.VERIFIED).say("correct e-mail", "nonsense")
    assert talk.keys == ["rejected.email.no_at"]
    assert talk.did(SendCode) == []


def test_a_new_address_waits_for_its_code_only_so_long() -> None:
    """S8: another code goes to it while it is at hand; afterwards it is asked for once more."""
    talk = proven(to_sent()).there(assurance=Assurance.VERIFIED).say("correct e-mail", EMAIL)
    waiting = {"assurance": Assurance.VERIFIED, "open": "c2", "waiting": (("email", EMAIL),)}

    talk.there(**waiting).pick("code:again")
    assert talk.last.effects == (SendCode("email", (("email", EMAIL),)),)
    again = talk.there(assurance=Assurance.VERIFIED).pick("code:again")
    assert (again.keys, again.state.aside) == (["code.late", "correct.value"], Aside.VALUE)
    lost = proven(to_sent()).there(assurance=Assurance.VERIFIED).say("correct e-mail", EMAIL)
    lost.there(open="c2", typed=Code.RIGHT).say("123456")
    assert (lost.keys, lost.last.heard) == (["code.late", "correct.value"], Heard(code=True))
    other = proven(to_sent()).there(assurance=Assurance.VERIFIED).say("correct e-mail", EMAIL)
    other.there(assurance=REMEMBERED, open="c2", waiting=(("email", EMAIL),)).say("export")
    assert other.last.effects == (SendCode("email"),), "the code to the new address verifies nobody"


def test_values_are_replaced_outside_the_chat_after_a_code_only() -> None:
    """S21: `PATCH /me` of a remembered session is refused where a code could be sent, and taken where none can."""
    wish = Corrected((("phone", "+86 139 0000 0000"),))

    assert remembered().meet(wish).last.refused == "verification_required"
    assert remembered(mails=False).meet(wish).keys == ["corrected", "free.ask"]
    assert to_sent().there(assurance=Assurance.VERIFIED).meet(wish).keys == ["corrected", "free.ask"]


def test_a_proven_address_is_replaced_outside_the_chat_after_two_codes() -> None:
    """S8, S21: the session is verified by the old address; the new one is sent a code before anything is kept."""
    wish = Corrected((("phone", "+86 139 0000 0000"), ("email", EMAIL)))
    verified = proven(to_sent()).there(assurance=Assurance.VERIFIED)

    assert proven(to_sent()).meet(wish).last.refused == "verification_required"
    assert verified.meet(wish).last.effects == (SendCode("email", wish.values, chat=False),)
    assert (verified.last.replies, verified.last.refused) == ((), "")
    assert verified.meet(replace(wish, proven=True)).keys == ["corrected", "corrected", "free.ask"]
    assert verified.state.proven == ("email",)
    assert verified.meet(Corrected((("email", "nonsense"),))).last.refused.startswith("rejected/email")


def test_an_officer_replaces_a_proven_address_for_a_person_without_their_mailbox() -> None:
    """S21: whoever lost the mailbox is helped; the new address is taken, and proven only once a code went there."""
    talk = proven(to_sent()).meet(Corrected((("email", EMAIL),), officer=True))

    assert (talk.keys, talk.did(SendCode)) == (["corrected", "free.ask"], [])
    assert (talk.state.proven, talk.state.doubted) == ((), ())


def test_an_address_is_proven_outside_the_chat() -> None:
    """The my-data page's code proves it too; of what is not kept there is nothing to prove."""
    talk = to_sent().meet(ProvedAddress("email"))
    assert talk.state.proven == ("email",)

    before = talk.state
    assert talk.meet(ProvedAddress("email")).state is before
    assert Talk().meet(ProvedAddress("email")).state.proven == ()


def test_a_new_address_is_not_proven_by_the_old_one_s_code() -> None:
    """What is typed anew on a fresh page counts as any address: no code went there yet."""
    talk = to_sent().meet(ProvedAddress("email")).there(assurance=Assurance.VERIFIED)
    talk.state = replace(talk.state, kept=tuple(name for name in talk.state.kept if name != "email"))
    talk.state = replace(talk.state, skipped=("email",))

    talk.there().say("correct e-mail", EMAIL)

    assert (talk.keys, talk.state.proven) == (["added", "free.ask"], ())


def test_a_company_that_asks_for_no_address_sends_no_codes() -> None:
    """Rules without an e-mail field work; there is nobody to send to."""
    fields = {name: field for name, field in rules().fields.items() if field.kind != "email"}
    talk = remembered(to_sent())
    talk.rules = replace(talk.rules, fields=fields)

    assert talk.pick("command:export").keys == ["code.no_address", "free.ask"]


@pytest.mark.parametrize("name", ["email", "phone", "need"])
def test_a_correction_that_another_session_left_open_needs_a_code_too(name: str) -> None:
    """S8, S21: the page asked for the value; whoever comes back by the cookie and answers is asked for a code first."""
    talk = to_sent().pick("command:correct", f"correct:{name}")

    remembered(talk).say(EMAIL)

    assert (talk.keys, talk.last.heard) == (["code.ask"], Heard(private=True))
    assert talk.did(SendCode) == [SendCode("email")]
    talk.there(open="c1", tries=5, typed=Code.RIGHT).say("123456")
    assert (talk.state.aside, talk.expects.name) == (Aside.VALUE, name)


@pytest.mark.parametrize(
    ("name", "value", "keys"),
    [
        ("email", EMAIL, ["code.ask.new"]),
        ("phone", "+86 139 0000 0000", ["corrected", "review.ask"]),
        ("need", "Why?", ["corrected", "review.ask"]),
    ],
)
def test_a_change_that_another_session_left_open_needs_a_code_too(
    name: str, value: str, keys: list[str]
) -> None:
    """S8, S21: nothing takes the place of what is kept before the code; then the card stands open again."""
    talk = to_review().pick(f"review:change:{name}")
    kept = talk.state.kept

    remembered(talk).say(value)

    assert (talk.keys, talk.last.heard, talk.state.kept) == (["code.ask"], Heard(private=True), kept)
    talk.there(open="c1", tries=5, typed=Code.RIGHT).say("123456")
    talk.there(assurance=Assurance.VERIFIED).say(value)
    assert talk.keys == keys


def test_a_skip_takes_nothing_away_that_another_session_gave() -> None:
    """S8: the address is what codes go to; without it values could be replaced without one."""
    talk = remembered(to_review().pick("review:change:email")).pick("field:skip")

    assert (talk.keys, "email" in talk.state.kept) == (["code.ask"], True)


def test_an_address_that_was_proven_after_the_question_changes_with_both_codes() -> None:
    """S8: however far the session is trusted, the new address is sent a code before it is kept."""
    talk = proven(to_review().pick("review:change:email")).there(assurance=Assurance.VERIFIED)

    assert talk.say(EMAIL).keys == ["correct.value"]
    assert talk.say(EMAIL).keys == ["code.ask.new"]


def test_who_comes_back_answers_what_is_open_without_a_code() -> None:
    """L3: going on is free: what nothing is kept of yet takes the place of nothing."""
    talk = remembered(to_fields()).say("Li Na", "Example Valves")

    assert (talk.did(SendCode), talk.expects.name) == ([], "phone")
