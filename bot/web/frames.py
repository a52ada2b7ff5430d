"""Frames from visitors: read, checked, turned into events. Whatever arrives, the answer is a frame or a clear fault."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import orjson

from bot.web.problems import Problem
from intake.events import MESSAGE_MAX, Event, Picked, Said

FRAME_MAX_BYTES = 32 * 1024  # docs/contract.md, "Chat API"
ID_MAX = 64  # characters of a client's id; a UUID needs 36
VALUE_MAX = 256  # characters of an option value, a purpose or a version; the longest real ones have about 40
PURPOSES_MAX = 64  # purposes in one pick
TOKEN_MAX = 128  # characters; ours have 43
# bytes of SHA-256 that name an event, and as many that tell its meaning; 2^64 before a chance clash
KEY_BYTES = 16
SEQ_MAX = 2**53 - 1  # the largest whole number that every JSON reader keeps exact; RFC 8259 §6


@dataclass(frozen=True, slots=True)
class Asked:
    """A say or a pick. `meaning` is a digest of everything in it but its id: it tells a repeat from a reuse."""

    id: str
    event: Event = field(repr=False)
    meaning: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of a socket."""

    token: str = field(repr=False)
    after: int


class BadFrame(Exception):
    """A frame that was not understood, or may not be kept. `fatal`: the sender does not speak the protocol."""

    def __init__(self, code: str, detail: str, *, named: str | None = None, fatal: bool = False) -> None:
        """Name the fault; `named` is the frame's own id, where it could be read."""
        super().__init__(code)
        self.code, self.detail, self.fatal = code, detail, fatal
        self._id: dict[str, Any] = {} if named is None else {"id": named}

    def frame(self) -> dict[str, Any]:
        """Return the `error` frame."""
        return {"type": "error", **self._id, "code": self.code, "detail": self.detail}

    def problem(self) -> Problem:
        """Return the same fault as an answer over plain HTTP."""
        return Problem(413 if self.code == "too_long" else 400, self.code, self.detail, **self._id)


def read_asked(raw: bytes) -> Asked:
    """Return the say or pick in `raw`. Raises BadFrame."""
    frame = decoded(raw)
    reader = _READERS.get(frame.get("type")) if isinstance(frame.get("type"), str) else None
    if reader is None:
        _refuse("bad_frame", "`type` must be say or pick.", fatal=True)
    id_ = frame.get("id")
    if not isinstance(id_, str) or not 0 < len(id_) <= ID_MAX or not id_.isprintable():
        _refuse("bad_frame", f"`id` must be a string of 1 to {ID_MAX} printable characters.", fatal=True)
    return reader(id_, frame)


def read_hello(raw: bytes) -> Hello:
    """Return the hello in `raw`. Raises BadFrame, always a fatal one."""
    frame = decoded(raw)
    token, after = frame.get("token"), frame.get("after", 0)
    if frame.get("type") != "hello" or not isinstance(token, str) or len(token) > TOKEN_MAX:
        _refuse("bad_frame", "The first frame must be a hello with a token.", fatal=True)
    if type(after) is not int or not 0 <= after <= SEQ_MAX:
        _refuse("bad_frame", "`after` must be the number of a message, or 0.", fatal=True)
    return Hello(token, after)


def decoded(raw: bytes) -> Mapping[str, Any]:
    """Return the JSON object in `raw`. Raises BadFrame."""
    try:
        frame = orjson.loads(raw)
    except orjson.JSONDecodeError:
        _explain(raw)
    if not isinstance(frame, dict):
        _refuse("bad_frame", "A frame must be a JSON object.", fatal=True)
    return frame


def key_of(conversation: str, id_: str) -> bytes:
    """Return the name of an event: the same for every repeat of the client's id in this conversation."""
    return hashlib.sha256(f"{conversation}\0{id_}".encode()).digest()[:KEY_BYTES]


def _say(id_: str, frame: Mapping[str, Any]) -> Asked:
    text = frame.get("text")
    if not isinstance(text, str):
        _refuse("bad_frame", "`text` must be a string.", named=id_)
    if len(text) > MESSAGE_MAX:
        _refuse("too_long", f"A message has at most {MESSAGE_MAX} characters.", named=id_)
    if "\0" in text:
        _refuse("bad_text", "`text` holds a NUL.", named=id_)
    return Asked(id_, Said(text), _digest("say", text))


def _pick(id_: str, frame: Mapping[str, Any]) -> Asked:
    value, policy, purposes = frame.get("value"), frame.get("policy", ""), frame.get("purposes", [])
    if not _is_name(value) or not value:
        _refuse("bad_frame", "`value` must be the value of an option.", named=id_)
    if not _is_name(policy):
        _refuse("bad_frame", "`policy` must be a version.", named=id_)
    if not isinstance(purposes, list) or len(purposes) > PURPOSES_MAX or not all(map(_is_name, purposes)):
        _refuse("bad_frame", "`purposes` must be a list of purposes.", named=id_)
    ticked = tuple(dict.fromkeys(purposes))
    return Asked(id_, Picked(value, ticked, policy), _digest("pick", value, policy, *sorted(ticked)))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= VALUE_MAX and (not value or value.isprintable())


_READERS: Mapping[object, Callable[[str, Mapping[str, Any]], Asked]] = {"say": _say, "pick": _pick}


def _digest(*parts: str) -> bytes:
    """Return what the parts mean; no part holds a NUL, so the joining is unambiguous."""
    return hashlib.sha256("\0".join(parts).encode()).digest()[:KEY_BYTES]


def _explain(raw: bytes) -> NoReturn:
    """Say why the fast reader refused `raw`: it takes a lone surrogate for broken JSON, others do not."""
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        _refuse("bad_frame", "This is not JSON.", fatal=True)
    if isinstance(frame, dict) and _has_lone_surrogate(frame):
        id_ = frame.get("id")
        named = id_ if isinstance(id_, str) and 0 < len(id_) <= ID_MAX and id_.isprintable() else None
        _refuse("bad_text", "A lone surrogate is not a character.", named=named)
    _refuse("bad_frame", "This is not JSON.", fatal=True)


def _has_lone_surrogate(frame: Mapping[str, Any]) -> bool:
    try:
        json.dumps(frame, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except RecursionError:
        return False
    return False


def _refuse(code: str, detail: str, *, named: str | None = None, fatal: bool = False) -> NoReturn:
    raise BadFrame(code, detail, named=named, fatal=fatal)
