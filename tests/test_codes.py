"""One-time codes, as the engine decides on them: what needs one, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from intake.assurance import Assurance, Code
from intake.codes import LENGTH, PER_DAY, PER_HOUR, may_send, typed
from intake.conversation import Aside, Stage
from intake.outcomes import EnterCode, Heard, MissCode, SendCode
from tests.code_talk import asked, remembered
from tests.stages import STAGES
from tests.talk import NOON, Talk, to_review, to_sent


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("12-34-56", "123456"),
        ("１２３４５６", "123456"),
        ("12345", ""),
        ("1234567", ""),
        ("12345a", ""),
        ("my code is 123456", ""),
        ("¹²³⁴⁵⁶٣", ""),
        ("٣٣٣٣٣٣", ""),
    ],
)
def test_a_code_is_recognised_as_people_type_it(text: str, code: str) -> None:
    """Six digits, whatever stands between them; nothing else is a code."""
    assert typed(text) == code
    assert len(code) in (0, LENGTH)


def test_how_often_codes_go_out_is_bounded() -> None:
    """Five an hour and ten a day: a guess succeeds once in twenty thousand days."""
    hour = [NOON - timedelta(minutes=place) for place in range(PER_HOUR)]
    day = [NOON - timedelta(hours=2 + place) for place in range(PER_DAY)]

    assert may_send([], NOON)
    assert may_send(hour[1:], NOON)
    assert not may_send(hour, NOON)
    assert may_send(day[1:], NOON)
    assert not may_send(day, NOON)
    assert may_send([NOON - timedelta(days=1)] * 99, NOON)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "command", ["help", "policy", "language", "human", "delete", "withdraw", "cancel", "new"]
)
def test_ending_and_asking_needs_no_code(stage: str, command: str) -> None:
    """S8, L3, S24: what reads no value and changes none works for a remembered session as for any."""
    plain, masked = STAGES[stage](), remembered(STAGES[stage]())

    assert masked.pick(f"command:{command}").last == plain.pick(f"command:{command}").last


@pytest.mark.parametrize("command", ["verify", "correct", "export", "receipts"])
def test_reading_and_changing_needs_a_code(command: str) -> None:
    """S8, S21: it is mailed and asked for; the open question stands back."""
    talk = remembered().pick(f"command:{command}")

    (question,) = talk.last.replies
    assert (question.key, question.expects.kind, question.expects.name) == ("code.ask", "code", "email")
    assert question.expects.options == ("code:again", "command:cancel")
    assert talk.did(SendCode) == [SendCode("email")]
    assert talk.pick("command:cancel").keys == ["cancel.aside", "free.ask"]


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("verify", ["view", "free.ask"]),
        ("export", ["export", "free.ask"]),
        ("receipts", ["receipts", "free.ask"]),
        ("correct", ["correct.which"]),
    ],
)
def test_the_right_code_carries_out_what_was_asked(command: str, keys: list[str]) -> None:
    """S8: and verifies the session; nothing of the code is kept."""
    talk = asked(remembered().pick(f"command:{command}"), typed=Code.RIGHT).say("123456")

    assert talk.keys == keys
    assert talk.last.heard == Heard(code=True)
    assert talk.did(EnterCode) == [EnterCode("email")]
    assert talk.state.proven == ("email",)


def test_the_field_that_was_named_is_corrected_after_the_code() -> None:
    """S21: "correct phone" asks for the number as soon as the code was right."""
    talk = asked(remembered().say("correct phone"), typed=Code.RIGHT).say("123456")

    assert (talk.keys, talk.expects.name) == (["correct.value"], "phone")


def test_viewing_shows_masked_values_and_the_way_to_them() -> None:
    """S8: a look needs no code; the words say how what is hidden is shown, or that it cannot be."""
    assert remembered().say("view").keys == ["view.masked", "free.ask"]
    assert remembered(mails=False).say("view").keys == ["view.no_mail", "free.ask"]
    assert remembered(Talk()).say("view").keys == ["view.nothing", "topic.ask"]
    assert to_sent().there(assurance=Assurance.VERIFIED).say("view").keys == ["view", "free.ask"]


@pytest.mark.parametrize("assurance", [Assurance.FRESH, Assurance.VERIFIED])
def test_where_nothing_is_hidden_nothing_is_asked(assurance: Assurance) -> None:
    """A page in use needs no code for anything."""
    talk = to_sent().there(assurance=assurance)

    assert talk.say("verify").keys == ["verify.nothing", "free.ask"]
    assert talk.say("export").keys == ["export", "free.ask"]
    assert talk.did(SendCode) == []


@pytest.mark.parametrize(
    ("known", "code", "effects"),
    [
        ({"typed": Code.WRONG}, "code.wrong", [MissCode()]),
        ({"typed": Code.WRONG, "tries": 1}, "code.spent", [MissCode()]),
        ({"typed": Code.EXPIRED, "open": ""}, "code.expired", []),
        ({"typed": Code.NONE}, "code.shape", []),
    ],
)
def test_what_was_wrong_with_a_code_is_said(
    known: dict[str, object], code: str, effects: list[object]
) -> None:
    """The same question again, with another code to be had; what is no code is no try. Nothing of it is kept."""
    talk = asked(remembered().pick("command:export"), **known).say("123456")

    (reply,) = talk.last.replies
    assert reply.rejected is not None
    assert (reply.rejected.name, reply.rejected.code) == ("email", code)
    assert reply.expects == talk.expects
    assert "code:again" in reply.expects.options
    assert talk.last.heard == Heard(code=True)
    assert list(talk.last.effects) == effects


def test_another_code_can_be_had() -> None:
    """It takes the place of the earlier one; not more often than the bounds allow."""
    talk = asked(remembered().pick("command:export")).pick("code:again")

    assert (talk.keys, talk.last.effects) == (["code.ask.again"], (SendCode("email"),))
    assert asked(talk, may_send=False).pick("code:again").keys == ["code.too_many"]
    assert talk.last.effects == ()
    assert talk.expects.kind == "code"


def test_a_code_that_is_open_is_asked_for_again() -> None:
    """Who asks twice within ten minutes is not mailed twice."""
    talk = asked(remembered().pick("command:export", "command:cancel")).pick("command:receipts")

    assert (talk.keys, talk.last.effects) == (["code.ask"], ())


def test_too_many_codes_are_told() -> None:
    """Kindly, with the way to people, and the open question again."""
    assert remembered(may_send=False).pick("command:export").keys == ["code.too_many", "free.ask"]


def test_without_mail_nothing_is_promised() -> None:
    """A desk that cannot send mail says so, and asks for no code that never comes."""
    talk = remembered(mails=False)

    assert talk.pick("command:export").keys == ["code.no_mail", "free.ask"]
    assert talk.say("correct phone").keys == ["correct.value"]
    assert talk.did(SendCode) == []


@pytest.mark.parametrize("name", ["phone", "email", "need"])
def test_a_change_on_the_review_card_is_a_correction(name: str) -> None:
    """S8: what was answered before needs a code; sending and stopping do not."""
    talk = remembered(to_review()).pick(f"review:change:{name}")

    assert (talk.keys, talk.state.stage) == (["code.ask"], Stage.REVIEW)
    asked(talk, typed=Code.RIGHT).say("123456")
    assert (talk.state.aside, talk.expects.name) == (Aside.VALUE, name)
    assert remembered(to_review()).pick("review:send").state.stage is Stage.SENT
    assert remembered(to_review()).pick("review:cancel").state.stage is Stage.ENDED


def test_a_change_on_a_fresh_page_needs_no_code() -> None:
    """The review card works as ever."""
    assert to_review().pick("review:change:email").state.stage is Stage.FIELD


@pytest.mark.parametrize(
    "text", ["verify", "/verify", "send me a code", "验证", "获取验证码", "unlock my data"]
)
def test_the_word_is_understood(text: str) -> None:
    """In both languages."""
    assert remembered().say(text).keys == ["code.ask"]
