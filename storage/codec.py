"""How a conversation's state and the bodies of messages are written before they are sealed: compact JSON, short keys.

What an older version wrote is read with the defaults of what it did not know; what a newer one wrote is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import MappingProxyType
from typing import Any

import orjson

from intake.conversation import Aside, Conversation, Stage, filled
from intake.events import ColleagueSaid
from intake.outcomes import NOTHING_EXPECTED, Expects, Heard, Reply, WrongAnswer

_STAGES = {stage.value: stage for stage in Stage}
_ASIDES = {aside.value: aside for aside in Aside}
_STATE = tuple(
    (entry.name, "" if entry.default is MISSING else entry.default) for entry in fields(Conversation)
)
_STATE_STAGES = ("stage", "behind")
_STATE_TUPLES = ("kept", "skipped", "separate", "proven", "doubted", "agreed", "refused")
_EXPECTS = tuple((entry.name, entry.default) for entry in fields(Expects))
_EXPECTS_TUPLES = ("options", "purposes", "fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """The body of a visitor's message with what makes its turn repeatable."""

    heard: Heard = field(repr=False)
    client_id: str = field(default="", repr=False)
    digest: bytes = b""  # of the event's meaning; empty where it would tell an answer
    erasure: str = ""  # id of the erasure that the event began
    scope: str = ""  # of that erasure


def encode_state(state: Conversation) -> bytes:
    """Return the state as bytes: what differs from a new conversation's."""
    return orjson.dumps(
        {name: value for name, default in _STATE if (value := getattr(state, name)) != default}
    )


def decode_state(raw: bytes) -> Conversation:
    """Return the state that was encoded."""
    found: dict[str, Any] = orjson.loads(raw)
    for name in _STATE_STAGES:
        if name in found:
            found[name] = _STAGES[found[name]]
    if "aside" in found:
        found["aside"] = _ASIDES[found["aside"]]
    for name in _STATE_TUPLES:
        if name in found:
            found[name] = tuple(found[name])
    return filled([found.get(name, default) for name, default in _STATE])


def encode_spoken(heard: Heard, client_id: str, digest: bytes, erasure: str, scope: str) -> bytes:
    """Return the body of a visitor's message as bytes; the arguments are those of `Spoken`."""
    found = {
        "t": heard.text,
        "a": heard.answered,
        "p": heard.picked,
        "u": heard.purposes,
        "v": heard.private,
        "c": heard.code,
        "i": client_id,
        "d": digest.hex(),
        "e": erasure,
        "s": scope,
    }
    return orjson.dumps({key: value for key, value in found.items() if value})


def decode_spoken(raw: bytes) -> Spoken:
    """Return the body of a visitor's message."""
    found: dict[str, Any] = orjson.loads(raw)
    heard = Heard(
        text=found.get("t", ""),
        answered=found.get("a", ""),
        picked=found.get("p", ""),
        purposes=tuple(found.get("u", ())),
        private=found.get("v", False),
        code=found.get("c", False),
    )
    return Spoken(
        heard=heard,
        client_id=found.get("i", ""),
        digest=bytes.fromhex(found.get("d", "")),
        erasure=found.get("e", ""),
        scope=found.get("s", ""),
    )


def encode_reply(reply: Reply) -> bytes:
    """Return the body of the desk's message as bytes."""
    found: dict[str, Any] = {"k": reply.key}
    if reply.params:
        found["p"] = dict(reply.params)
    if reply.expects is not NOTHING_EXPECTED:
        expects = reply.expects
        found["x"] = {
            name: value for name, default in _EXPECTS if (value := getattr(expects, name)) != default
        }
    if reply.rejected:
        found["r"] = (reply.rejected.name, reply.rejected.code, reply.rejected.example)
    return orjson.dumps(found)


def decode_reply(raw: bytes) -> Reply:
    """Return the body of the desk's message."""
    found: dict[str, Any] = orjson.loads(raw)
    params: Mapping[str, str] = MappingProxyType(found.get("p", {}))
    rejected = WrongAnswer(*found["r"][:3]) if "r" in found else None
    return Reply(key=found["k"], params=params, expects=_expects(found.get("x", {})), rejected=rejected)


def _expects(found: dict[str, Any]) -> Expects:
    if not found:
        return NOTHING_EXPECTED
    known = {name: found[name] for name, _ in _EXPECTS if name in found}
    for name in _EXPECTS_TUPLES:
        if name in known:
            known[name] = tuple(known[name])
    return Expects(**known)


def encode_colleague(said: ColleagueSaid) -> bytes:
    """Return a colleague's message as bytes."""
    return orjson.dumps({"t": said.text, "n": said.name})


def decode_colleague(raw: bytes) -> ColleagueSaid:
    """Return a colleague's message."""
    found: dict[str, str] = orjson.loads(raw)
    return ColleagueSaid(text=found["t"], name=found["n"])


def without_digest(raw: bytes, answered: str) -> bytes:
    """Return a visitor's body without its digest if it answered this question: the hash would tell the old answer."""
    found: dict[str, Any] = orjson.loads(raw)
    if found.get("a") != answered or not found.pop("d", ""):
        return raw
    return orjson.dumps(found)
