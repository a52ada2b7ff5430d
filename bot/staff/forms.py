"""What colleagues send, read as the visitors' API reads what it is sent: bounded in size and time, and text only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from multidict import MultiDict

from bot.bounded import BodyRefused, read_bounded
from bot.staff.answers import Refused

FORM = "application/x-www-form-urlencoded"
BODY_MAX_BYTES = 64 * 1024  # bytes; 4,000 characters, of nine or twelve bytes each in a form
FORM_MAX_FIELDS = 100  # the longest form has a box for each detail
FORM_READ = web.RequestKey("form", MultiDict[str])  # kept: its CSRF secret is looked at before the rest


async def form_of(request: web.Request) -> MultiDict[str]:
    """Return the form of a request, an empty one where there is none. Raises Refused."""
    if FORM_READ not in request:
        request[FORM_READ] = await _form(request) if request.content_type == FORM else MultiDict()
    return request[FORM_READ]


async def object_of(request: web.Request) -> Mapping[str, Any]:
    """Return the JSON object of a request. Raises Refused, also for a lone surrogate, which is no character."""
    if request.content_type != "application/json":
        raise Refused(415, "bad_request")
    try:
        body = orjson.loads(await _read(request))
    except orjson.JSONDecodeError:
        raise Refused(400, "bad_request") from None
    if not isinstance(body, dict):
        raise Refused(400, "bad_request")
    for value in body.values():
        must_be_text(*(value if isinstance(value, list) else (value,)))
    return body


def must_be_text(*values: object) -> None:
    """Raise Refused for text that holds a NUL: no database keeps it as it is, and no person types it."""
    if any(isinstance(value, str) and "\0" in value for value in values):
        raise Refused(400, "bad_request")


async def _form(request: web.Request) -> MultiDict[str]:
    body = await _read(request)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_MAX_FIELDS
        )
    except ValueError:  # bytes that are no UTF-8, or too many fields
        raise Refused(400, "bad_request") from None
    must_be_text(*(value for _, value in pairs))
    return MultiDict(pairs)


async def _read(request: web.Request) -> bytes:
    try:
        return await read_bounded(request, BODY_MAX_BYTES)
    except BodyRefused as fault:
        raise Refused(fault.status, "too_long" if fault.code == "too_long" else "bad_request") from None
