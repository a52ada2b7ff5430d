"""What the store finds, opens and shows; and that nothing of it can be read in the database's files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from intake.events import AskedToWithdraw, ColleagueSaid, Picked, Said
from storage.errors import ConsentRequired, NotFound, PurposeRequired
from storage.records import Transcript
from storage.tables import audit, conversations, index_rows, messages
from tests.remembering import DETAILS, NEED, Memory, Visitor, remembering

CANARIES = (NEED, "canary-words", *DETAILS.values())


@pytest.fixture
def memory(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """An empty store."""
    with remembering(data_url, keyring_url, tmp_path) as made:
        yield made


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


def test_a_poisoned_update_is_not_seen_twice(memory: Memory) -> None:
    """It is noted with the class of its fault, and a second note changes nothing."""
    assert not memory.run(memory.store.update_seen, 9)

    for _ in range(2):
        memory.run(memory.store.record_poisoned_update, 9, "ZeroDivisionError")

    assert memory.run(memory.store.update_seen, 9)


def test_a_transcript_begins_after_the_watermark(memory: Memory) -> None:
    """Everything newer, in order, with the values that it shows; a colleague's reading opens none."""
    visitor = Visitor(memory)
    visitor.reviews()
    visitor.does(ColleagueSaid("We will call.", name="Wang"))

    whole = _transcript(memory, visitor)
    newer = _transcript(memory, visitor, after=whole.last - 1)
    without = _transcript(memory, visitor, own_view=False)

    assert [message.seq for message in whole.messages] == list(range(1, whole.last + 1))
    assert whole.values == {"need": NEED, **DETAILS}
    assert [message.sender for message in newer.messages] == ["staff"]
    assert (newer.values, without.values) == ({}, {})
    assert without.messages == whole.messages
    assert _transcript(memory, visitor, after=whole.last).messages == ()
    assert (
        memory.count(audit, action="opened") == 2
    )  # the review card when it was shown, and the whole transcript


def test_a_transcript_of_nothing_is_not_found(memory: Memory) -> None:
    """An unknown conversation has no transcript; the stub of an erased one says so."""
    with pytest.raises(NotFound):
        _transcript(memory, Visitor(memory))


def test_view_shows_everything(memory: Memory) -> None:
    """S21: details with time and version, decisions, who received what, who opened it, until when."""
    visitor = Visitor(memory)
    reference = visitor.sends("news")
    opened = {"purpose": "contact", "actor": "staff:7"}
    memory.run(memory.store.open_fields, visitor.subject, ["phone", "need"], **opened)

    told = visitor.says("view")
    again = _transcript(memory, visitor, after=told.ack)

    record = told.record
    assert record is not None
    assert {kept.name: kept.value for kept in record.fields} == {"need": NEED, **DETAILS}
    assert [kept.name for kept in record.fields][:3] == ["need", "name", "company"]
    assert {kept.policy for kept in record.fields} == {"", "2026-11"}
    assert {one["purpose"] for one in record.consents} >= {"contact", "news"}
    assert record.opened_by == (
        {"by": "staff:7", "at": "2026-11-23T09:00:00Z", "purpose": "contact", "fields": ("need", "phone")},
    )
    assert (record.lead, record.keeps_until) == (
        reference,
        memory.now() + memory.rules.purposes["contact"].keep,
    )
    assert again.record is not None
    assert again.record.fields == record.fields


def test_a_record_needs_a_purpose_and_is_audited(memory: Memory) -> None:
    """The officer's reading is told to the person; a person without a lead has a record too."""
    visitor = Visitor(memory)
    visitor.asks()
    with pytest.raises(PurposeRequired):
        memory.run(memory.store.record, visitor.subject, purpose="")

    record = memory.run(memory.store.record, visitor.subject, purpose="rights_request")
    again = memory.run(memory.store.record, visitor.subject, purpose="own_view")

    assert [(kept.name, kept.value) for kept in record.fields] == [("need", NEED)]
    assert (record.lead, record.keeps_until) == ("", None)
    assert [one["by"] for one in again.opened_by] == ["officer"]


def test_values_are_opened_for_a_covered_purpose_only(memory: Memory) -> None:
    """L3, S16: the purpose must be agreed to and cover the field; what a colleague states rests on the field's own."""
    visitor = Visitor(memory)
    visitor.sends("news")
    opened, subject = memory.store.open_fields, visitor.subject

    def values(names: list[str], purpose: str) -> dict[str, str]:
        return dict(memory.run(opened, subject, names, purpose=purpose, actor="staff:7"))

    assert values(["phone", "need"], "contact") == {"phone": DETAILS["phone"], "need": NEED}
    assert values(["phone", "need", "gender"], "call_back") == {"phone": DETAILS["phone"], "need": NEED}
    assert values(["email"], "news") == {"email": DETAILS["email"]}
    assert values(["phone"], "own_view") == {"phone": DETAILS["phone"]}
    for names, purpose in ((["phone"], "affiliates"), (["need"], "news"), (["credit_code"], "news")):
        with pytest.raises(ConsentRequired):
            values(names, purpose)
    with pytest.raises(PurposeRequired):
        values(["phone"], "")
    assert (
        memory.count(audit, action="opened", actor="staff:7", purpose="call_back", fields="need,phone") == 1
    )


def test_nothing_is_opened_after_withdrawal(memory: Memory) -> None:
    """L3: below every page; a refused opening leaves no line that says it happened."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.does(AskedToWithdraw(("contact",)))

    for names, purpose in ((["phone"], "contact"), (["phone"], "call_back"), (["need"], "call_back")):
        with pytest.raises(ConsentRequired):
            memory.run(memory.store.open_fields, visitor.subject, names, purpose=purpose, actor="staff:7")

    assert memory.count(audit, action="opened", actor="staff:7") == 0


def test_the_question_is_the_leads_own(memory: Memory) -> None:
    """With a reference that lead's question, else the newest lead's, else the open consultation's."""
    visitor = Visitor(memory)
    visitor.reviews()
    given = {"purpose": "contact", "actor": "staff:7"}
    before = memory.run(memory.store.open_fields, visitor.subject, ["need"], **given)
    reference = visitor.picks("review:send").state.sent

    named = memory.run(memory.store.open_fields, visitor.subject, ["need"], reference=reference, **given)
    unknown = memory.run(memory.store.open_fields, visitor.subject, ["need"], reference="AF-none", **given)

    assert (before, named, unknown) == ({"need": NEED}, {"need": NEED}, {})


def test_values_of_nobody_are_not_found(memory: Memory) -> None:
    """An unknown person has no values."""
    with pytest.raises(NotFound):
        memory.run(memory.store.open_fields, "0" * 32, ["phone"], purpose="contact", actor="staff:7")


def test_audit_rows_are_numbered_without_gaps(memory: Memory) -> None:
    """Each writer counts on, across transactions; a turn that fails takes no number."""
    visitor = Visitor(memory)
    visitor.sends("news")
    memory.turns(visitor.turn(Said("hm")), decide=lambda turn, state: 1 // 0)
    visitor.says("view")

    numbers = [row["number"] for row in memory.rooms.rows(audit)]

    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert {row["writer"] for row in memory.rooms.rows(audit)} == {"test"}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_no_canary_stands_in_the_files(memory: Memory, tmp_path: Path) -> None:
    """S10: after whole journeys on both channels no value is in a database file or its log, before and after erasure."""
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


def test_other_rules_read_the_same_memory(memory: Memory) -> None:
    """A field that configuration no longer names is still the person's, and shown after the others."""
    visitor = Visitor(memory)
    visitor.reviews()
    fewer = {name: entry for name, entry in memory.rules.fields.items() if name != "company"}
    changed = memory.with_rules(fields=fewer)

    record = changed.run(changed.store.record, visitor.subject, purpose="own_view")

    assert [kept.name for kept in record.fields][-1] == "company"
    assert replace(record, fields=()).consents
