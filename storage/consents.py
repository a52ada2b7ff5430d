"""Decisions about purposes, one row each with its evidence; which of them hold; and the receipts (L2, L3, L14).

A decision holds until the next one about the same purpose. Processing needs an agreement that holds: a *live* consent.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from intake.outcomes import RecordAttestation, RecordConsent, Withdraw
from intake.rules import Rules
from storage import scopes
from storage.audit import PERSON, Entry
from storage.carrying import Carrying
from storage.means import KeysAtHand, Means, stamp
from storage.sealing import Place
from storage.tables import consents

ATTESTATION = "attestation"  # the visitor is authorised by whom the details are about (S6)
RECEIPT_DOMAIN = "receipt"
_LIVE = select(consents.c.subject, consents.c.purpose, consents.c.policy).where(
    consents.c.subject.in_(bindparam("subjects", expanding=True)),
    consents.c.ended_at.is_(None),
    consents.c.decision == "agreed",
)


def live(connection: Connection, subjects: Collection[str]) -> dict[str, dict[str, str]]:
    """Return, for each person, the purposes with a live consent and the policy version agreed to."""
    found: dict[str, dict[str, str]] = {subject: {} for subject in subjects}
    if found:
        for subject, purpose, policy in connection.execute(_LIVE, {"subjects": list(found)}):
            found[subject][purpose] = policy
    return found


def own(field: str) -> str:
    """Return the name under which a field's own consent is recorded."""
    return f"field:{field}"


def record(carrying: Carrying, effect: RecordConsent) -> None:
    """Record every decision with the evidence of what was shown; earlier decisions about the purposes end."""
    evidence = {"notice_sha256": effect.notice_sha256, "locale": effect.locale}
    for purpose, agreed in effect.decisions:
        _decide(carrying, purpose, "agreed" if agreed else "refused", effect.policy, effect.method, evidence)
        if agreed:
            carrying.live[purpose] = effect.policy
        else:
            carrying.live.pop(purpose, None)
    if any(
        carrying.rules.purposes[name].required for name in carrying.live if name in carrying.rules.purposes
    ):
        carrying.write("subject_consulting", b_subject=carrying.standing.subject)
    for word, wanted in (("agreed", True), ("refused", False)):
        named = ",".join(purpose for purpose, agreed in effect.decisions if agreed is wanted)
        if named:
            _note(carrying, word, named, effect.policy)


def attest(carrying: Carrying, effect: RecordAttestation) -> None:
    """Record whether the visitor is authorised to give another person's details (S6)."""
    decision = "agreed" if effect.authorised else "refused"
    evidence = {"locale": carrying.state.locale}
    _decide(carrying, ATTESTATION, decision, carrying.state.policy, "question", evidence)


def withdraw(carrying: Carrying, effect: Withdraw) -> None:
    """End the live consents for these purposes with this commit."""
    ending = [purpose for purpose in effect.purposes if purpose in carrying.live]
    for purpose in ending:
        policy = carrying.live.pop(purpose)
        _decide(carrying, purpose, "withdrawn", policy, "command", {"locale": carrying.state.locale})
    if ending:
        _note(carrying, "withdrawn", ",".join(ending), "")


def _note(carrying: Carrying, action: str, purposes: str, policy: str) -> None:
    carrying.entries.append(
        Entry(
            at=carrying.at,
            actor=PERSON,
            action=action,
            subject=carrying.standing.subject,
            purpose=purposes,
            policy=policy,
        )
    )


def _decide(
    carrying: Carrying, purpose: str, decision: str, policy: str, method: str, evidence: dict[str, str]
) -> None:
    row, subject = carrying.means.new_id(), carrying.standing.subject
    carrying.write("consent_ended", b_subject=subject, b_purpose=purpose, b_at=carrying.at)
    carrying.write(
        "consent_recorded",
        subject=subject,
        id=row,
        conversation=carrying.standing.id,
        purpose=purpose,
        decision=decision,
        policy=policy,
        method=method,
        at=carrying.at,
        ended_at=None,
        sealed_evidence=carrying.seal(
            scopes.CONSENTS, "consents", "sealed_evidence", row, 0, orjson.dumps(evidence)
        ),
    )


def decisions(connection: Connection, subject: str) -> tuple[dict[str, Any], ...]:
    """Return every decision of a person, oldest first, as "view" shows them."""
    return tuple(
        {"purpose": row.purpose, "decision": row.decision, "policy": row.policy, "at": stamp(row.at)}
        for row in _rows(connection, subject)
    )


def receipts(
    means: Means, keys: KeysAtHand, connection: Connection, subject: str
) -> tuple[dict[str, Any], ...]:
    """Return a signed receipt of every decision (shape after ISO/IEC TS 27560; L14)."""
    rows = _rows(connection, subject)
    if rows:
        keys.fetch([(subject, scopes.CONSENTS)])
    return tuple(_receipt(means, keys, row) for row in rows)


def _rows(connection: Connection, subject: str) -> list[Any]:
    mine = select(consents).where(consents.c.subject == subject)
    order = (consents.c.at, consents.c.purpose, consents.c.ended_at.is_(None), consents.c.id)
    return list(connection.execute(mine.order_by(*order)))


def _receipt(means: Means, keys: KeysAtHand, row: Any) -> dict[str, Any]:
    place = Place(row.subject, "consents", "sealed_evidence", row.id, 0)
    evidence: dict[str, str] = orjson.loads(keys.unseal(scopes.CONSENTS, place, row.sealed_evidence))
    receipt = {
        "id": row.id,
        "purposes": [row.purpose],
        "decision": row.decision,
        "policy": row.policy,
        "notice_sha256": evidence.get("notice_sha256", ""),
        "locale": evidence["locale"],
        "method": row.method,
        "at": stamp(row.at),
        "controller": _controller(means.rules, evidence["locale"]),
    }
    return signed(means, RECEIPT_DOMAIN, receipt)


def _controller(rules: Rules, locale: str) -> dict[str, str]:
    company = rules.company
    known = locale if locale in company.name else rules.default_locale
    return {
        "name": company.name[known],
        "address": company.address[known],
        "country": company.country,
        "email": company.email,
    }


def signed(means: Means, domain: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with `kid` and Ed25519 `signature` (base64url) over its canonical JSON: sorted keys, UTF-8."""
    kid, signature = means.keyring.sign(
        "evidence", domain, orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    )
    return {**document, "kid": kid, "signature": base64.urlsafe_b64encode(signature).rstrip(b"=").decode()}
