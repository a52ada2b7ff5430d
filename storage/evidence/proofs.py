"""Signed documents: receipts, certificates, heads of the audit. One way to write them, to sign them, to check them.

A proof is a JSON object with `kid` and `signature`. What is signed is its *kind* and the rest as canonical JSON: sorted
keys, no spaces, UTF-8; texts, whole numbers, booleans, nulls, lists and objects only, so that every language writes
the same bytes (as RFC 8785 does).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from storage.keys.keyring import Keyring
from storage.keys.signatures import Use, kid_of, verify

RECEIPT, CERTIFICATE, HEAD = "receipt", "certificate", "audit head"
SIGNED_BY: Mapping[str, Use] = {RECEIPT: "evidence", CERTIFICATE: "evidence", HEAD: "audit"}


def canonical(document: Any) -> bytes:
    """Return a document as the bytes that are hashed and signed."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def signed(keyring: Keyring, kind: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with `kid` and its Ed25519 `signature`, base64url without padding."""
    kid, signature = keyring.sign(SIGNED_BY[kind], kind, canonical(document))
    return {**document, "kid": kid, "signature": encoded(signature)}


def fault_of(keys: Mapping[str, bytes], kind: str, proof: Mapping[str, Any]) -> str:
    """Return why a proof does not hold under these public keys, "" when it does."""
    kid, signature = proof.get("kid"), proof.get("signature")
    if not isinstance(kid, str) or not isinstance(signature, str):
        return "it is not signed"
    if kid not in keys:
        return f"the key {kid} is not among the published ones"
    if kid != kid_of(SIGNED_BY[kind], keys[kid]):
        return f"the key {kid} does not sign such proofs"
    rest = {name: value for name, value in proof.items() if name not in ("kid", "signature")}
    try:
        held = verify(keys[kid], kind, canonical(rest), decoded(signature))
    except (ValueError, TypeError):  # no base64url; a number that is too big
        held = False
    return "" if held else "the signature does not hold: it was changed, or signed by somebody else"


def encoded(plain: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return what base64url without padding stands for. Raises ValueError for anything that is not exactly that."""
    plain = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    if encoded(plain) != text:  # the decoder passes over strange signs and spare bits
        raise ValueError("no base64url")
    return plain
