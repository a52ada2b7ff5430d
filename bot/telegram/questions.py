"""The question that a button belongs to, read back from the transcript: no process remembers what it showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.desk import Desk
from bot.telegram.buttons import optional
from intake.outcomes import Expects, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A message that waits for an answer, with the labels it was shown with."""

    conversation: str
    seq: int
    expects: Expects
    drawn: Mapping[str, Any] = field(repr=False)  # the frame's `expects`: a review card holds values

    def label(self, value: str, purposes: tuple[str, ...]) -> str:
        """Return what was chosen, boxes included, as the person read it."""
        options = {option["value"]: option["label"] for option in self.drawn.get("options", ())}
        boxes = optional(self.drawn)
        return " · ".join([options[value], *(boxes[one] for one in purposes if one in boxes)])


async def question_at(desk: Desk, conversation: str, seq: int) -> Question | None:
    """Return the question numbered `seq` if it is still the open one: no later message of the bot (contract)."""
    transcript = await desk.call(desk.storage.store.transcript, conversation, seq - 1)
    asked = [message for message in transcript.messages if message.sender == "bot"]
    if len(asked) != 1 or asked[0].seq != seq or not isinstance(asked[0].body, Reply):
        return None
    frame = desk.wording.frame(asked[0], values=transcript.values, record=None)
    return Question(conversation=conversation, seq=seq, expects=asked[0].body.expects, drawn=frame["expects"])
