"""Each consultation has a question of its own: a transcript shows every one where it was asked."""

from __future__ import annotations

from bot.wording import Wording
from storage.tables import fields
from tests.house import shipped
from tests.remembering import NEED, Memory, Visitor

LATER = "And does it work below freezing, canary-later?"


def _shown(memory: Memory, visitor: Visitor) -> list[str]:
    """Return what the person's own lines show."""
    read = memory.run(memory.store.transcript, visitor.conversation, 0)
    loaded = shipped()
    wording = Wording(loaded.rules, loaded.catalogues, "https://desk.example.com")
    return [frame["text"] for frame in wording.frames(read) if frame.get("from") == "visitor"]


def test_a_later_question_does_not_take_the_place_of_an_earlier_one(memory: Memory) -> None:
    """S21: what was asked first is shown as it was asked, and the opening of both is written down."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says("new")
    visitor.says(LATER)

    shown = _shown(memory, visitor)

    assert [text for text in shown if text in (NEED, LATER)] == [NEED, LATER]
    assert sum(row["name"] == "need" for row in memory.rooms.rows(fields)) == 2
