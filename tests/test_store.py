"""What the store finds and shows; and that nothing of it can be read in the database's files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from intake.events import ColleagueSaid, Corrected, Picked, Said
from storage.errors import NotFound
from storage.keyring_tables import scope_keys
from storage.records import Transcript
from storage.tables import audit, chats, conversations, fields, index_rows, messages
from tests.remembering import DETAILS, NEED, Memory, Visitor, done

CANARIES = (NEED, "canary-words", *DETAILS.values())


def _transcript(memory: Memory, visitor: Visitor, after: int = 0, **more: bool) -> Transcript:
    found: Transcript = memory.run(memory.store.transcript, visitor.conversation, after, **more)
    return found


def test_a_session_is_found_by_its_token(memory: Memory) -> None:
    """By the hash alone; not a second after it expired."""
    visitor = Visitor(memory)
    opened = visitor.opens()
    expires = memory.now() + timedelta(days=1)

    found = memory.run(memory.store.session, visitor.token_hash, expires - timedelta(seconds=1))

    assert (found.conversation, found.subject, found.last) == (
        visitor.conversation,
        visitor.subject,
        opened.last,
    )
    assert (found.site, found.locale, found.erased, found.expires_at) == ("default", "en", False, expires)
    assert memory.run(memory.store.session, visitor.token_hash, expires) is None
    assert memory.run(memory.store.session, b"unknown", memory.now()) is None


def test_a_chat_is_found_by_its_number(memory: Memory) -> None:
    """Through the blind index, confirmed after opening: a row that only looks alike is passed over."""
    visitor, other = (
        Visitor(memory, channel="telegram", chat=4711),
        Visitor(memory, channel="telegram", chat=-42),
    )
    visitor.opens()
    other.opens()
    mac = memory.run(memory.rooms.keyring.macs, "telegram_chat", "999")[0][1]
    memory.run(_set_mac, memory, visitor.subject, mac)

    assert memory.run(memory.store.telegram_conversation, -42) == other.conversation
    assert memory.run(memory.store.telegram_conversation, 999) is None
    assert memory.run(memory.store.telegram_conversation, 1) is None


def _set_mac(memory: Memory, subject: str, mac: bytes) -> None:
    with memory.rooms.engine.begin() as connection:
        connection.execute(sa.update(index_rows).where(index_rows.c.subject == subject).values(mac=mac))


def test_a_person_is_found_by_phone_and_mail(memory: Memory) -> None:
    """Whoever gave the value, confirmed after opening; a mac that only looks alike is passed over."""
    first, second = Visitor(memory), Visitor(memory)
    first.reviews()
    second.reviews()

    assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == sorted([first.subject, second.subject])
    assert memory.run(memory.store.find, "email", DETAILS["email"]) == sorted([first.subject, second.subject])
    mac = memory.run(memory.rooms.keyring.macs, "phone", "+8613999999999")[0][1]
    memory.run(_set_mac, memory, first.subject, mac)
    assert memory.run(memory.store.find, "phone", "+8613999999999") == []


def test_what_a_chat_lacks_is_known(memory: Memory) -> None:
    """Telegram's watermark: conversations that are behind, oldest first, until they are marked; never backwards."""
    web, early, late = Visitor(memory), Visitor(memory, channel="telegram", chat=1), None
    web.opens()
    early.opens()
    memory.later(minutes=1)
    late = Visitor(memory, channel="telegram", chat=2)
    late.opens()

    behind = memory.run(memory.store.undelivered)
    memory.run(memory.store.mark_delivered, early.conversation, 1, 77)
    memory.run(memory.store.mark_delivered, early.conversation, 0, 0)

    assert behind == [(early.conversation, 1, 0), (late.conversation, 2, 0)]
    assert memory.run(memory.store.undelivered) == [(late.conversation, 2, 0)]
    assert _transcript(memory, early).messages[0].channel_ref == 77


@pytest.mark.parametrize("table", [scope_keys, chats])
def test_a_damaged_chat_keeps_no_answer_from_the_others(memory: Memory, table: sa.Table) -> None:
    """Its key's wrap or its own envelope does not open: it is listed without its number, the others with theirs."""
    damaged, sound = (Visitor(memory, channel="telegram", chat=number) for number in (1, 2))
    damaged.opens()
    memory.later(minutes=1)
    sound.opens()
    memory.run(_damage, memory, table, damaged.subject)
    memory.later(minutes=2)

    assert memory.run(memory.store.undelivered) == [(damaged.conversation, 0, 0), (sound.conversation, 2, 0)]


@pytest.mark.parametrize("table", [scope_keys, fields])
def test_a_damaged_value_hides_nobody_else(memory: Memory, table: sa.Table) -> None:
    """Two people share a number; one of them cannot be confirmed any more."""
    damaged, sound = Visitor(memory), Visitor(memory)
    damaged.reviews()
    sound.reviews()
    memory.run(_damage, memory, table, damaged.subject)
    memory.later(minutes=2)

    assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == [sound.subject]


def test_a_value_that_moves_while_it_is_looked_for_is_found(memory: Memory, second: Memory) -> None:
    """Another process corrects a detail between the reading of row and key: the person is found all the same."""
    visitor = Visitor(memory)
    visitor.sends()
    memory.later(minutes=2)
    corrected = visitor.turn(Corrected((("email", "li.next@example.com"),)))
    looks = [lambda: None] * 2  # for the epochs; the third is for the keys
    memory.rooms.clock.meanwhile = [*looks, lambda: done(second.turns(corrected)[0])]

    found = memory.run(memory.store.find, "phone", DETAILS["phone"])

    assert found == [visitor.subject]
    assert memory.count(fields, scope="profile.2") > 0


def _damage(memory: Memory, table: sa.Table, subject: str) -> None:
    engine = memory.rooms.keyring.engine if table is scope_keys else memory.rooms.engine
    spoilt = {scope_keys: "wrapped", chats: "sealed_chat", fields: "sealed_value"}[table]
    with engine.begin() as connection:
        theirs = sa.update(table).where(table.c.subject == subject)
        connection.execute(theirs.values({spoilt: b"AF\x01 no envelope at all, no wrap either" * 2}))


def test_a_poisoned_update_is_not_seen_twice(memory: Memory) -> None:
    """It is noted with the class of its fault, and a second note changes nothing."""
    assert not memory.run(memory.store.update_seen, 9)

    for _ in range(2):
        memory.run(memory.store.record_poisoned_update, 9, "ZeroDivisionError")

    assert memory.run(memory.store.update_seen, 9)


def test_a_transcript_begins_after_the_watermark(memory: Memory) -> None:
    """Everything newer, in order, with the values that it shows; the officer's are noted with the record alone."""
    visitor = Visitor(memory)
    visitor.reviews()
    visitor.does(ColleagueSaid("We will call.", name="Wang"))

    whole = _transcript(memory, visitor)
    newer = _transcript(memory, visitor, after=whole.last - 1)
    without = _transcript(memory, visitor, own_view=False, officer=True)

    assert [message.seq for message in whole.messages] == list(range(1, whole.last + 1))
    assert whole.values == {"need": NEED, **DETAILS}
    assert [message.sender for message in newer.messages] == ["staff"]
    assert (newer.values, without.values) == ({}, whole.values)
    assert without.messages == whole.messages
    assert _transcript(memory, visitor, after=whole.last).messages == ()
    # the review card when it was shown, and the whole transcript
    assert memory.count(audit, action="opened") == 2


def test_a_transcript_of_nothing_is_not_found(memory: Memory) -> None:
    """An unknown conversation has no transcript; the stub of an erased one says so."""
    with pytest.raises(NotFound):
        _transcript(memory, Visitor(memory))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_no_canary_stands_in_the_files(memory: Memory, tmp_path: Path) -> None:
    """S10: after whole journeys on both channels no value is in a database file or its log."""
    web, chat = Visitor(memory), Visitor(memory, channel="telegram", chat=470011223344)
    for visitor in (web, chat):
        visitor.sends("news", "keep_longer")
        visitor.steps()
        visitor.says("correct phone")
        visitor.says("+8613900000000")
        visitor.says("view")
    secrets = [
        secret.encode() for secret in (*CANARIES, "+8613900000000", "470011223344", web.token_hash.hex())
    ]

    def found() -> list[tuple[str, bytes]]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(files) >= 4
        return [(path.name, secret) for path in files for secret in secrets if secret in path.read_bytes()]

    assert found() == []
    for visitor in (web, chat):
        visitor.says("delete")
        memory.run(memory.store.finish_erasure, visitor.picks("delete:all").erasure)
    assert found() == []
    assert b"AF-" not in (tmp_path / "desk.db").read_bytes()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_log_is_empty_after_an_erasure(memory: Memory, tmp_path: Path) -> None:
    """SQLite's write-ahead log holds no page of who was erased."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says("delete")

    memory.run(memory.store.finish_erasure, visitor.picks("delete:all").erasure)

    assert [path.stat().st_size for path in tmp_path.rglob("*-wal")] == [0, 0]


def test_nothing_personal_is_printed(memory: Memory) -> None:
    """House rule 7: what goes in and comes out does not print what it carries."""
    visitor = Visitor(memory)
    visitor.reviews()
    done = visitor.says("view")
    printed = repr((visitor.turn(Said(NEED)), done, done.record, _transcript(memory, visitor)))

    assert not [secret for secret in CANARIES if secret in printed]


def test_a_moved_envelope_does_not_open(memory: Memory) -> None:
    """A state that is copied to another conversation of the desk is refused there."""
    first, second = Visitor(memory), Visitor(memory)
    memory.turns(first.opening(), second.opening())
    rows = {row["id"]: row for row in memory.rooms.rows(conversations)}

    def move() -> None:
        with memory.rooms.engine.begin() as connection:
            mine = sa.update(conversations).where(conversations.c.id == second.conversation)
            connection.execute(mine.values(sealed_state=rows[first.conversation]["sealed_state"]))

    memory.run(move)

    fault = memory.turns(second.turn(Picked("command:help")))[0]
    assert type(getattr(fault, "error", None)).__name__ == "CannotUnseal"
    assert memory.count(messages, conversation=second.conversation) == 1
