"""`receipt verify`: checks receipts, exports and certificates without a desk: signature, key, shape, notice."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from bot.commands.office import CommandRefused, Office, command
from bot.web.openapi import schemas
from config.settings import SettingsInvalid
from intake.faults import RulesInvalid
from intake.rules import PolicyVersion
from storage.evidence.proofs import CERTIFICATE, RECEIPT, decoded, fault_of

KEY_BYTES = 32  # bytes; RFC 8032 §5.1.5
NAME_MAX = 120  # characters of a line that name the proof


def add(commands: Any) -> None:
    """Add `receipt` and what it does to the command line."""
    parser = commands.add_parser("receipt", help="receipts of consent, and certificates of erasure")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    checking = command(
        actions,
        "verify",
        "check the signatures of receipts, of an export or of a certificate; leave with 1 if one does not hold",
    )
    checking.add_argument("file", metavar="FILE", help="what somebody has in hand, as JSON")
    checking.add_argument(
        "--keys",
        metavar="FILE",
        help="published keys, from /.well-known/askfirst-keys.json, instead of this desk's own",
    )
    checking.set_defaults(run=_verify)


def _verify(asked: argparse.Namespace, office: Office) -> int:
    proofs = list(_proofs_in(_read(asked.file)))
    if not proofs:
        raise CommandRefused(f"{asked.file} holds no receipt and no certificate")
    keys = _keys_in(asked.keys) if asked.keys else _keys_of(office)
    policies = _policies(office)
    faults = 0
    for proof in proofs:
        fault, remark = _judged(proof, keys, policies)
        faults += bool(fault)
        office.say(f"{_name(proof)}: {fault or 'holds' + remark}")
    if faults:
        raise CommandRefused(f"{faults} of {len(proofs)} do not hold")
    return 0


def _judged(
    proof: Mapping[str, Any], keys: Mapping[str, bytes], policies: Mapping[str, PolicyVersion]
) -> tuple[str, str]:
    """Return why a proof does not hold, "" when it does; and what could not be checked."""
    kind = _kind(proof)
    fault = fault_of(keys, kind, proof) or _misshapen(proof, kind)
    if fault or kind == CERTIFICATE or not proof["notice_sha256"]:
        return fault, ""
    known = policies.get(proof["policy"])
    if known is None or proof["locale"] not in known.notice_sha256:
        return "", f"; policy {proof['policy']} is not configured here, so its text was not compared"
    if known.notice_sha256[proof["locale"]] != proof["notice_sha256"]:
        return f"policy {proof['policy']} reads differently here from what was agreed to", ""
    return "", ""


def _kind(proof: Mapping[str, Any]) -> str:
    return CERTIFICATE if "destroyed" in proof else RECEIPT


def _name(proof: Mapping[str, Any]) -> str:
    """Return how a proof calls itself, made safe for a terminal: anybody may have written it."""
    about = ("scope", "at") if _kind(proof) == CERTIFICATE else ("purposes", "decision", "at")
    words = " ".join(str(proof.get(name, "?")) for name in ("id", *about))
    return f"{_kind(proof)} " + "".join(sign if sign.isprintable() else "?" for sign in words[:NAME_MAX])


def _misshapen(proof: Mapping[str, Any], kind: str) -> str:
    """Return where a proof is not as its published schema says, "" when it is."""
    from jsonschema import Draft202012Validator  # takes longer to load than all other commands take to run

    for error in Draft202012Validator(schemas()[kind]).iter_errors(proof):
        return f"it has not the shape of a {kind}: {error.json_path}"
    return ""


def _proofs_in(found: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the proofs of a file: alone, in a list, in an export, in what the API or Telegram handed out."""
    if isinstance(found, list):
        for one in found:
            yield from _proofs_in(one)
    elif isinstance(found, dict) and isinstance(found.get("receipts"), list):
        yield from _proofs_in(found["receipts"])
    elif isinstance(found, dict):
        yield found


def _keys_in(file: str) -> dict[str, bytes]:
    """Return the keys of a file as the desk serves it. Raises CommandRefused."""
    try:
        listed = {one["kid"]: decoded(one["public"]) for one in _read(file)["keys"]}
    except (AttributeError, KeyError, TypeError, ValueError):
        listed = {"": b""}
    if any(len(key) != KEY_BYTES for key in listed.values()):
        raise CommandRefused(
            f"{file} is no file of keys: fetch /.well-known/askfirst-keys.json from the desk"
        )
    return listed


def _keys_of(office: Office) -> Mapping[str, bytes]:
    with office.storage() as storage:
        return storage.thread.submit(storage.keyring.public_keys).result()


def _policies(office: Office) -> Mapping[str, PolicyVersion]:
    """Return the policy versions that are configured here; none where there is no configuration."""
    try:
        return office.loaded.rules.policies
    except (SettingsInvalid, RulesInvalid):
        return {}


def _read(file: str) -> Any:
    try:
        return orjson.loads(Path(file).read_bytes())
    except OSError as fault:
        raise CommandRefused(f"{file} cannot be read: {fault.strerror}") from None
    except orjson.JSONDecodeError as fault:
        raise CommandRefused(f"{file} is no JSON: {fault}") from None
