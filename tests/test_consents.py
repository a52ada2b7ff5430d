"""Decisions: one holds until the next; withdrawing stops what rested on it; each is a receipt the person can check."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from intake.events import AskedToWithdraw, ColleagueSaid, Picked, Said
from intake.outcomes import CallColleague, RecordAttestation, RecordConsent, Withdraw
from storage.errors import ConsentRequired, NotFound, SubjectErased
from storage.keys.signatures import verify
from storage.people.disclosures import disclosed
from storage.records import TurnFailed
from storage.tables import audit, consents, leads, outbox
from tests.remembering import Memory, Visitor, done, failed


def _decisions(memory: Memory, visitor: Visitor) -> dict[str, str]:
    rows = memory.rooms.rows(consents)
    return {str(row["purpose"]): str(row["decision"]) for row in rows if row["ended_at"] is None}


def test_each_purpose_is_decided_for_itself(memory: Memory) -> None:
    """L2: one agreement switches on what was ticked, and nothing else."""
    visitor = Visitor(memory)
    visitor.consents("news")

    assert _decisions(memory, visitor) == {
        "contact": "agreed",
        "keep_longer": "refused",
        "news": "agreed",
        "affiliates": "refused",
        "visit": "refused",
    }
    entries = {row["action"]: row["purpose"] for row in memory.rooms.rows(audit)}
    assert entries == {"agreed": "contact,news", "refused": "keep_longer,affiliates,visit"}


def test_a_decision_holds_until_the_next(memory: Memory) -> None:
    """The earlier one stays, with the time at which it ended."""
    visitor = Visitor(memory)
    visitor.consents("news")
    at = memory.later(hours=1)

    visitor.does(AskedToWithdraw(("news",)))

    news = [row for row in memory.rooms.rows(consents) if row["purpose"] == "news"]
    assert {(row["decision"], row["ended_at"]) for row in news} == {("agreed", at), ("withdrawn", None)}


def test_an_attestation_is_recorded(memory: Memory) -> None:
    """S6: that the visitor is authorised stands beside the decisions, with what was answered."""
    visitor = Visitor(memory)
    visitor.consents()
    visitor.picks("whose:other")
    visitor.picks("whose:authorised")
    assert _decisions(memory, visitor)["attestation"] == "agreed"

    done(visitor.steps(RecordAttestation(authorised=False)))
    assert _decisions(memory, visitor)["attestation"] == "refused"


def test_withdrawing_contact_takes_the_lead_from_sales(memory: Memory) -> None:
    """L3: with the same commit; and what is left is kept for a shorter time only."""
    visitor = Visitor(memory)
    visitor.sends()
    at = memory.later(days=1)

    visitor.does(AskedToWithdraw(("contact",)))

    row = memory.rooms.rows(leads)[0]
    assert (row["status"], row["keeps_until"]) == ("withdrawn", at + memory.rules.retention.withdrawn)
    with pytest.raises(ConsentRequired):
        memory.run(memory.store.open_fields, visitor.subject, ["phone"], purpose="contact", actor="staff:1")


def test_withdrawing_never_lengthens(memory: Memory) -> None:
    """A lead near its end is not kept longer because consent was withdrawn."""
    visitor = Visitor(memory)
    visitor.sends()
    ends = memory.rooms.rows(leads)[0]["keeps_until"]
    memory.later(days=memory.rules.purposes["contact"].keep.days - 1)

    visitor.does(AskedToWithdraw(("contact",)))

    assert memory.rooms.rows(leads)[0]["keeps_until"] == ends


def test_withdrawing_longer_keeping_shortens(memory: Memory) -> None:
    """S12: `keep_longer` lengthens while it lasts."""
    visitor = Visitor(memory)
    sent_at = memory.now()
    visitor.sends("keep_longer")
    longer = memory.rooms.rows(leads)[0]["keeps_until"]

    visitor.does(AskedToWithdraw(("keep_longer",)))

    assert longer == sent_at + memory.rules.purposes["keep_longer"].keep
    assert memory.rooms.rows(leads)[0]["keeps_until"] == sent_at + memory.rules.purposes["contact"].keep


def test_who_was_told_is_told_of_a_withdrawal(memory: Memory) -> None:
    """L3, L8: a purpose concerns its recipients; contact concerns all."""
    visitor = Visitor(memory)
    reference = visitor.sends("affiliates", "news")
    for recipient in ("crm", "partner"):
        memory.run(_tell, memory, visitor, recipient, reference)

    for purposes in (("affiliates",), ("news",), ("contact",)):
        visitor.does(AskedToWithdraw(purposes))

    tasks = sorted(
        str(row["recipient"]) for row in memory.rooms.rows(outbox) if row["kind"] == "consent.withdrawn"
    )
    assert tasks == ["crm", "partner", "partner"]


def _tell(memory: Memory, visitor: Visitor, recipient: str, reference: str) -> None:
    with memory.rooms.engine.begin() as connection:
        disclosed(
            connection,
            name=memory.rooms.clock().strftime(f"{recipient}%f"),
            subject=visitor.subject,
            recipient=recipient,
            event="lead.created",
            reference=reference,
            fields=(),
            at=memory.now(),
        )


def test_withdrawing_what_was_not_agreed_changes_nothing(memory: Memory) -> None:
    """There is nothing to end."""
    visitor = Visitor(memory)
    visitor.asks()

    visitor.steps(Withdraw(("contact", "field:gender")))

    assert memory.rooms.rows(consents) == []
    assert memory.rooms.rows(audit) == []


def test_a_lead_goes_to_recipients_whose_purpose_is_agreed(memory: Memory) -> None:
    """S16: created, then updated by further words; a call for a colleague goes to mailboxes alone."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.says("One more thing.")
    visitor.says("human")

    tasks = {(row["kind"], row["recipient"], row["reference"]) for row in memory.rooms.rows(outbox)}

    assert tasks == {
        ("lead.created", "crm", reference),
        ("lead.created", "mailbox", reference),
        ("lead.updated", "crm", reference),
        ("lead.updated", "mailbox", reference),
        ("human", "mailbox", reference),
    }
    done(visitor.steps(CallColleague(reference)))


def test_receipts_can_be_checked_offline(memory: Memory) -> None:
    """L14: each decision is a signed document with what was shown, by whom."""
    visitor = Visitor(memory, locale="zh-CN")
    visitor.consents("news")
    visitor.does(AskedToWithdraw(("news",)))

    receipts = memory.run(memory.store.receipts, visitor.subject)

    keys = memory.run(memory.rooms.keyring.public_keys)
    assert [one["decision"] for one in receipts if one["purposes"] == ["news"]] == ["agreed", "withdrawn"]
    assert all(_holds(keys, receipt) for receipt in receipts)
    agreed = next(one for one in receipts if one["purposes"] == ["contact"])
    assert agreed["notice_sha256"] == memory.rules.policies[agreed["policy"]].notice_sha256["zh-CN"]
    assert agreed["controller"]["name"] == memory.rules.company.name["zh-CN"]
    assert not _holds(keys, {**agreed, "decision": "refused"})


def _holds(keys: Any, receipt: dict[str, Any]) -> bool:
    signed = {name: value for name, value in receipt.items() if name not in ("kid", "signature")}
    signature = base64.urlsafe_b64decode(receipt["signature"] + "==")
    payload = orjson.dumps(signed, option=orjson.OPT_SORT_KEYS)
    return verify(keys[receipt["kid"]], "receipt", payload, signature)


def test_a_receipt_names_the_company_in_a_known_language(memory: Memory) -> None:
    """A language that is not configured any more falls back to the first one."""
    visitor = Visitor(memory)
    visitor.asks()
    decided = RecordConsent(
        decisions=(("news", False),), policy="2026-11", notice_sha256="", locale="fr", method="signal"
    )
    done(visitor.steps(decided))

    receipt = memory.run(memory.store.receipts, visitor.subject)[0]

    assert receipt["controller"]["name"] == memory.rules.company.name["en"]
    assert receipt["method"] == "signal"


def test_receipts_of_nobody_are_not_found(memory: Memory) -> None:
    """No person, no receipts; a person without decisions has none; an erased one is erased."""
    visitor = Visitor(memory)
    with pytest.raises(NotFound):
        memory.run(memory.store.receipts, visitor.subject)
    visitor.opens()
    assert memory.run(memory.store.receipts, visitor.subject) == ()

    visitor.does(Said("delete"))
    visitor.does(Picked("delete:all"))

    with pytest.raises(SubjectErased):
        memory.run(memory.store.receipts, visitor.subject)


def test_keeping_is_as_long_as_agreed(memory: Memory) -> None:
    """S12: the lead is kept for the longest of the purposes that carry it."""
    visitor = Visitor(memory)
    visitor.sends()

    row = memory.rooms.rows(leads)[0]

    assert row["keeps_until"] == memory.now() + memory.rules.purposes["contact"].keep
    assert isinstance(row["answer_due"], datetime)
    assert row["answer_due"] > memory.now() + timedelta(minutes=1)
    assert not isinstance(visitor.does(Said("One more thing.")), TurnFailed)


@pytest.mark.parametrize("one_commit", [False, True])
def test_nobody_is_answered_who_withdrew(memory: Memory, one_commit: bool) -> None:
    """L3: a reply that meets the withdrawal on its way is refused at the store, and stands in no audit."""
    visitor = Visitor(memory)
    visitor.sends()
    withdrawn = visitor.turn(AskedToWithdraw(("contact",)))
    reply = visitor.turn(ColleagueSaid("We will call.", name="Wang"), actor="staff:7")

    if one_commit:
        _, answered = memory.turns(withdrawn, reply)
    else:
        done(memory.turns(withdrawn)[0])
        [answered] = memory.turns(reply)

    assert isinstance(failed(answered), ConsentRequired)
    said = memory.run(memory.store.transcript, visitor.conversation, 0).messages
    assert "staff" not in {message.sender for message in said}
    assert memory.count(audit, action="answered") == 0


def test_a_withdrawn_consent_stops_answers(memory: Memory) -> None:
    """L3: the next value is refused at the store, whatever the conversation believes."""
    visitor = Visitor(memory)
    visitor.consents()
    visitor.picks("whose:own")
    visitor.steps(Withdraw(("contact",)))

    assert isinstance(failed(memory.turns(visitor.turn(Said("Li Canary")))[0]), ConsentRequired)
