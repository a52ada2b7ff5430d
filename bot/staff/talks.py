"""What was said since a lead was sent: the person's words and the colleagues' replies, and what of it is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.desk import Desk
from intake.events import ColleagueSaid
from intake.outcomes import Heard, Reply
from storage.errors import StorageError
from storage.records import Message
from storage.sales.leads import Lead

SENDING = "review:send"  # the pick that sends a lead
JOINED = "joined"  # the desk's answer to words that joined a lead
CALLED = "human.called"  # its answer to who asks for a colleague
WROTE_AGAIN, ASKS_FOR_COLLEAGUE = "wrote_again", "asks_for_colleague"


def said_since(desk: Desk, lead: Lead) -> list[Message]:
    """Return the messages since the lead was sent, until another consultation begins; what was erased is left out.

    Raises: StorageError: erased or withdrawn this moment, or what cannot be unsealed.
    """
    told = desk.storage.store.transcript(lead.conversation, 0, own_view=False).messages
    later = [one for one in told if one.at >= lead.at and one.body is not None]
    sent = next((place for place, one in enumerate(later) if _sends(one)), -1)
    return _until_the_next(later[sent + 1 :])


def news(desk: Desk, lead: Lead) -> list[str]:
    """Return what nobody answered yet: `wrote_again`, `asks_for_colleague`; nothing where it cannot be read."""
    try:
        messages = said_since(desk, lead)
    except StorageError:  # one chat hides no list
        return []
    answered = max((one.seq for one in messages if one.sender == "staff"), default=0)
    keys = {one.body.key for one in messages if one.seq > answered and isinstance(one.body, Reply)}
    return [mark for key, mark in ((CALLED, ASKS_FOR_COLLEAGUE), (JOINED, WROTE_AGAIN)) if key in keys]


def shown(desk: Desk, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the words of people among these messages, to be drawn. Values stay closed: they are opened by name."""
    return [_line(desk, one) for one in messages if isinstance(one.body, (Heard, ColleagueSaid))]


def _line(desk: Desk, message: Message) -> dict[str, Any]:
    frame = desk.wording.frame(message, values={}, record=None)
    return {
        "from": message.sender,
        "name": frame.get("name", ""),
        "at": message.at,
        "text": frame["text"],
        "locale": message.locale,
    }


def _sends(message: Message) -> bool:
    return isinstance(message.body, Heard) and message.body.picked == SENDING


def _until_the_next(messages: list[Message]) -> list[Message]:
    """Leave out what belongs to a later consultation: it begins with the question for its topic."""
    topics = (
        place
        for place, one in enumerate(messages)
        if isinstance(one.body, Reply) and one.body.expects.name == "topic"
    )
    return messages[: next(topics, len(messages))]
