"""The terms of decisions: who asks, for which purposes, which details, how long, who receives them, as configured.

They are written once, in the words of ISO/IEC TS 27560 and of the Data Privacy Vocabulary, and kept under their hash;
the sealed evidence of a decision names it. So configuration that changes later changes no receipt (L14). They are
about the company; no person is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from intake.rules import Field, Purpose, Rules
from storage.evidence.proofs import canonical

CONTROLLER = "controller"  # the company among the parties of a receipt
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms in one language, and the SHA-256 by which they are found."""

    sha256: str
    body: str


def in_every_language(rules: Rules, public_url: str) -> Mapping[str, Terms]:
    """Return the terms of these rules by locale. `public_url` is where the policy is read; "": not known here."""
    found = {}
    for locale in rules.locales:
        body = canonical(_terms(rules, public_url, locale))
        found[locale] = Terms(sha256(body).hexdigest(), body.decode())
    return found


def own(field: str) -> str:
    """Return the name under which a field's own consent is recorded."""
    return f"field:{field}"


def iso_period(period: timedelta) -> str:
    """Return a length of time as ISO 8601 has it: P180D, PT12H."""
    return f"P{period.days}D" if not period % DAY else f"PT{int(period.total_seconds()) // 3_600}H"


def _terms(rules: Rules, public_url: str, locale: str) -> dict[str, Any]:
    alone = {
        own(field.name): _own_consent(rules, field, locale)
        for field in rules.fields.values()
        if field.separate_consent
    }
    return {
        "public_url": public_url,
        "parties": {CONTROLLER: _controller(rules, public_url, locale), **_recipients(rules, locale)},
        "purposes": {one.id: _purpose(rules, one, locale) for one in rules.purposes.values()} | alone,
    }


def _purpose(rules: Rules, purpose: Purpose, locale: str) -> dict[str, Any]:
    told = [one.id for one in rules.recipients.values() if one.purpose == purpose.id]
    return {
        "purpose": purpose.text[locale],
        "required": purpose.required,
        "pii_information": [
            _detail(rules, name, locale) for name in purpose.fields if _is_collected(rules, name)
        ],
        **_handling(rules, purpose.keep, told),
    }


def _own_consent(rules: Rules, field: Field, locale: str) -> dict[str, Any]:
    """Return the purpose of a question for one detail alone (L2)."""
    told = [one.id for one in rules.recipients.values() if field.name in one.fields]
    return {
        "purpose": field.why[locale],
        "required": False,
        "pii_information": [_detail(rules, field.name, locale)],
        **_handling(rules, rules.purposes[field.purpose].keep, told),
    }


def _handling(rules: Rules, keep: timedelta, told: list[str]) -> dict[str, Any]:
    country = rules.company.country
    return {
        "lawful_basis": "dpv:Consent",
        "pii_controllers": [CONTROLLER],
        "collection_method": "dpv:DataSubjectDataSource",
        "processing_method": ["dpv:Collect", "dpv:Store", "dpv:Use", *(["dpv:Share"] if told else [])],
        "storage_locations": [country],
        "retention_period": iso_period(keep),
        "jurisdiction": country,
        "recipient_third_parties": told,
        "withdrawal_method": ["command:withdraw", f"mailto:{rules.company.email}"],
    }


def _is_collected(rules: Rules, name: str) -> bool:
    return name in rules.visit or (name in rules.fields and rules.fields[name].asked)


def _detail(rules: Rules, name: str, locale: str) -> dict[str, Any]:
    field = rules.fields.get(name)
    return {
        "pii_type": field.label[locale] if field else rules.visit[name][locale],
        "pii_attribute_id": name,
        "pii_optional": not (field and field.required),
        "sensitive_pii_category": bool(field and field.sensitive),
        "special_pii_category": bool(field and field.separate_consent),
    }


def _controller(rules: Rules, public_url: str, locale: str) -> dict[str, Any]:
    company = rules.company
    return {
        "party_id": CONTROLLER,
        "party_role": "dpv:DataController",
        "party_name": company.name[locale],
        "party_address": company.address[locale],
        "party_country": company.country,
        "party_contact": company.officer[locale],
        "party_email": company.email,
        "party_phone": company.phone,
        "party_url": public_url,
    }


def _recipients(rules: Rules, locale: str) -> dict[str, Any]:
    return {
        one.id: {
            "party_id": one.id,
            "party_role": "dpv:Recipient",
            "party_name": one.name[locale],
            "party_country": one.country,
            "pii_attribute_ids": list(one.fields),
        }
        for one in rules.recipients.values()
    }
