"""Receipts: each decision as a signed document that the person can keep and check without the desk (L14).

A receipt has the shape of ISO/IEC TS 27560 (record, PII processing, parties, event) and, before that, the same in a few
short words. It is made of the sealed evidence and of the terms that the evidence names, of nothing else: what was
configured since, and what stands in the plain columns, changes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, select

from storage import scopes
from storage.errors import CannotUnseal
from storage.evidence import proofs
from storage.evidence.terms import CONTROLLER
from storage.keys.sealing import Place
from storage.means import KeysAtHand, Means, stamp
from storage.tables import terms
from storage.turn import consents

SCHEMA = "askfirst-receipt-1; ISO/IEC TS 27560:2023"
DPV = "https://w3id.org/dpv#"  # Data Privacy Vocabulary, W3C community group
STATES = {"agreed": "dpv:ConsentGiven", "refused": "dpv:ConsentRefused", "withdrawn": "dpv:ConsentWithdrawn"}
NO_TIME = "PT0S"  # how long a refusal and a withdrawal are consent

Document = dict[str, Any]


def receipts_of(means: Means, connection: Connection, subject: str) -> tuple[Mapping[str, Any], ...]:
    """Return a signed receipt of every decision of a person, oldest first. Raises CannotUnseal, KeyLost."""
    rows = consents.rows_of(connection, subject)
    keys = KeysAtHand(means)
    if rows:
        keys.fetch([(subject, scopes.CONSENTS)])
    told = [_evidence(means, keys, row) for row in rows]
    known = _terms(means, connection, {one["terms"] for one in told})
    return tuple(
        proofs.signed(means.keyring, proofs.RECEIPT, _receipt(one, known[one["terms"]])) for one in told
    )


def _evidence(means: Means, keys: KeysAtHand, row: Any) -> dict[str, str]:
    """Return what was sealed with a decision. Version 0.1.0 sealed notice and language only; the row tells the rest."""
    place = Place(row.subject, "consents", "sealed_evidence", row.id, 0)
    sealed: dict[str, str] = orjson.loads(keys.unseal(scopes.CONSENTS, place, row.sealed_evidence))
    plain = {
        name: getattr(row, name) for name in ("id", "subject", "purpose", "decision", "policy", "method")
    }
    newest = means.terms_in(sealed["locale"]).sha256
    return {**plain, "at": stamp(row.at), "channel": "", "site": "", "terms": newest, **sealed}


def _terms(means: Means, connection: Connection, wanted: set[str]) -> dict[str, Document]:
    """Return the terms with these hashes. Raises CannotUnseal when some are gone or were changed."""
    bodies = {one.sha256: one.body for one in means.terms.values()}
    kept = select(terms.c.body).where(terms.c.sha256.in_(wanted - bodies.keys()))
    bodies |= {sha256(body.encode()).hexdigest(): body for body in connection.scalars(kept)}
    if missing := wanted - bodies.keys():
        raise CannotUnseal(f"terms {min(missing)}: changed or gone, so their receipts cannot be made")
    return {name: orjson.loads(bodies[name]) for name in wanted}


def _receipt(told: Mapping[str, str], agreed_to: Document) -> Document:
    parties = agreed_to["parties"]
    company = parties[CONTROLLER]
    purpose = _purpose(told, agreed_to)
    return {
        "@context": {"dpv": DPV},
        "schema_version": SCHEMA,
        "id": told["id"],
        "purposes": [told["purpose"]],
        "decision": told["decision"],
        "policy": told["policy"],
        "notice_sha256": told.get("notice_sha256", ""),
        "locale": told["locale"],
        "method": told["method"],
        "at": told["at"],
        "controller": {
            "name": company["party_name"],
            "address": company["party_address"],
            "country": company["party_country"],
            "email": company["party_email"],
        },
        "record": {"record_id": told["id"], "pii_principal_id": told["subject"]},
        "pii_processing": {
            "privacy_notice": f"{agreed_to['public_url']}/policy/{told['policy']}?lang={told['locale']}",
            "language": told["locale"],
            "purposes": [purpose],
        },
        "party_identification": [
            company,
            *(parties[name] for name in purpose.get("recipient_third_parties", ())),
        ],
        "event": [_event(told, purpose)],
    }


def _purpose(told: Mapping[str, str], agreed_to: Document) -> Document:
    """Return the purpose as it was configured; of one that was not, such as an attestation, only its name is known."""
    configured: Document = agreed_to["purposes"].get(told["purpose"], {"purpose": told["purpose"]})
    return {"purpose_id": told["purpose"], **configured, "services": [told["site"]]}


def _event(told: Mapping[str, str], purpose: Document) -> Document:
    lasts = purpose.get("retention_period", NO_TIME) if told["decision"] == "agreed" else NO_TIME
    return {
        "event_time": told["at"],
        "validity_duration": lasts,
        "entity_id": told["subject"],
        "event_type": "dpv:ExplicitlyExpressedConsent",
        "event_state": STATES[told["decision"]],
        "event_method": told["method"],
        "event_channel": told["channel"],
    }
