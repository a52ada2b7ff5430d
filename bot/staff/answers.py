"""What every answer of the console shares: problems with a stable code, headers that shut out scripts and frames."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from storage.errors import ConsentRequired, NotFound, PurposeRequired, StorageError, SubjectErased

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",  # with no-referrer browsers send `Origin: null`, which the door refuses
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
_CODES: dict[type[Exception], tuple[int, str]] = {
    ConsentRequired: (403, "consent_required"),
    PurposeRequired: (400, "purpose_required"),
    NotFound: (404, "not_found"),
    SubjectErased: (404, "not_found"),  # to a colleague an erased person never was
}


class Refused(Exception):
    """The console does not do this. `code` is stable and says why."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


def refusal(fault: StorageError) -> Refused:
    """Return what a colleague is told of a fault of storage. Raises the fault when it is not theirs to know."""
    for kind, (status, code) in _CODES.items():
        if isinstance(fault, kind):
            return Refused(status, code)
    raise fault


def json_answer(body: Any, status: int = 200, **headers: str) -> web.Response:
    """Return `body` as JSON that nobody stores."""
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        content_type="application/json",
        headers={**HEADERS, **headers},
    )


def no_answer(**headers: str) -> web.Response:
    """Return that it was done, and nothing else."""
    return web.Response(status=204, headers={**HEADERS, **headers})


def problem(refused: Refused, detail: str) -> web.Response:
    """Return a refusal as `application/problem+json` (RFC 9457)."""
    body = {"type": "about:blank", "title": detail, "status": refused.status, "code": refused.code}
    return web.Response(
        body=orjson.dumps(body),
        status=refused.status,
        content_type="application/problem+json",
        headers=HEADERS,
    )


def page(text: str, status: int = 200) -> web.Response:
    """Return an HTML page."""
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)
