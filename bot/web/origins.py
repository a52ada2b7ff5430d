"""Which web pages may talk to the desk: each site lists its origins (S1); programs without an Origin may always."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.own_pages import is_own
from bot.web.appkeys import DESK
from bot.web.problems import Problem
from intake.rules import Site

API = "/api/v1/"
STAFF = "/api/v1/staff"  # same origin only; the console checks that itself
WITH_COOKIE = "/api/v1/sessions"  # the one route that takes a cookie of visitors
LOGGED_EVERY = timedelta(minutes=1)
ORIGIN_LOGGED = 200  # characters: a host has at most 253, and who is no browser sends anything
_log = structlog.get_logger(__name__)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",  # seconds
}


class Refusals:
    """Which pages were refused, for the log: a browser tells a page nothing of it, so nobody else can say."""

    def __init__(self) -> None:
        """Nobody was refused yet."""
        self._next: datetime | None = None

    def note(self, origin: str, now: datetime) -> None:
        """Log an origin, at most once a minute: whoever is refused may ask as often as they like."""
        if self._next is not None and now < self._next:
            return
        self._next = now + LOGGED_EVERY
        _log.warning("web.origin_refused", origin=origin[:ORIGIN_LOGGED])


REFUSALS: web.AppKey[Refusals] = web.AppKey("refusals")


@web.middleware
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer preflights, and refuse pages that no site lists before anything is read or kept."""
    if not request.path.startswith(API) or request.path.startswith(STAFF):
        return await handler(request)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and not _listed(request, origin, request.app[DESK].rules.sites.values()):
        raise not_allowed(request, origin)
    if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        return web.Response(status=204, headers=_PREFLIGHT)
    return await handler(request)


async def share_with_listed(request: web.Request, response: web.StreamResponse) -> None:
    """Let a listed page read the answer (CORS); with credentials only where the visitor's cookie counts."""
    if not request.path.startswith(API) or request.path.startswith(STAFF):
        return
    response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and _listed(request, origin, request.app[DESK].rules.sites.values()):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "Retry-After, Content-Disposition"
        if request.path == WITH_COOKIE:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"


def check_site(request: web.Request, site: str) -> None:
    """Refuse a page that is not listed for `site`. Raises Problem 403 `origin_not_allowed`. Source: obligations S1."""
    origin = request.headers.get(hdrs.ORIGIN)
    known = request.app[DESK].rules.sites.get(site)
    if origin is not None and not _listed(request, origin, (known,) if known else ()):
        raise not_allowed(request, origin)


def not_allowed(request: web.Request, origin: str) -> Problem:
    """Return the problem of a page that is not listed, and tell the operator: the page itself cannot know why."""
    request.app[REFUSALS].note(origin, request.app[DESK].clock())
    return Problem(403, "origin_not_allowed", "This page's origin is not listed for the site.")


def _listed(request: web.Request, origin: str, sites: Iterable[Site]) -> bool:
    return any(origin in site.origins for site in sites) or is_own(
        request, origin, request.app[DESK].settings.public_url
    )
