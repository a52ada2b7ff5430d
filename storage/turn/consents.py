"""Decisions about purposes, one row each with its sealed evidence, and which of them hold (L2, L3, L14).

A decision holds until the next one about the same purpose. Processing needs an agreement that holds: a *live* consent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from intake.outcomes import RecordAttestation, RecordConsent, Withdraw
from intake.rules import Rules
from storage import scopes
from storage.errors import ConsentRequired
from storage.evidence.audit import PERSON, Entry
from storage.means import stamp
from storage.tables import consents
from storage.turn.carrying import Carrying

ATTESTATION = "attestation"  # the visitor is authorised by whom the details are about (S6)
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


def must_be_contactable(rules: Rules, live: Collection[str]) -> None:
    """Raises ConsentRequired without a live consent to being contacted: a required purpose."""
    if not any(one.required and one.id in live for one in rules.purposes.values()):
        raise ConsentRequired("no live consent to be contacted")


def record(carrying: Carrying, effect: RecordConsent) -> None:
    """Record every decision with the evidence of what was shown; earlier decisions about the purposes end."""
    decided: dict[str, dict[str, str]] = {"agreed": {}, "refused": {}}
    for purpose, agreed in effect.decisions:
        word = "agreed" if agreed else "refused"
        evidence = {
            "purpose": purpose,
            "decision": word,
            "policy": effect.policy,
            "notice_sha256": effect.notice_sha256,
            "locale": effect.locale,
            "method": effect.method,
        }
        decided[word][purpose] = _decide(carrying, evidence)
        if agreed:
            carrying.live[purpose] = effect.policy
        else:
            carrying.live.pop(purpose, None)
    if any(
        carrying.rules.purposes[name].required for name in carrying.live if name in carrying.rules.purposes
    ):
        carrying.write("subject_consulting", b_subject=carrying.standing.subject)
    for word, records in decided.items():
        _note(carrying, word, records, effect.policy)


def attest(carrying: Carrying, effect: RecordAttestation) -> None:
    """Record whether the visitor is authorised to give another person's details (S6)."""
    word = "agreed" if effect.authorised else "refused"
    evidence = {
        "purpose": ATTESTATION,
        "decision": word,
        "policy": carrying.state.policy,
        "locale": carrying.state.locale,
        "method": "question",
    }
    _note(carrying, word, {ATTESTATION: _decide(carrying, evidence)}, carrying.state.policy)


def withdraw(carrying: Carrying, effect: Withdraw) -> None:
    """End the live consents for these purposes with this commit."""
    records = {}
    for purpose in effect.purposes:
        if purpose in carrying.live:
            evidence = {
                "purpose": purpose,
                "decision": "withdrawn",
                "policy": carrying.live.pop(purpose),
                "locale": carrying.state.locale,
                "method": "command",
            }
            records[purpose] = _decide(carrying, evidence)
    _note(carrying, "withdrawn", records, "")


def _note(carrying: Carrying, action: str, records: Mapping[str, str], policy: str) -> None:
    """Have the audit name decisions of one kind: purposes, and in the same order the ids of their records."""
    if records:
        note = Entry(
            at=carrying.at,
            actor=PERSON,
            action=action,
            subject=carrying.standing.subject,
            purpose=",".join(records),
            policy=policy,
            records=tuple(records.values()),
        )
        carrying.entries.append(note)


def _decide(carrying: Carrying, evidence: Mapping[str, str]) -> str:
    """Record one decision in place of the one before, its evidence sealed; return the id of its record."""
    row, subject = carrying.means.new_id(), carrying.standing.subject
    terms = carrying.means.terms_in(evidence["locale"])
    sealed = orjson.dumps(
        {**evidence, "id": row, "subject": subject, "at": stamp(carrying.at), "terms": terms.sha256}
        | {"channel": carrying.state.channel, "site": carrying.state.site}
    )
    if "terms_kept" not in carrying.rows:  # one turn is in one language
        carrying.write("terms_kept", sha256=terms.sha256, body=terms.body)
    carrying.write("consent_ended", b_subject=subject, b_purpose=evidence["purpose"], b_at=carrying.at)
    carrying.write(
        "consent_recorded",
        subject=subject,
        id=row,
        conversation=carrying.standing.id,
        **{name: evidence[name] for name in ("purpose", "decision", "policy", "method")},
        at=carrying.at,
        ended_at=None,
        sealed_evidence=carrying.seal(scopes.CONSENTS, "consents", "sealed_evidence", row, 0, sealed),
    )
    return row


def decisions(connection: Connection, subject: str) -> tuple[dict[str, Any], ...]:
    """Return every decision of a person, oldest first, as "view" shows them."""
    return tuple(
        {"purpose": row.purpose, "decision": row.decision, "policy": row.policy, "at": stamp(row.at)}
        for row in rows_of(connection, subject)
    )


def rows_of(connection: Connection, subject: str) -> list[Any]:
    """Return the rows of a person's decisions, oldest first."""
    mine = select(consents).where(consents.c.subject == subject)
    order = (consents.c.at, consents.c.purpose, consents.c.ended_at.is_(None), consents.c.id)
    return list(connection.execute(mine.order_by(*order)))
