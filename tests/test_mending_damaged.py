"""A restore of what is damaged in places: that is lost like what has no key any more, and everything else is there."""

from __future__ import annotations

from contextlib import suppress

import pytest
import sqlalchemy as sa

from intake.conversation import Stage
from storage.keyring_tables import scope_keys
from storage.people import orphans
from storage.tables import chats, consents, conversations, doomed_keys, fields, leads, messages
from tests.premises import Premises
from tests.remembering import DETAILS, Memory, Visitor
from tests.rotating import changes_data, changes_keyring, keyring_rows
from tests.test_mending import ALL, all_open, sends_again, values_of

SCOPES = {"consultation": "c1.{}", "details": "profile.1", "evidence": "consents", "chat": "chat"}


def _spoil(memory: Memory, visitor: Visitor, scope: str) -> None:
    key = scope_keys.c.subject == visitor.subject, scope_keys.c.scope == scope.format(visitor.conversation)
    changes_keyring(memory, sa.update(scope_keys).where(*key).values(wrapped=b"?"))


def _spoil_sealed(
    memory: Memory, visitor: Visitor, column: sa.Column[bytes], *which: sa.ColumnElement[bool]
) -> None:
    theirs = sa.update(column.table).where(column.table.c.subject == visitor.subject, *which)
    changes_data(memory, theirs.values({column.name: b"AF\x01\0\0\0\x09" + bytes(92)}))


def test_damaged_keys_are_lost_keys(premises: Premises) -> None:
    """A wrap that does not open stops nobody's restore, and its person goes on and sends another lead."""
    with premises.memory() as memory:
        people = {
            what: Visitor(memory, channel="telegram", chat=4711 * number)
            for number, what in enumerate([*SCOPES, "nothing"], 1)
        }
        for visitor in people.values():
            visitor.sends()
    folder = premises.back_up()
    with premises.memory() as memory:
        for what, scope in SCOPES.items():
            _spoil(memory, people[what], scope)

    done = premises.restore(folder)

    assert (done.people, done.erased, done.mended) == (5, 0, 4)
    kept = {"consultation": {*DETAILS}, "details": {"need"}}
    with premises.memory() as memory:
        assert all_open(memory)
        assert memory.rooms.rows(doomed_keys) == []
        assert b"?" not in {bytes(key["wrapped"]) for key in keyring_rows(memory, scope_keys)}
        for what, visitor in people.items():
            visitor.memory = memory
            assert set(values_of(memory, visitor)) == kept.get(what, ALL), what
            assert (memory.count(consents, subject=visitor.subject) > 0) == (what != "evidence")
            assert memory.count(chats, subject=visitor.subject) == (what != "chat")
            assert memory.count(leads, subject=visitor.subject) == 1
            if what == "evidence":  # without it no decision stands, and nobody is pressed for another at once
                assert visitor.says("new").state.stage is Stage.TOPIC
            else:
                sends_again(visitor)
                assert set(values_of(memory, visitor)) == ALL, what
        assert all_open(memory)


def test_a_restore_that_is_killed_at_its_end_dooms_no_new_key(
    premises: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the person decides again the key is made anew under its name: no sweep takes it for the damaged one."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
        memory.run(memory.store.sweep, memory.now())
    folder = premises.back_up()
    with premises.memory() as memory:
        _spoil(memory, visitor, "consents")
    with monkeypatch.context() as crash, suppress(KeyboardInterrupt):
        crash.setattr(orphans, "delete", _killed)  # what was doomed is destroyed, and not struck off yet
        premises.restore(folder)

    with premises.memory() as memory:
        name = (visitor.subject, "consents")
        memory.run(memory.rooms.keyring.create, [name])
        memory.run(memory.store.sweep, memory.now())

        assert memory.run(memory.rooms.keyring.keys, [name], fresh=True)
        assert b"?" not in {bytes(key["wrapped"]) for key in keyring_rows(memory, scope_keys)}


def _killed(*given: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_damaged_state_is_a_lost_state(premises: Premises) -> None:
    """The conversation begins again; the lead with its question, and what was said, stay where they are."""
    with premises.memory() as memory:
        damaged, neighbour = Visitor(memory), Visitor(memory)
        for visitor in (damaged, neighbour):
            visitor.sends()
        _spoil_sealed(memory, damaged, conversations.c.sealed_state)
    folder = premises.back_up()

    assert premises.restore(folder).mended == 1

    with premises.memory() as memory:
        assert all_open(memory)
        damaged.memory = neighbour.memory = memory
        asked = {"purpose": "contact", "actor": "staff:1"}
        for visitor in (damaged, neighbour):
            opened = memory.run(memory.store.open_fields, visitor.subject, ["need", "phone"], **asked)
            assert set(opened) == {"need", "phone"}
        shown = memory.run(memory.store.transcript, damaged.conversation, 0)
        assert (shown.state.stage, shown.state.sent) == (Stage.ENDED, "")
        assert all(message.body is not None for message in shown.messages)
        assert neighbour.says("hm").state.stage is Stage.SENT
        sends_again(damaged)
        memory.run(memory.store.sweep, memory.now())


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_is_damaged_does_not_move_to_another_key(premises: Premises) -> None:
    """A talk before consent gets another key: one of its messages, or its question, does not open and goes."""
    with premises.memory() as memory:
        said, given, sound = Visitor(memory), Visitor(memory), Visitor(memory)
        for visitor in (said, given, sound):
            visitor.asks()
        _spoil_sealed(memory, said, messages.c.sealed_body, messages.c.seq == 1)
        _spoil_sealed(memory, given, fields.c.sealed_value)
    folder = premises.back_up()

    assert premises.restore(folder).mended == 2

    with premises.memory() as memory:
        assert all_open(memory)
        lost = {
            visitor: memory.count(messages, subject=visitor.subject, sealed_body=None)
            for visitor in (said, given, sound)
        }
        assert list(lost.values()) == [1, 0, 0]
        for visitor in (said, given, sound):
            visitor.memory = memory
            assert set(values_of(memory, visitor)) == (set() if visitor is given else {"need"})
            sends_again(visitor)
