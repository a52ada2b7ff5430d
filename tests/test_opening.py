"""Values are opened for a purpose with a live consent, and never without a line in the audit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.conversation import Conversation
from intake.events import AskedToWithdraw, Said
from intake.outcomes import Step
from storage.errors import ConsentRequired, NotFound, PurposeRequired
from storage.records import Transcript, Turn
from storage.tables import audit
from tests.remembering import DETAILS, NEED, Memory, Visitor

CANARIES = (NEED, "canary-words", *DETAILS.values())


def _transcript(memory: Memory, visitor: Visitor, after: int = 0, **more: bool) -> Transcript:
    found: Transcript = memory.run(memory.store.transcript, visitor.conversation, after, **more)
    return found


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


def test_what_was_not_sent_has_an_end_too(memory: Memory) -> None:
    """S12: details of an open consultation are kept `retention.draft` from its last turn; the chat's card says so."""
    visitor = Visitor(memory)
    visitor.reviews()
    memory.later(hours=20)
    shown = visitor.says("view").record

    draft = memory.rules.retention.draft
    assert shown is not None
    assert shown.keeps_until == memory.now() + draft
    last = memory.now()
    memory.later(hours=20)
    assert memory.run(memory.store.record, visitor.subject, purpose="own_view").keeps_until == last + draft


def test_a_record_needs_a_purpose_and_is_audited(memory: Memory) -> None:
    """The officer's reading is told to the person; a person without a lead has a record too."""
    visitor = Visitor(memory)
    visitor.asks()
    with pytest.raises(PurposeRequired):
        memory.run(memory.store.record, visitor.subject, purpose="")

    record = memory.run(memory.store.record, visitor.subject, purpose="rights_request")
    again = memory.run(memory.store.record, visitor.subject, purpose="own_view")

    assert [(kept.name, kept.value) for kept in record.fields] == [("need", NEED)]
    assert (record.lead, record.keeps_until) == ("", memory.now() + memory.rules.retention.session)
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
    memory.turns(visitor.turn(Said("hm")), decide=_nonsense)
    visitor.says("view")

    numbers = [row["number"] for row in memory.rooms.rows(audit)]

    assert sorted(map(str, numbers)) == sorted(map(str, range(1, len(numbers) + 1)))
    assert {row["writer"] for row in memory.rooms.rows(audit)} == {"test"}


def _nonsense(turn: Turn, state: Conversation) -> Step:
    raise ZeroDivisionError


def test_other_rules_read_the_same_memory(memory: Memory) -> None:
    """A field that configuration no longer names is still the person's, and shown after the others."""
    visitor = Visitor(memory)
    visitor.reviews()
    fewer = {name: entry for name, entry in memory.rules.fields.items() if name != "company"}
    changed = memory.with_rules(fields=fewer)

    record = changed.run(changed.store.record, visitor.subject, purpose="own_view")

    assert [kept.name for kept in record.fields][-1] == "company"
    assert replace(record, fields=()).consents
