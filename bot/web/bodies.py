"""Request bodies: bounded, JSON only, each fault told with a pointer to it (RFC 6901)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from bot.bounded import BodyRefused, read_bounded
from bot.web.frames import FRAME_MAX_BYTES, BadFrame, decoded
from bot.web.problems import Problem


async def read_body(request: web.Request) -> bytes:
    """Return the body of a JSON request. Raises Problem 415 for another type, 413 over the limit of a frame."""
    if request.content_type != "application/json":
        raise Problem(415, "not_json", "The body must be application/json.")
    try:
        return await read_bounded(request, FRAME_MAX_BYTES)
    except BodyRefused as fault:
        raise Problem(fault.status, fault.code, fault.detail) from None


async def read_object(request: web.Request) -> Mapping[str, Any]:
    """Return the JSON object of a request. Raises Problem."""
    try:
        return decoded(await read_body(request))
    except BadFrame as fault:
        code = "bad_text" if fault.code == "bad_text" else "bad_request"
        raise Problem(400, code, fault.detail, pointer="") from None


def text(body: Mapping[str, Any], name: str, default: str = "", *, longest: int = 64) -> str:
    """Return the string `name` of `body`, or `default` where there is none. Raises Problem 400 with a pointer."""
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise wrong(name, f"must be a string of at most {longest} characters")
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Return the boolean `name` of `body`, false where there is none. Raises Problem 400 with a pointer."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise wrong(name, "must be true or false")
    return value


def names(body: Mapping[str, Any], name: str, *, most: int = 64) -> tuple[str, ...]:
    """Return the list of strings `name` of `body`, each once. Raises Problem 400 with a pointer."""
    value = body.get(name)
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise wrong(name, f"must be a list of 1 to {most} strings")
    if not all(isinstance(one, str) and len(one) <= 64 and "\0" not in one for one in value):
        raise wrong(name, "must hold strings of at most 64 characters")
    return tuple(dict.fromkeys(value))


def wrong(name: str, what: str) -> Problem:
    """Return the problem of a member that is not what it must be."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    return Problem(400, "bad_request", f"`{name}` {what}.", pointer=pointer)


def json_answer(
    document: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return `document` as JSON; times become RFC 3339 UTC."""
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
