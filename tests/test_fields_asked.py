"""Answers to the questions: taken, refused with a reason, skipped, changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.conversation import Stage
from intake.events import (
    MESSAGE_MAX,
    Corrected,
    SharedContact,
)
from intake.outcomes import (
    DropField,
    Erase,
    Heard,
    KeepField,
    RecordAttestation,
    RecordConsent,
)
from tests.stages import separately
from tests.talk import Talk, rules, to_consent, to_fields, to_review, to_sent


def test_someone_elses_details_need_their_authorisation() -> None:
    """S6: authorised is attested and recorded."""
    talk = to_consent().pick("consent:agree", "whose:other", "whose:authorised")

    assert talk.did(RecordAttestation) == [RecordAttestation(authorised=True)]
    assert (talk.state.other, talk.expects.name) == (True, "name")


def test_without_authorisation_nothing_is_kept() -> None:
    """S6: a refused attestation ends collection, and what was said goes."""
    talk = to_consent().pick("consent:agree", "whose:other").say("no")

    assert talk.did(Erase) == [Erase("draft", number=1, profile=True)]
    assert (talk.state.stage, talk.state.kept) == (Stage.ENDED, ())


def test_a_field_of_its_own_consent_is_asked_only_after_it() -> None:
    """L2: separate consent stands before the field; without it the field is passed over."""
    agreed = separately().pick("whose:own", "separate:agree")
    assert agreed.expects.name == "name"
    assert agreed.did(RecordConsent)[-1].decisions == (("field:name", True),)

    refused = separately().pick("whose:own", "separate:skip")
    assert refused.expects.name == "company"


def test_an_email_address_one_question_early_is_told_so() -> None:
    """Where the phone may be skipped and the address is asked for next; elsewhere it is just no phone number."""
    early, address = to_fields().say("Li Na", "Example Valves Ltd"), "li.na@example.com"
    first = replace(rules(), contact_fields=("phone",))  # the only way to be reached: never skipped
    shuffled = replace(
        rules(), fields=dict(sorted(rules().fields.items(), key=lambda one: one[0] == "email"))
    )

    assert _code(early.say(address)) == "phone.email_next"
    assert _code(early.say("li.na@")) == "phone.not_a_number"
    for under in (first, shuffled):
        early.rules = under
        assert _code(early.say(address)) == "phone.not_a_number"
    alone = replace(
        rules(),
        fields={name: one for name, one in rules().fields.items() if name in ("name", "company", "phone")},
    )
    early.rules = replace(alone, contact_fields=("phone", "email"))
    assert _code(early.say(address)) == "phone.not_a_number"
    assert _code(to_review().pick("review:change:phone").say(address)) == "phone.not_a_number"


def _code(talk: Talk) -> str:
    wrong = talk.last.replies[-1].rejected
    assert wrong is not None
    return wrong.code


@pytest.mark.parametrize(
    ("answers", "wrong", "code"),
    [
        ((), "1234", "name."),
        (("Li Na", "Example Valves Ltd"), "123", "phone."),
        (("Li Na", "Example Valves Ltd", "skip"), "li.na@", "email."),
        (("Li Na", "Example Valves Ltd", "skip"), "skip", "one_contact"),
        ((), "skip", "required"),
        (("Li Na",), "跳过", "required"),
        (("Li Na",), "card 4111 1111 1111 1111", "forbidden.bank_card"),
    ],
)
def test_a_wrong_answer_is_explained_and_the_same_question_stands(
    answers: tuple[str, ...], wrong: str, code: str
) -> None:
    """A wrong answer changes nothing; the reply names the field and the fault."""
    talk = to_fields().say(*answers)
    before, question = talk.state, talk.expects

    talk.say(wrong)

    [reply] = talk.last.replies
    assert reply.rejected is not None
    assert reply.rejected.code.startswith(code)
    assert (talk.state, reply.expects) == (before, question)
    assert "4111" not in (talk.last.heard.text if talk.last.heard else "")


def test_either_contact_may_be_skipped_but_not_both() -> None:
    """Contract: `optional` says whether skip works now."""
    talk = to_fields().say("Li Na", "Example Valves Ltd")
    assert talk.expects.optional

    talk.pick("field:skip")

    assert (talk.expects.name, talk.expects.optional) == ("email", False)
    assert talk.pick("field:skip").last.refused == "not_offered"


def test_a_warning_hash_goes_with_every_sensitive_field() -> None:
    """S7: what was shown before a sensitive question is recorded."""
    kept = to_review().did(KeepField)

    for effect in kept:
        field = rules().fields.get(effect.name)
        assert bool(effect.warning_sha256) == bool(field and field.sensitive)


def test_an_answer_can_be_changed_at_review() -> None:
    """WCAG 3.3.4: review, change one, and be back at the card."""
    talk = to_review().pick("review:change:company")
    assert (talk.expects.name, talk.state.stage) == ("company", Stage.FIELD)

    talk.say("Example Pumps Ltd")

    assert talk.state.stage == Stage.REVIEW
    assert talk.effects[-1] == KeepField(
        name="company",
        value="Example Pumps Ltd",
        warning_sha256=rules().fields["company"].warning_sha256["en"],
        replaces=True,
    )


def test_the_question_itself_can_be_changed_at_review() -> None:
    """The need is on the card like the rest."""
    talk = to_review().pick("review:change:need").say("Which valves do you make?")

    assert talk.effects[-1] == KeepField(name="need", value="Which valves do you make?", replaces=True)


def test_a_kept_contact_can_be_dropped_at_review() -> None:
    """Skipping a field that has a value removes the value."""
    talk = to_review().pick("review:change:phone", "field:skip")

    assert talk.effects[-1] == DropField("phone")
    assert "phone" not in talk.state.kept


def test_hidden_characters_in_free_text_are_refused() -> None:
    """Text that would be shown in another order than it was typed is not kept."""
    for talk in (Talk(), to_sent()):
        talk.say("abc \u202e txt.exe")

        assert talk.keys == ["rejected.text.hidden_characters"]
        assert talk.last.heard is not None
        assert talk.last.heard.text == ""


@pytest.mark.parametrize(("text", "code"), [("  ", "text.empty"), ("a" * MESSAGE_MAX, "text.too_long")])
def test_an_empty_or_endless_question_is_refused(text: str, code: str) -> None:
    """The question has at least one character and at most as many as configured."""
    talk = Talk(rules=replace(rules(), need_max=2_000)).say(text)

    assert talk.keys == [f"rejected.{code}"]


def test_a_message_over_the_limit_is_an_error_frame() -> None:
    """Contract: too_long, nothing is kept."""
    assert Talk().say("a" * (MESSAGE_MAX + 1)).last.refused == "too_long"


def test_details_dropped_meanwhile_are_asked_before_sending() -> None:
    """What is required is there when the lead goes out."""
    talk = to_review()
    talk.state = replace(talk.state, kept=tuple(name for name in talk.state.kept if name != "company"))

    assert talk.pick("review:send").expects.name == "company"


def test_a_shared_contact_answers_the_phone_question() -> None:
    """Telegram's button gives the number without typing."""
    talk = to_fields("telegram").say("Li Na", "Example Valves Ltd")

    talk.meet(SharedContact("8613800000000"))

    assert talk.did(KeepField)[-1].value == "+8613800000000"
    assert talk.meet(SharedContact("+8613800000000")).keys == ["unexpected"]


def test_someone_elses_contact_is_not_taken_for_ones_own() -> None:
    """S6: sharing another person's card is not giving one's own number."""
    talk = to_fields("telegram").say("Li Na", "Example Valves Ltd")

    talk.meet(SharedContact("+8613800000000", own=False))

    assert talk.keys == ["rejected.phone.not_own"]


def test_no_warning_is_claimed_where_none_was_shown() -> None:
    """S7: a value replaced outside the chat stood behind no question, and so behind no warning."""
    talk = to_review().meet(Corrected((("phone", "+86 138 0000 0001"),)))

    assert talk.did(KeepField)[-1].warning_sha256 == ""


def test_what_is_masked_in_an_unexpected_message_is_told_too() -> None:
    """Whoever types a number beside the question learns that it was masked."""
    assert to_consent().say("or just call +86 138 0000 0000").keys == ["masked.notice", "unexpected"]


@pytest.mark.parametrize("greeting", ["Hello", "hi there!", "您好", "Good morning."])
def test_a_greeting_is_not_taken_for_the_question(greeting: str) -> None:
    """Whoever says hello first is asked what they would like to know."""
    assert Talk().say(greeting).keys == ["topic.ask"]
    assert Talk().pick("topic:gateway").say(greeting).keys == ["need.ask"]


@pytest.mark.parametrize("wrong", ["call +86 138 0000 0000 " + "x" * 2_000, "li.na@example.com \u202e exe"])
def test_a_refused_correction_of_the_question_leaves_nothing(wrong: str) -> None:
    """S5: before consent nothing of a refused question is kept, however it came to be typed."""
    talk = Talk().say("Which valves do you make?", "correct").pick("correct:need").say(wrong)

    assert talk.keys[0].startswith("rejected.text.")
    assert talk.last.heard == Heard(private=True)
