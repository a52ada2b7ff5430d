"""Inline buttons: what stands on them, and the short reference that comes back when one is pressed.

A reference names the message it stood on, not what the button means: `<conversation>.<seq>.<what>`, where `what` is
the index of an option, or `t` and the index of a purpose to tick. What the card showed as ticked travels in every one
of its buttons (`.<ticked>`, a bit for each purpose in hexadecimal): so the person agrees to what they saw, whichever
process hears of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from intake.outcomes import Expects

CONVERSATION_PART = 12  # characters of the conversation's id: an old chat's button never answers in a new one
SHORT_LABEL = 18  # characters; two such labels fit side by side on a phone
CHOSEN = "chosen"  # on the button that shows what was chosen: pressing it again does nothing
_REFERENCE = re.compile(r"([0-9a-f]{12})\.([0-9]{1,9})\.(t?)([0-9]{1,3})(?:\.([0-9a-f]{1,8}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Which button of which message. `ticked` are bits over the purposes of the card."""

    conversation: str
    seq: int
    index: int
    toggle: bool = False
    ticked: int = 0

    @classmethod
    def read(cls, data: str) -> Reference | None:
        """Return the reference in `callback_data`, or None when it is none of ours."""
        found = _REFERENCE.fullmatch(data)
        if found is None:
            return None
        conversation, seq, toggle, index, ticked = found.groups()
        return cls(
            conversation=conversation,
            seq=int(seq),
            index=int(index),
            toggle=bool(toggle),
            ticked=int(ticked or "0", 16),
        )

    def __str__(self) -> str:
        """Return it as `callback_data`: at most 38 bytes of the 64 that Telegram allows."""
        what = f"t{self.index}" if self.toggle else str(self.index)
        return f"{self.conversation}.{self.seq}.{what}" + (f".{self.ticked:x}" if self.ticked else "")

    def stands_on(self, conversation: str) -> bool:
        """Tell whether the button belongs to a message of this conversation."""
        return conversation.startswith(self.conversation)

    def option(self, expects: Expects) -> str:
        """Return the value of the option that was pressed, or "" if there is no such option."""
        return expects.options[self.index] if self.index < len(expects.options) and not self.toggle else ""

    def purposes(self, expects: Expects) -> tuple[str, ...]:
        """Return the purposes whose boxes were ticked on the card."""
        return tuple(name for at, name in enumerate(expects.purposes) if self.ticked >> at & 1)

    def flipped(self) -> int:
        """Return what is ticked after a press on a box."""
        return self.ticked ^ (1 << self.index)


def keyboard(
    conversation: str, seq: int, expects: Expects, drawn: Mapping[str, Any], ticked: int = 0
) -> InlineKeyboardMarkup | None:
    """Return the buttons of a message, or None where there is nothing to choose.

    Args: drawn: the `expects` of its frame, which has the labels.
    """
    here = Reference(conversation=conversation[:CONVERSATION_PART], seq=seq, index=0, ticked=ticked)
    labels = {option["value"]: option["label"] for option in drawn.get("options", ())}
    options = [
        InlineKeyboardButton(labels[value], callback_data=str(replace(here, index=index)))
        for index, value in enumerate(expects.options)
    ]
    rows = [*_boxes(here, expects, drawn), *_rows(options)]
    return InlineKeyboardMarkup(rows) if rows else None


def chosen(label: str) -> InlineKeyboardMarkup:
    """Return what replaces the buttons once one was pressed: the choice, to be read and no longer pressed."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(f"✓ {label}", callback_data=CHOSEN)]])


def optional(drawn: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of the purposes that a consent card leaves open, by id."""
    return {one["id"]: one["label"] for one in drawn.get("purposes", ()) if not one["required"]}


def _boxes(
    here: Reference, expects: Expects, drawn: Mapping[str, Any]
) -> Iterator[Sequence[InlineKeyboardButton]]:
    labels = optional(drawn)
    for index, purpose in enumerate(expects.purposes):
        if purpose in labels:
            mark = "☑" if here.ticked >> index & 1 else "☐"
            data = str(replace(here, index=index, toggle=True))
            yield [InlineKeyboardButton(f"{mark} {labels[purpose]}", callback_data=data)]


def _rows(buttons: Sequence[InlineKeyboardButton]) -> Iterator[Sequence[InlineKeyboardButton]]:
    """Lay out two short ones side by side, so that "agree" and "refuse" are of one size whatever the language."""
    for at in range(0, len(buttons), 2):
        pair = buttons[at : at + 2]
        if all(len(button.text) <= SHORT_LABEL for button in pair):
            yield pair
        else:
            yield from ([button] for button in pair)
