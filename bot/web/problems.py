"""What went wrong, as `application/problem+json` (RFC 9457) with a stable `code`; never a traceback, never a value."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from storage.errors import (
    Conflict,
    ConsentRequired,
    KekAway,
    NotFound,
    SessionEnded,
    StorageError,
    SubjectErased,
)

NOT_READY_SECONDS = "5"  # seconds; an absent holder of keys is asked again every two
MEDIA_TYPE = "application/problem+json"  # RFC 9457 §3
_HERE = Path(__file__).resolve().parents[2]
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_long", 415: "not_json"}
_log = structlog.get_logger(__name__)


class Problem(Exception):
    """A request that cannot be answered as asked. `detail` is ours, in English; it never quotes the request."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        """Remember what to answer; `more` becomes extension members (RFC 9457 §3.2)."""
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail
        self.headers, self.more = headers, more

    def response(self) -> web.Response:
        """Return the problem document."""
        document = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        document |= {"code": self.code, "detail": self.detail} | self.more
        return web.Response(
            status=self.status,
            body=orjson.dumps(document, option=orjson.OPT_UTC_Z),
            content_type=MEDIA_TYPE,
            headers=self.headers,
        )


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every fault into a problem document; an unexpected one is a bare 500 with an id that the log has too."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as fault:
        if fault.status < 400:
            raise
        return _of_http(fault).response()
    except StorageError as fault:
        if (known := of_storage(fault)) is not None:
            return known.response()
        return unexpected(fault).response()
    except Exception as fault:
        return unexpected(fault).response()


def of_storage(fault: StorageError) -> Problem | None:
    """Return what a person may know about a fault of the store, or None when it is the desk's own."""
    match fault:
        case SubjectErased():
            return Problem(410, "erased", "Everything about this person was erased.")
        case ConsentRequired():
            return Problem(403, "consent_required", "There is no live consent for this. Nothing was kept.")
        case NotFound():
            return Problem(404, "not_found", "There is nothing here under this name.")
        case SessionEnded():
            return unauthorized()
        case Conflict():
            return Problem(
                503,
                "busy",
                "Too much happened at once. Nothing was kept; try again.",
                headers={"Retry-After": "1"},
            )
        case KekAway():
            return not_ready()
    return None


def not_ready() -> Problem:
    """Return what is said while the holder of the key-encryption keys cannot be reached."""
    detail = "The desk is not ready at this moment. Nothing was kept; try again in a few seconds."
    return Problem(503, "not_ready", detail, headers={"Retry-After": NOT_READY_SECONDS})


def unauthorized(**more: str) -> Problem:
    """Return the problem of a token that leads nowhere; `more` are headers."""
    challenge = {"WWW-Authenticate": 'Bearer realm="askfirst"', **more}
    return Problem(401, "unauthorized", "The token is unknown or has expired.", headers=challenge)


def unexpected(fault: BaseException) -> Problem:
    """Log where `fault` arose, by class and place only (its text may hold values), and return the problem to show."""
    incident = uuid.uuid4().hex
    _log.error("web.failed", incident=incident, error=type(fault).__name__, where=_place(fault.__traceback__))
    return Problem(500, "internal", "Something failed on our side; nothing was kept.", incident=incident)


def _of_http(fault: web.HTTPException) -> Problem:
    headers = {"Allow": fault.headers["Allow"]} if "Allow" in fault.headers else None
    return of_status(fault.status, headers)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem that says no more than the status does."""
    phrase = HTTPStatus(status).phrase
    return Problem(
        status, _CODES.get(status, phrase.lower().replace(" ", "_")), f"{phrase}.", headers=headers
    )


def _place(trace: TracebackType | None) -> str:
    """Return file and line of the innermost frame that is the desk's own."""
    place = ""
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_HERE) and ".venv" not in path.parts:
            place = f"{path.relative_to(_HERE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
