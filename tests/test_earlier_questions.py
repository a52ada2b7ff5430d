"""Each consultation has a question of its own: a transcript shows every one where it was asked."""

from __future__ import annotations

import pytest

from bot.wording import Wording
from storage.records import Record
from storage.tables import audit, fields
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


def _questions(record: Record | None) -> list[tuple[str, str]]:
    assert record is not None
    return [(one.name, one.value) for one in record.fields if one.name.startswith("need")]


@pytest.mark.parametrize("asked", [True, False])
def test_the_record_has_every_question_that_is_kept(memory: Memory, asked: bool) -> None:
    """S21, S15: earlier ones too, in the chat and outside it, each under its own name; `need` is the one in use."""
    visitor = Visitor(memory)
    visitor.sends()
    memory.later(minutes=1)
    visitor.says("new")
    visitor.picks("topic:gateway")
    if asked:
        visitor.says(LATER)

    in_chat = visitor.says("view").record
    record = memory.run(memory.store.record, visitor.subject, purpose="request")

    in_use = [("need", LATER)] if asked else []
    assert _questions(record) == [*in_use, ("need:1", NEED)]
    assert _questions(in_chat) == _questions(record)
    lines = [row for row in memory.rooms.rows(audit) if row["action"] == "opened"]
    assert all("need" in str(row["fields"]).split(",") for row in lines[-2:])
    assert not any("need:" in str(row["fields"]) or "/" in str(row["fields"]) for row in lines)


def test_an_earlier_question_is_called_what_it_is(memory: Memory) -> None:
    """S21: its label is that of a question, in every language."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says("new")
    record = memory.run(memory.store.record, visitor.subject, purpose="own_view")
    loaded = shipped()
    wording = Wording(loaded.rules, loaded.catalogues, "https://desk.example.com")

    for locale in loaded.catalogues:
        drawn = wording.record(record, locale)["fields"][0]
        assert (drawn["field"], drawn["label"]) == ("need:1", wording.label("need", locale))
