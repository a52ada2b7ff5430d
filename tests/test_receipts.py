"""Receipts tell what was configured, shown and decided then, in the shape of ISO/IEC TS 27560, whatever comes later."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import jsonschema
import orjson
import pytest
import sqlalchemy as sa

from bot.web.openapi import schemas
from intake.events import AskedToWithdraw
from intake.outcomes import RecordConsent
from storage import scopes
from storage.errors import CannotUnseal
from storage.evidence.proofs import RECEIPT, fault_of
from storage.evidence.terms import iso_period
from storage.keys.sealing import Place
from storage.means import KeysAtHand
from storage.store import Store
from storage.tables import audit, consents, terms
from tests.remembering import Memory, Visitor, done


def _receipts(memory: Memory, visitor: Visitor) -> dict[str, Any]:
    """Return the newest receipt of each purpose."""
    found: tuple[Mapping[str, Any], ...] = memory.run(memory.store.receipts, visitor.subject)
    return {one["purposes"][0]: one for one in found}


def _at(memory: Memory, public_url: str) -> Memory:
    """Return the memory of a desk that visitors reach there."""
    rooms = memory.rooms
    given: dict[str, Any] = {"clock": rooms.clock, "random": os.urandom, "writer": "test"}
    return replace(
        memory, store=Store(rooms.engine, rooms.keyring, memory.rules, public_url=public_url, **given)
    )


def test_every_receipt_fits_the_published_schema(memory: Memory) -> None:
    """L14: agreed, refused, withdrawn, attested, a consent for one detail alone; in both languages."""
    for locale in ("en", "zh-CN"):
        visitor = Visitor(memory, locale=locale)
        visitor.consents("news")
        visitor.picks("whose:other")
        visitor.picks("whose:authorised")
        visitor.does(AskedToWithdraw(("news",)))

        receipts = memory.run(memory.store.receipts, visitor.subject)

        assert {one["decision"] for one in receipts} == {"agreed", "refused", "withdrawn"}
        for one in receipts:
            jsonschema.Draft202012Validator(schemas()["receipt"]).validate(one)


def test_a_receipt_says_what_was_agreed_to(memory: Memory) -> None:
    """L14: who asks, for what, which details, where, how long, who receives them, how to withdraw, and when it was."""
    desk = _at(memory, "https://desk.example.com")
    visitor = Visitor(desk, locale="zh-CN")
    visitor.consents()
    receipt = _receipts(desk, visitor)["contact"]
    rules = memory.rules

    assert receipt["record"] == {"record_id": receipt["id"], "pii_principal_id": visitor.subject}
    processing = receipt["pii_processing"]
    assert processing["privacy_notice"] == "https://desk.example.com/policy/2026-11?lang=zh-CN"
    assert processing["language"] == "zh-CN"
    (purpose,) = processing["purposes"]
    assert purpose["purpose"] == rules.purposes["contact"].text["zh-CN"]
    assert (purpose["required"], purpose["lawful_basis"]) == (True, "dpv:Consent")
    assert (purpose["jurisdiction"], purpose["storage_locations"]) == ("CN", ["CN"])
    assert (purpose["retention_period"], purpose["services"]) == ("P180D", ["default"])
    assert purpose["recipient_third_parties"] == ["crm", "mailbox"]
    assert purpose["withdrawal_method"] == ["command:withdraw", "mailto:privacy@example.com"]
    details = {one["pii_attribute_id"]: one for one in purpose["pii_information"]}
    assert list(details) == ["name", "company", "phone", "email", "position", "industry"]
    assert details["phone"] == {
        "pii_attribute_id": "phone",
        "pii_type": "手机号码",
        "pii_optional": True,
        "sensitive_pii_category": True,
        "special_pii_category": False,
    }
    controller, crm, _ = receipt["party_identification"]
    assert (controller["party_name"], controller["party_role"]) == ("示例仪器", "dpv:DataController")
    assert (crm["party_country"], crm["pii_attribute_ids"]) == ("CN", ["name", "phone"])
    assert receipt["event"] == [
        {
            "event_time": receipt["at"],
            "validity_duration": "P180D",
            "entity_id": visitor.subject,
            "event_type": "dpv:ExplicitlyExpressedConsent",
            "event_state": "dpv:ConsentGiven",
            "event_method": "card",
            "event_channel": "web",
        }
    ]


def test_a_purpose_without_recipients_shares_nothing(memory: Memory) -> None:
    """What nobody else receives is collected, stored and used; the visit record names its items."""
    visitor = Visitor(memory)
    visitor.consents("visit")

    purpose = _receipts(memory, visitor)["visit"]["pii_processing"]["purposes"][0]

    assert purpose["recipient_third_parties"] == []
    assert purpose["processing_method"] == ["dpv:Collect", "dpv:Store", "dpv:Use"]
    assert {one["pii_attribute_id"] for one in purpose["pii_information"]} == set(memory.rules.visit)


def test_a_consent_for_one_detail_is_a_purpose_of_its_own(memory: Memory) -> None:
    """L2, L14: its receipt tells the one detail, marked as of a special kind, and who receives it."""
    rules = memory.rules
    phone = replace(rules.fields["phone"], separate_consent=True)
    desk = memory.with_rules(fields=MappingProxyType({**rules.fields, "phone": phone}))
    visitor = Visitor(desk)
    visitor.consents()
    decided = RecordConsent(
        decisions=(("field:phone", True),), policy="2026-11", notice_sha256="", locale="en", method="question"
    )
    done(visitor.steps(decided))

    receipt = _receipts(desk, visitor)["field:phone"]

    (purpose,) = receipt["pii_processing"]["purposes"]
    assert purpose["purpose"] == phone.why["en"]
    assert purpose["recipient_third_parties"] == ["crm"]
    assert [(one["pii_attribute_id"], one["special_pii_category"]) for one in purpose["pii_information"]] == [
        ("phone", True)
    ]
    jsonschema.Draft202012Validator(schemas()["receipt"]).validate(receipt)


def test_configuration_that_changes_later_changes_no_receipt(memory: Memory) -> None:
    """L14: another company, address, purpose text, period, recipients, details; the old receipt stays byte for byte."""
    visitor = Visitor(memory)
    visitor.consents("news")
    before = memory.run(memory.store.receipts, visitor.subject)
    rules = memory.rules
    contact = replace(
        rules.purposes["contact"],
        keep=timedelta(days=30),
        fields=("name",),
        text={"en": "Else", "zh-CN": "别的"},
    )
    company = replace(
        rules.company, name={"en": "Other Ltd", "zh-CN": "其他公司"}, country="DE", email="o@example.com"
    )
    changed = memory.with_rules(
        company=company,
        purposes=MappingProxyType({**rules.purposes, "contact": contact}),
        recipients=MappingProxyType({}),
        fields=MappingProxyType({**rules.fields, "name": replace(rules.fields["name"], sensitive=False)}),
    )
    moved = _at(changed, "https://elsewhere.example.com")

    assert moved.run(moved.store.receipts, visitor.subject) == before

    newcomer = Visitor(moved)
    newcomer.consents()
    now = _receipts(moved, newcomer)["contact"]
    assert now["controller"]["name"] == "Other Ltd"
    assert now["pii_processing"]["purposes"][0]["retention_period"] == "P30D"
    assert len(memory.rooms.rows(terms)) == 2  # each in one language: everybody of a time shares them


def test_what_stands_plain_in_the_database_changes_no_receipt(memory: Memory) -> None:
    """Whoever can write to the database can make a refusal look like an agreement there; the receipt is sealed."""
    visitor = Visitor(memory)
    visitor.consents()
    before = memory.run(memory.store.receipts, visitor.subject)

    def forge() -> None:
        with memory.rooms.engine.begin() as connection:
            connection.execute(consents.update().values(decision="agreed", policy="1999-01", method="signal"))

    memory.run(forge)

    assert memory.run(memory.store.receipts, visitor.subject) == before


def test_terms_that_were_changed_or_removed_are_noticed(memory: Memory) -> None:
    """The sealed evidence names their hash; no receipt is made of anything else."""
    visitor = Visitor(memory)
    visitor.consents()
    elsewhere = _at(memory, "https://elsewhere.example.com")  # it does not have these terms in memory
    changes: tuple[sa.Executable, ...] = (
        terms.update().values(body=sa.func.replace(terms.c.body, "P180D", "P999D")),
        terms.delete(),
    )
    for change in changes:
        memory.run(_execute, memory, change)

        with pytest.raises(CannotUnseal, match="changed or gone"):
            memory.run(elsewhere.store.receipts, visitor.subject)


def _execute(memory: Memory, statement: sa.Executable) -> None:
    with memory.rooms.engine.begin() as connection:
        connection.execute(statement)


def test_a_decision_from_before_has_a_receipt_too(memory: Memory) -> None:
    """Version 0.1.0 sealed only notice and language; its rows tell the rest, and the terms are those of now."""
    visitor = Visitor(memory)
    visitor.consents()
    row = next(row for row in memory.rooms.rows(consents) if row["purpose"] == "contact")
    memory.run(_seal_as_before, memory, row)

    receipt = _receipts(memory, visitor)["contact"]

    assert (receipt["decision"], receipt["method"], receipt["notice_sha256"]) == ("agreed", "card", "ab" * 32)
    assert receipt["event"][0]["event_channel"] == ""
    jsonschema.Draft202012Validator(schemas()["receipt"]).validate(receipt)


def _seal_as_before(memory: Memory, row: Mapping[str, Any]) -> None:
    keys = KeysAtHand(memory.store._means)
    keys.fetch([(row["subject"], scopes.CONSENTS)])
    place = Place(row["subject"], "consents", "sealed_evidence", row["id"], 0)
    evidence = orjson.dumps({"notice_sha256": "ab" * 32, "locale": "en"})
    sealed = keys.seal(scopes.CONSENTS, place, evidence)
    _execute(memory, consents.update().where(consents.c.id == row["id"]).values(sealed_evidence=sealed))


def test_the_audit_names_the_record_of_every_decision(memory: Memory) -> None:
    """L9, L14: in the order of the purposes, so the chain says which decision came before which."""
    visitor = Visitor(memory)
    visitor.consents("news")
    visitor.picks("whose:other")
    visitor.picks("whose:authorised")
    visitor.does(AskedToWithdraw(("news",)))

    receipts = memory.run(memory.store.receipts, visitor.subject)

    named = {
        record: (purpose, row["action"])
        for row in memory.rooms.rows(audit)
        if row["records"]
        for record, purpose in zip(
            str(row["records"]).split(","), str(row["purpose"]).split(","), strict=True
        )
    }
    assert named == {one["id"]: (one["purposes"][0], one["decision"]) for one in receipts}
    assert len(named) == 7


def test_any_changed_part_of_a_receipt_fails(memory: Memory) -> None:
    """L14: whatever is altered, added or taken away, at any depth, the signature does not hold."""
    visitor = Visitor(memory)
    visitor.consents()
    receipt = _receipts(memory, visitor)["contact"]
    keys = memory.run(memory.rooms.keyring.public_keys)
    assert fault_of(keys, RECEIPT, receipt) == ""

    altered = list(_altered(receipt))

    assert len(altered) > 100
    assert [one for one in altered if fault_of(keys, RECEIPT, one) == ""] == []


def _altered(value: Any) -> Iterator[Any]:
    """Yield the value with one part changed, for every part of it."""
    if isinstance(value, dict):
        yield {**value, "more": 1}
        for name, part in value.items():
            yield {key: one for key, one in value.items() if key != name}
            yield from ({**value, name: other} for other in _altered(part))
    elif isinstance(value, list | tuple):
        yield [*value, "more"]
        for place, part in enumerate(value):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in _altered(part))
    elif isinstance(value, bool):
        yield not value
    else:
        yield f"{value}x"
        yield f"{value[:-1]}{'B' if value.endswith('A') else 'A'}" if value else "A"


def test_a_period_is_written_as_iso_8601_has_it() -> None:
    """Days where they are whole, else hours."""
    periods = (timedelta(days=180), timedelta(hours=24), timedelta(hours=36))

    assert [iso_period(one) for one in periods] == ["P180D", "P1D", "PT36H"]
