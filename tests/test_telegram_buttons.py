"""References on buttons: short, bound to their message, and carrying what a consent card showed as ticked."""

import json
from collections.abc import Mapping
from typing import Any

from bot.telegram.buttons import Reference, chosen, keyboard
from intake.outcomes import Expects
from tests.bot_api_schema import Schema

CONVERSATION = "0123456789abcdef" * 2
CARD = Expects(
    kind="consent",
    options=("consent:agree", "consent:refuse", "consent:policy"),
    purposes=("contact", "keep_longer", "news"),
    policy="2026-11",
)
DRAWN: Mapping[str, Any] = {
    "options": [
        {"value": "consent:agree", "label": "Agree"},
        {"value": "consent:refuse", "label": "Refuse"},
        {"value": "consent:policy", "label": "Read the policy"},
    ],
    "purposes": [
        {"id": "contact", "label": "Answering you", "required": True},
        {"id": "keep_longer", "label": "Keeping it longer", "required": False},
        {"id": "news", "label": "News", "required": False},
    ],
}


def card(ticked: int = 0) -> list[list[dict[str, str]]]:
    """Return the rows of the consent card's keyboard, judged by the Bot API schema."""
    markup = keyboard(CONVERSATION, 12, CARD, DRAWN, ticked)
    assert markup is not None
    raw = json.loads(markup.to_json())
    Schema().value(["InlineKeyboardMarkup"], raw, "keyboard")
    rows: list[list[dict[str, str]]] = raw["inline_keyboard"]
    return rows


def test_a_reference_comes_back_as_it_went() -> None:
    """What is pressed is what was put on the button, even with the largest numbers, within 64 bytes."""
    for reference in (
        Reference(conversation=CONVERSATION[:12], seq=7, index=2),
        Reference(conversation=CONVERSATION[:12], seq=999_999_999, index=999, toggle=True, ticked=0xFFFFFFFF),
    ):
        assert Reference.read(str(reference)) == reference
        assert len(str(reference).encode()) <= 64


def test_garbage_is_no_reference() -> None:
    """Data that a forged client sends is told apart from ours."""
    for data in (
        "",
        "chosen",
        "x" * 64,
        "0123456789ab.1",
        "0123456789ab.-1.0",
        "0123456789ab.1.0.g",
        "0123456789ab.1.t",
    ):
        assert Reference.read(data) is None


def test_a_reference_stands_on_its_own_conversation_only() -> None:
    """A button of an erased conversation does not answer in the next one of the same chat."""
    reference = Reference(conversation=CONVERSATION[:12], seq=1, index=0)

    assert reference.stands_on(CONVERSATION)
    assert not reference.stands_on("f" * 32)


def test_an_option_is_found_by_its_place_and_no_other() -> None:
    """An index beyond the options, or a box, picks nothing."""
    here = CONVERSATION[:12]

    assert Reference(conversation=here, seq=1, index=1).option(CARD) == "consent:refuse"
    assert Reference(conversation=here, seq=1, index=3).option(CARD) == ""
    assert Reference(conversation=here, seq=1, index=1, toggle=True).option(CARD) == ""


def test_agree_and_refuse_are_of_one_size() -> None:
    """They stand side by side, whatever is ticked (L1)."""
    for ticked in (0, 0b110):
        assert [[one["text"] for one in row] for row in card(ticked)][2] == ["Agree", "Refuse"]


def test_a_long_label_puts_both_of_a_pair_on_lines_of_their_own() -> None:
    """So agree and refuse stay of one size where a language needs more room."""
    long = {"options": [{"value": "a", "label": "x" * 30}, {"value": "b", "label": "y"}]}
    markup = keyboard(CONVERSATION, 1, Expects(options=("a", "b")), long)

    assert markup is not None
    assert [len(row) for row in markup.inline_keyboard] == [1, 1]


def test_no_box_is_ticked_at_first_and_required_purposes_have_none() -> None:
    """Only optional purposes are boxes, each its own act (L1, L2)."""
    assert [one["text"] for row in card()[:2] for one in row] == ["☐ Keeping it longer", "☐ News"]


def test_every_button_carries_what_its_card_shows() -> None:
    """Ticking one box changes the data of all: what is agreed to is what was seen, whichever process hears of it."""
    box = Reference.read(card()[1][0]["callback_data"])
    assert box is not None
    ticked = card(box.flipped())
    agree = Reference.read(ticked[2][0]["callback_data"])
    again = Reference.read(ticked[1][0]["callback_data"])

    assert ticked[1][0]["text"] == "☑ News"
    assert agree is not None
    assert agree.purposes(CARD) == ("news",)
    assert again is not None
    assert again.flipped() == 0


def test_nothing_to_choose_has_no_keyboard() -> None:
    """A plain question gets no empty keyboard."""
    assert keyboard(CONVERSATION, 1, Expects(kind="text"), {"kind": "text", "options": []}) is None


def test_what_was_chosen_is_shown_and_is_no_reference() -> None:
    """The button that shows the choice does nothing when it is pressed."""
    button = chosen("Agree · News").inline_keyboard[0][0]

    assert button.text == "✓ Agree · News"
    assert Reference.read(str(button.callback_data)) is None
