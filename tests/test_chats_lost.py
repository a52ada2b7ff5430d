"""A Telegram chat whose number opens no more: whoever writes there is heard, and what was said can be erased."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from storage.keyring_tables import scope_keys
from storage.tables import chats, index_rows, outbox, subjects
from tests.remembering import Memory, Visitor, done
from tests.rotating import changes_data, changes_keyring

CHAT = 4711


def _lose_envelope(memory: Memory, visitor: Visitor) -> None:
    theirs = sa.update(chats).where(chats.c.subject == visitor.subject)
    changes_data(memory, theirs.values(sealed_chat=b"no envelope"))


def _lose_wrap(memory: Memory, visitor: Visitor) -> None:
    theirs = scope_keys.c.subject == visitor.subject, scope_keys.c.scope == "chat"
    changes_keyring(memory, sa.update(scope_keys).where(*theirs).values(wrapped=b"?"))


def _lose_key(memory: Memory, visitor: Visitor) -> None:
    memory.run(memory.rooms.keyring.destroy, visitor.subject, ["chat"], tombstone=False, at=memory.now())


@pytest.fixture(params=[_lose_envelope, _lose_wrap, _lose_key])
def lost(request: pytest.FixtureRequest, memory: Memory) -> Visitor:
    """Somebody on Telegram who has sent a lead, and whose chat is lost."""
    visitor = Visitor(memory, channel="telegram", chat=CHAT)
    visitor.sends()
    lose: Callable[[Memory, Visitor], None] = request.param
    lose(memory, visitor)
    memory.later(minutes=2)
    return visitor


@pytest.mark.parametrize("who", ["person", "officer"])
def test_the_person_can_be_erased(memory: Memory, lost: Visitor, who: str) -> None:
    """S24: by themselves and by the officer; the certificate says that the messages stay in the chat."""
    if who == "person":
        erasure = lost.deletes("all").erasure
    else:
        given = {"reason": "letter 7/2026"}
        erasure = memory.run(memory.store.begin_erasure, lost.subject, memory.now(), **given)

    certificate = memory.run(memory.store.finish_erasure, erasure)

    remaining = {one["what"]: one["why"] for one in certificate["remaining"]}
    assert "delete them in Telegram" in remaining["messages in the chat"]
    assert memory.rooms.rows(subjects) == []
    assert memory.count(outbox, kind="telegram.erase") == 0


def test_whoever_writes_there_is_heard(memory: Memory, lost: Visitor) -> None:
    """S21: they begin anew; nobody is shown the old conversation, for the chat is confirmed after opening alone."""
    assert memory.run(memory.store.telegram_conversation, CHAT) is None

    again = Visitor(memory, channel="telegram", chat=CHAT)
    done(memory.turns(again.opening())[0])

    assert memory.run(memory.store.telegram_conversation, CHAT) == again.conversation
    codes = {row["subject"]: row["mac"] for row in memory.rooms.rows(index_rows)}
    assert codes[again.subject]


def test_a_chat_that_opens_says_nothing_of_it(memory: Memory) -> None:
    """S24: where the messages can be deleted, no certificate says that they stay."""
    visitor = Visitor(memory, channel="telegram", chat=CHAT)
    visitor.sends()

    certificate = memory.run(memory.store.finish_erasure, visitor.deletes("all").erasure)

    assert "messages in the chat" not in {one["what"] for one in certificate["remaining"]}
    assert memory.count(outbox, kind="telegram.erase") == 1
