"""What is kept stays in the hands of its person while consent is asked again: corrections, ways out, keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.conversation import Aside, Stage
from intake.outcomes import (
    Erase,
    JoinLead,
    KeepField,
    OpenConsultation,
    ShredSession,
)
from tests.changed_policy import changed, kept
from tests.talk import Talk, rules, to_consent, to_fields, to_review, to_sent


def test_the_question_itself_is_no_detail_and_may_be_corrected() -> None:
    """S5: it needs no consent, so it needs none anew."""
    for talk in (to_review(), to_sent()):
        stood = talk.state.stage

        changed(talk).pick("command:correct", "correct:need").say("How do valves reach the cloud?")

        assert (talk.keys[0], talk.state.stage) == ("corrected", stood)


@pytest.mark.parametrize(("back", "key"), [("consent:agree", "free.ask"), ("command:cancel", "cancel.aside")])
def test_a_correction_after_sending_comes_back_to_the_sent_lead(back: str, key: str) -> None:
    """S28: the card comes before the new value; agreed to or left, the lead stands where it stood."""
    talk = changed(to_sent()).pick("command:correct", "correct:phone")
    assert (talk.state.stage, talk.state.aside, talk.expects.kind) == (Stage.CONSENT, Aside.NONE, "consent")

    talk.pick(back)

    assert (talk.keys[0], talk.state.stage, talk.state.behind) == (key, Stage.SENT, None)


@pytest.mark.parametrize(("say", "stage"), [((), Stage.TOPIC), (("And your pumps?",), Stage.FOLLOWUP)])
def test_leaving_a_card_that_stood_before_a_correction_ends_nothing(
    say: tuple[str, ...], stage: Stage
) -> None:
    """Whoever began anew and cancels at the card of a correction stands where they stood."""
    talk = changed(to_sent().pick("command:new").say(*say))
    talk.pick("command:correct", "correct:phone", "command:cancel")

    assert (talk.keys[0], talk.state.stage, talk.state.behind) == ("cancel.aside", stage, None)


def test_a_correction_is_not_asked_for_before_the_card() -> None:
    """S28: nobody types a value that is then not kept; what is said after sending waits for the card as well."""
    corrected = changed(to_sent()).pick("command:correct", "correct:phone")
    said = changed(to_sent()).say("My other number is +86 138 0000 0009")

    assert corrected.keys == ["consent.again"]
    assert (said.keys, said.did(JoinLead)) == (["policy.not_kept", "consent.again"], [])
    assert said.pick("consent:agree").state.stage is Stage.SENT


def test_a_new_address_that_waits_for_its_code_waits_for_the_card() -> None:
    """S28: a policy that came into force meanwhile comes first."""
    talk = to_sent()
    talk.state = replace(talk.state, aside=Aside.CODE, aside_field="address:email")

    assert changed(talk).say("123456").keys == ["policy.not_kept", "consent.again"]


def test_a_question_is_masked_again_under_an_old_consent() -> None:
    """S5, S28: what is personal in a new question is kept only under a consent of today."""
    talk = changed(to_sent().pick("command:new")).say("Call me at +86 138 0000 0009, please.")

    assert "0009" not in talk.did(KeepField)[-1].value


@pytest.mark.parametrize("channel", ["web", "telegram"])
@pytest.mark.parametrize("start", [to_fields, to_review, to_sent])
@given(data=st.data())
def test_no_way_past_the_card_loses_what_is_kept(
    start: Callable[[str], Talk], channel: str, data: st.DataObject
) -> None:
    """S24, S28: whatever is pressed and typed, no key in use is shredded and no lead dropped as a draft."""
    talk = changed(start(channel))
    for _ in range(12):
        before, offered = talk.state, talk.expects.options
        ways = [
            *offered,
            "command:correct",
            "command:cancel",
            "command:view",
            "command:new",
            "command:withdraw",
        ]
        choice = data.draw(st.sampled_from([*ways, "say +86 138 0000 0001", "say Engineer"]))
        talk = talk.say(choice[4:]) if choice.startswith("say ") else talk.pick(choice)

        for effect in talk.last.effects:
            moving = isinstance(effect, OpenConsultation) and effect.session
            assert not ((moving or isinstance(effect, ShredSession)) and before.consultation)
            assert not (isinstance(effect, Erase) and effect.scope == "draft" and before.sent)
        assert talk.state.behind not in (Stage.CONSENT, Stage.ABROAD)


def test_a_card_left_for_good_is_forgotten() -> None:
    """Withdrawing, or giving up the consultation, at the card leaves nothing of it behind."""
    withdrawn = changed(to_fields()).say("Li Na").pick("command:withdraw", "withdraw:contact")
    dropped = changed(to_fields()).say("Li Na").pick("command:cancel", "delete:draft")

    for talk in (withdrawn, dropped):
        assert (talk.state.stage, talk.state.behind) == (Stage.ENDED, None)


def test_a_field_with_its_own_consent_is_asked_for_it_again() -> None:
    """L2, S28: that consent was given under the old version too; where nothing was kept under it, it is asked anew."""
    talk = _own_consent_asked().pick("separate:agree")

    changed(talk).say("Engineer").pick("consent:agree")

    assert (talk.keys, talk.state.separate) == (["separate.ask"], ())
    assert kept(talk.pick("separate:agree").say("Engineer"))[-1] == "position"


def test_what_is_kept_under_its_own_consent_may_still_be_corrected() -> None:
    """S21, S28: after the card; that consent holds for what is kept, and can be withdrawn as before."""
    talk = _own_consent_asked().pick("separate:agree").say("Engineer")

    changed(talk).pick("command:correct", "correct:position", "consent:agree")
    talk.pick("command:correct", "correct:position").say("Plant engineer")

    assert (talk.keys[0], talk.did(KeepField)[-1].replaces) == ("corrected", True)
    assert "withdraw:field:position" in talk.pick("command:withdraw").expects.options


def _own_consent_asked() -> Talk:
    """Return a talk at the question whether the position may be kept, which needs a consent of its own."""
    marked = replace(rules().fields["position"], separate_consent=True)
    talk = to_consent(under=replace(rules(), fields={**rules().fields, "position": marked}))
    talk.pick("consent:agree", "whose:own")
    return talk.say("Li Na", "Example Ltd", "+86 138 0000 0000", "li.na@example.com")
