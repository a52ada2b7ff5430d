"""Erasures that were under way, keys that were doomed: brought to their end by a restore."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from intake.events import Corrected
from storage.copies.replaying import find_again
from storage.keyring_tables import scope_keys
from storage.tables import doomed_keys, erasures, fields, index_rows, subjects
from tests.premises import Premises
from tests.remembering import Memory, Visitor
from tests.rotating import changes_keyring, keyring_rows, opened, rotates


@pytest.mark.parametrize("lost", [False, True], ids=["data there", "disk lost"])
def test_an_erasure_that_was_under_way_comes_to_its_end(premises: Premises, *, lost: bool) -> None:
    """S24: begun before the backup or after it, certified or not: once, and the person is gone."""
    with premises.memory() as memory:
        first, second, third = Visitor(memory), Visitor(memory), Visitor(memory)
        for visitor in (first, second, third):
            visitor.sends()
        begun = [_begins(memory, visitor) for visitor in (first, second)]
    folder = premises.back_up()
    with premises.memory() as memory:
        certificate = memory.run(memory.store.finish_erasure, begun[1])
        begun.append(_begins(memory, third))
    if lost:
        premises.lose_data()

    premises.restore(folder)

    with premises.memory() as memory:
        gone = {first, second} if lost else {first, second, third}
        assert memory.rooms.rows(erasures) == []
        assert {row["subject"] for row in memory.rooms.rows(subjects)} == (
            {visitor.subject for visitor in (first, second, third)} - {visitor.subject for visitor in gone}
        )
        assert memory.run(memory.store.certificate, begun[1]) == certificate
        assert memory.run(memory.store.certificate, begun[0])["scope"] == "all"


def test_everybody_is_found_again_however_many_they_are(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-ups are written anew for some people at a time, until nobody is left."""
    monkeypatch.setattr("storage.rekeying.reindexing.WRITTEN", 1)
    people = [Visitor(memory), Visitor(memory), Visitor(memory)]
    for visitor in people:
        visitor.sends()
    rotates(memory)

    memory.run(find_again, memory.store.means)

    found = {row["subject"] for row in memory.rooms.rows(index_rows) if row["epoch"] == 2}
    assert found == {visitor.subject for visitor in people}


def _begins(memory: Memory, visitor: Visitor) -> str:
    erasure: str = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="officer")
    return erasure


def test_keys_that_were_doomed_go_first(premises: Premises) -> None:
    """A crash kept a key alive that a correction had doomed: a restore destroys it, and nothing stands under it."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
    folder = premises.back_up()
    with premises.memory() as memory:
        visitor.memory = memory
        doomed = {"subject": visitor.subject, "scope": "profile.1"}
        kept = [row for row in keyring_rows(memory, scope_keys) if doomed.items() <= row.items()]
        visitor.does(Corrected((("phone", "+8613900000001"),)))  # to another key
        changes_keyring(memory, sa.insert(scope_keys).values(kept))
        assert memory.count(doomed_keys, **doomed)

    premises.restore(folder)

    with premises.memory() as memory:
        visitor.memory = memory
        assert memory.rooms.rows(doomed_keys) == []
        assert not [row for row in keyring_rows(memory, scope_keys) if doomed.items() <= row.items()]
        assert {row["scope"] for row in memory.rooms.rows(fields)} <= {
            "profile.2",
            f"c1.{visitor.conversation}",
        }
        assert opened(memory, visitor, "phone") == {"phone": "+8613900000001"}
        assert visitor.says("Hello?").ack
