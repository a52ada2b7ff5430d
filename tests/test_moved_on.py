"""People of whom something has moved to another key, and people who came after the backup."""

from __future__ import annotations

from typing import Any

import pytest

from intake.events import AskedToForget, Corrected
from storage.tables import (
    audit,
    conversations,
    fields,
    leads,
    messages,
    metadata,
    sessions,
)
from tests.premises import Premises
from tests.remembering import DETAILS, NEED, Memory, Visitor


def test_what_moved_to_another_key_stays_as_it_is_now(premises: Premises) -> None:
    """S21: corrected details, a corrected question, a consultation that came of an open talk: nothing is undone."""
    with premises.memory() as memory:
        phone, need, late = Visitor(memory), Visitor(memory), Visitor(memory)
        phone.sends()
        need.sends()
        late.asks()
    folder = premises.back_up()
    with premises.memory() as memory:
        phone.memory = need.memory = late.memory = memory
        phone.does(Corrected((("phone", "+8613900000001"),)))
        need.does(Corrected((("need", "Another question entirely?"),)))
        late.picks("consent:agree")
        late.picks("whose:own")
        late.says("Zhang Late")
        before = [memory.rooms.rows(table) for table in (fields, leads, messages)]

    done_ = premises.restore(folder)

    assert (done_.people, done_.mended) == (3, 0)
    with premises.memory() as memory:
        phone.memory = need.memory = late.memory = memory
        now = [memory.rooms.rows(table) for table in (fields, leads, messages)]
        assert [[row for row in rows if row not in was] for rows, was in zip(now, before, strict=True)] == [
            []
        ] * 3
        shown = {
            visitor: {one.name: one.value for one in _record(memory, visitor).fields}
            for visitor in (phone, need, late)
        }
        assert shown[phone] == {**DETAILS, "need": NEED, "phone": "+8613900000001"}
        assert shown[need] == {**DETAILS, "need": "Another question entirely?"}
        assert shown[late] == {"need": NEED, "name": "Zhang Late"}
        found = memory.run(memory.store.find, "phone", "+8613900000001")
        assert found == [phone.subject]
        assert late.says("Example Valves Ltd").state.field == "phone"


def _record(memory: Memory, visitor: Visitor) -> Any:
    return memory.run(memory.store.record, visitor.subject, purpose="own_view")


def test_who_came_after_the_backup_is_lost(premises: Premises) -> None:
    """Nothing of theirs stays, nor does their token."""
    folder = premises.back_up()
    with premises.memory() as memory:
        visitor, erased = Visitor(memory), Visitor(memory)
        visitor.sends()
        erased.sends()
        asked = erased.does(AskedToForget("all"))
        memory.run(memory.store.finish_erasure, asked.erasure)

    premises.restore(folder)

    with premises.memory() as memory:
        owned = [table for table in metadata.sorted_tables if "subject" in table.c and table is not audit]
        left = {table.name for table in owned if memory.count(table, subject=visitor.subject)}
        assert left == set()
        assert memory.run(memory.store.session, visitor.token_hash, memory.now()) is None
        assert memory.run(memory.store.session, erased.token_hash, memory.now()).erased
        [stub] = memory.rooms.rows(sessions)
        assert stub["certificate"] == asked.erasure


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_telegram_watermark_does_not_go_back(premises: Premises) -> None:
    """What the chat shows already is not sent again."""
    with premises.memory() as memory:
        visitor = Visitor(memory, channel="telegram", chat=4711)
        visitor.opens()
    folder = premises.back_up()
    with premises.memory() as memory:
        visitor.memory = memory
        last = visitor.says("Hello").last
        memory.run(memory.store.mark_delivered, visitor.conversation, last, 99)

    premises.restore(folder)

    with premises.memory() as memory:
        assert memory.run(memory.store.undelivered) == []
        [row] = memory.rooms.rows(conversations)
        assert (row["last_seq"], row["delivered_seq"]) == (last, last)
