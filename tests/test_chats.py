"""A Telegram chat has one person, whoever hears its first words at the same moment."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from storage import migrations
from storage.tables import chats, conversations, index_rows, messages, subjects
from tests.premises import Premises
from tests.remembering import NEED, Memory, Visitor, done, failed
from tests.rotating import changes_data, moves, retires, rotates

CHAT = 4711


def talker(memory: Memory, chat: int = CHAT) -> Visitor:
    """Return somebody who will talk in a chat."""
    return Visitor(memory, channel="telegram", chat=chat)


def found(memory: Memory, chat: int = CHAT) -> str | None:
    """Return the conversation of a chat."""
    conversation: str | None = memory.run(memory.store.telegram_conversation, chat)
    return conversation


def test_of_two_processes_one_opens_a_chat(memory: Memory, second: Memory) -> None:
    """Both looked and found none: the later opening leaves nothing, its neighbours in the group are carried out."""
    first, late, neighbour = talker(memory), talker(second), talker(second, CHAT + 1)
    assert (found(memory), found(second)) == (None, None)

    done(memory.turns(first.opening())[0])
    refused, opened = second.turns(late.opening(), neighbour.opening())

    assert isinstance(failed(refused), IntegrityError)
    assert done(opened).conversation == found(memory, CHAT + 1)
    assert found(second) == first.conversation
    people = {row["subject"] for row in memory.rooms.rows(subjects)}
    assert people == {first.subject, neighbour.subject}
    for table in (index_rows, chats, conversations, messages):
        assert {row["subject"] for row in memory.rooms.rows(table)} == people


def test_one_group_opens_a_chat_once(memory: Memory) -> None:
    """As between processes: the first stands."""
    first, late = talker(memory), talker(memory)

    opened, refused = memory.turns(first.opening(), late.opening())

    assert (done(opened).subject, found(memory)) == (first.subject, first.conversation)
    assert isinstance(failed(refused), IntegrityError)


def test_a_chat_is_free_from_the_first_step_of_an_erasure(memory: Memory, second: Memory) -> None:
    """Whoever goes on talking waits for no other step, and the erasure takes nothing of theirs (S24)."""
    gone, next_one = talker(memory), talker(second)
    gone.sends()
    erasure = memory.run(memory.store.begin_erasure, gone.subject, memory.now(), reason="officer")
    assert found(second) is None

    next_one.opens()
    certificate = memory.run(memory.store.finish_erasure, erasure)

    assert found(memory) == next_one.conversation
    assert "lookups" in certificate["destroyed"]
    assert {row["subject"] for row in memory.rooms.rows(index_rows)} == {next_one.subject}


def test_a_rotation_keeps_every_chat_with_its_person(memory: Memory, second: Memory) -> None:
    """Moved or not yet, before and after the older epoch is retired: no second person comes to be."""
    talking, other = talker(memory), talker(memory, CHAT + 1)
    talking.opens()
    other.opens()
    rotates(memory)
    second.run(second.rooms.keyring.open)

    for step in (lambda: None, lambda: moves(memory), lambda: retires(memory, 1)):
        step()
        assert isinstance(failed(second.turns(talker(second).opening())[0]), IntegrityError)
        assert found(second) == found(memory) == talking.conversation

    assert {row["subject"] for row in memory.rooms.rows(subjects)} == {talking.subject, other.subject}
    assert {row["epoch"] for row in memory.rooms.rows(index_rows)} == {2}


def test_a_restore_leaves_every_chat_with_one_person(premises: Premises) -> None:
    """Who was erased since, and had the chat then, does not come back into it; whoever stayed still has theirs."""
    with premises.memory() as memory:
        gone, stays = talker(memory), talker(memory, CHAT + 1)
        gone.sends()
        stays.sends()
    folder = premises.back_up()
    with premises.memory() as memory:
        gone.memory = stays.memory = memory
        gone.deletes("all")
        for one in memory.run(memory.store.unfinished_erasures):
            memory.run(memory.store.finish_erasure, one)
        talker(memory).opens()
        stays.says("correct")

    premises.restore(folder)

    with premises.memory() as memory:
        assert (found(memory), found(memory, CHAT + 1)) == (None, stays.conversation)
        again = talker(memory)
        again.opens()
        assert found(memory) == again.conversation
        assert isinstance(failed(memory.turns(talker(memory, CHAT + 1).opening())[0]), IntegrityError)


def test_a_database_in_which_a_chat_has_two_is_mended(memory: Memory) -> None:
    """Who went further keeps it; the others are not found by it any more; who is being erased stands in no way."""
    changes_data(memory, sa.text("DROP INDEX ix_index_rows_one_chat"))
    short, long, erasing, alone = (talker(memory, CHAT + number) for number in (0, 0, 1, 1))
    for one in (short, long, erasing):
        one.opens()
    long.says(NEED)
    memory.run(memory.store.begin_erasure, erasing.subject, memory.now(), reason="officer")
    alone.opens()
    codes = {row["subject"]: row["mac"] for row in memory.rooms.rows(index_rows)}
    theirs = index_rows.c.subject == erasing.subject  # as the version before left it
    changes_data(memory, sa.update(index_rows).where(theirs).values(mac=codes[alone.subject]))
    changes_data(memory, sa.text("UPDATE alembic_version SET version_num = '0004'"))

    memory.run(migrations.upgrade, memory.rooms.engine)

    left = {row["subject"]: row["mac"] for row in memory.rooms.rows(index_rows)}
    assert left == {
        long.subject: codes[long.subject],
        alone.subject: codes[alone.subject],
        erasing.subject: b"",
    }
    assert (found(memory), found(memory, CHAT + 1)) == (long.conversation, alone.conversation)
    assert isinstance(failed(memory.turns(talker(memory).opening())[0]), IntegrityError)
