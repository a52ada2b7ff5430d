"""Words that are typed instead of pressing a button, in both languages; and what is taken for a correction."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intake.conversation import Aside, Stage
from intake.engine import step
from intake.events import Picked, Said
from intake.outcomes import Expects, KeepField, Reply
from tests.drawn_frames import LOCALES, drawn
from tests.stages import STAGES, separately
from tests.talk import NOON, Talk, rules, to_consent, to_fields, to_review, to_sent

OFFERED: dict[str, Callable[[], Talk]] = {
    **STAGES,
    "choosing": lambda: (
        to_fields().say("Li Na", "Example Valves Ltd", "+86 138 0000 0000", "skip").say("skip")
    ),
    "correcting": lambda: to_sent().say("correct"),
    "correcting a choice": lambda: to_sent().say("correct industry"),
    "deleting": lambda: to_sent().say("delete"),
    "stopping": lambda: to_fields().say("cancel"),
    "withdrawing": lambda: separately().pick("whose:own", "separate:agree").say("withdraw"),
    "choosing a language": lambda: Talk().say("language"),
}


@pytest.mark.parametrize("stage", OFFERED)
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("written", [str, str.upper, lambda label: f"{label}。", lambda label: f" {label} !"])
def test_typing_what_stands_on_a_button_is_pressing_it(
    stage: str, locale: str, written: Callable[[str], str]
) -> None:
    """Every label that is offered means its option, whatever its case, width and punctuation."""
    talk = OFFERED[stage]()

    for option in drawn(Reply(key="free.ask", expects=talk.expects), locale)["expects"].get("options", ()):
        said = step(talk.state, Said(written(option["label"])), NOON, talk.rules)
        assert said == step(talk.state, Picked(option["value"]), NOON, talk.rules), option


@pytest.mark.parametrize(
    ("stage", "words", "option"),
    [
        ("followup", "Yes, please", "followup:yes"),
        ("followup", "好的，谢谢", "followup:yes"),
        ("followup", "No, thanks!", "followup:no"),
        ("followup", "不用了，谢谢您", "followup:no"),
        ("whose", "mine", "whose:own"),
        ("whose", "我自己的", "whose:own"),
        ("whose", "someone else’s", "whose:other"),
        ("whose", "别人的", "whose:other"),
        ("authorised", "是，已获授权", "whose:authorised"),
        ("authorised", "没有授权", "whose:not"),
        ("consent", "I agree.", "consent:agree"),
        ("consent", "不同意", "consent:refuse"),
        ("review", "please send it", "review:send"),
        ("review", "发送吧", "review:send"),
    ],
)
def test_short_natural_phrases_mean_an_option(stage: str, words: str, option: str) -> None:
    """Nobody has to type what is on the button to the letter."""
    talk = STAGES[stage]()

    said = step(talk.state, Said(words), NOON, talk.rules)

    assert said == step(talk.state, Picked(option), NOON, talk.rules)


@pytest.mark.parametrize("words", ["yes, but which valves?", "mine is broken", "x" * 200])
def test_a_sentence_is_no_button(words: str) -> None:
    """Only the whole of what is typed can mean an option."""
    assert STAGES["followup"]().say(words).keys[0] == "need.added"


@pytest.mark.parametrize("stage", ["followup", "consent", "review", "sent"])
@pytest.mark.parametrize("words", ["correct favourite colour", "change my favourite colour", "更正爱好"])
def test_what_cannot_be_corrected_is_told_with_what_can(stage: str, words: str) -> None:
    """A correction of something else is no part of the question."""
    talk = STAGES[stage]() if stage != "consent" else to_consent().pick("consent:agree")

    talk.say(words)

    assert (talk.keys, talk.state.aside) == (["correct.unknown", "correct.which"], Aside.CORRECT)
    assert "correct:need" in talk.expects.options


def test_a_question_or_an_answer_may_sound_like_a_correction() -> None:
    """ "Correct wiring" is a question, "Correct Craft" a company."""
    assert Talk().say("Correct wiring of the gateway").state.stage is Stage.FOLLOWUP
    talk = to_fields().say("Li Na", "Correct Craft Ltd")
    assert talk.did(KeepField)[-1].value == "Correct Craft Ltd"


def test_skip_is_no_name() -> None:
    """Who would skip what is needed is told so; "Next" may be a company."""
    assert to_fields().say("skip").keys == ["rejected.required"]
    assert to_fields().say("Li Na", "Next").expects.name == "phone"
    assert to_fields().say("Li Na", "Example Valves Ltd", "skip", "跳过").keys == ["rejected.one_contact"]


def test_what_was_skipped_can_be_added_at_review() -> None:
    """The card offers it, says so, and is shown again."""
    talk = to_review()
    options = drawn(Reply(key="review.ask", expects=talk.expects))["expects"]["options"]
    assert {"value": "review:change:industry", "label": "Add: Industry"} in options

    talk.pick("review:change:industry")
    assert talk.last.heard is not None
    assert talk.last.heard.picked == "review:add:industry"
    talk.pick("field:industry:energy")

    assert (talk.state.stage, talk.state.skipped) == (Stage.REVIEW, ())
    assert talk.did(KeepField)[-1] == KeepField(name="industry", value="energy")


def test_an_added_detail_is_shown_as_added() -> None:
    """The transcript says what was pressed, in the reader's language."""
    offered = Expects(kind="choice", name="x", options=("review:add:phone",))

    labels = [
        drawn(Reply(key="free.ask", expects=offered), one)["expects"]["options"][0]["label"]
        for one in LOCALES
    ]

    assert labels == ["Add: Mobile phone", "补充：手机号码"]
    assert "review:change" in rules().labels
