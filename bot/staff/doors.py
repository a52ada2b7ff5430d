"""Who may come in: a one-time link becomes a session cookie; every change needs the session's own CSRF secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.desk import Desk
from bot.own_pages import is_own
from bot.staff.answers import Refused, page, problem, refusal
from bot.staff.drawing import Drawing
from bot.staff.forms import form_of, must_be_text
from storage.errors import StorageError
from storage.sales.staff import SESSION_LIFE, Colleague

SAFE = frozenset({"GET", "HEAD"})
CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A colleague's request that the door let through."""

    colleague: Colleague
    locale: str
    csrf: str = field(repr=False)
    token: str = field(repr=False)


Handler = Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]


class Door:
    """Knows sessions by their cookie, refuses strangers, other roles, other origins and forged forms."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._secure = desk.settings.public_url.startswith("https://")
        self.drawing = Drawing(desk)

    @property
    def cookie(self) -> str:
        """Return the cookie's name; a browser accepts `__Host-` only from https, for this host and every path."""
        return "__Host-askfirst-staff" if self._secure else "askfirst-staff"

    def locale(self, request: web.Request) -> str:
        """Return the language of the colleague's browser, or the company's."""
        return self._desk.wording.locale_for(None, request.headers.get("Accept-Language", ""))

    async def visit(self, request: web.Request) -> Visit | None:
        """Return whose request this is, or None for a stranger's."""
        token = request.cookies.get(self.cookie, "")
        if not token:
            return None
        colleague = await self._desk.call(self._desk.storage.staff.session, token, self._desk.clock())
        if colleague is None:
            return None
        return Visit(colleague=colleague, locale=self.locale(request), csrf=csrf_of(token), token=token)

    async def enter(self, request: web.Request, link: str) -> web.Response | None:
        """Exchange a one-time link for a session; None when it is spent, old or invented."""
        self.check_origin(request)
        token = await self._desk.call(self._desk.storage.staff.enter, link, self._desk.clock())
        if token is None:
            return None
        answer = web.Response(status=303, headers={"location": "/staff", "cache-control": "no-store"})
        answer.set_cookie(
            self.cookie,
            token,
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._secure,
        )
        return answer

    async def leave(self, visit: Visit) -> web.Response:
        """End the session."""
        await self._desk.call(self._desk.storage.staff.leave, visit.token)
        answer = web.Response(status=303, headers={"location": "/staff/enter", "cache-control": "no-store"})
        answer.del_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return answer

    def check_origin(self, request: web.Request) -> None:
        """Raise Refused when a browser says that another site's page sent this."""
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        own = origin is None or is_own(request, origin, self._desk.settings.public_url)
        if (site is not None and site != "same-origin") or not own:
            raise Refused(403, "origin_not_allowed")

    async def check_change(self, request: web.Request, visit: Visit) -> None:
        """Raise Refused unless a changing request comes from our own page or from a client that read the secret."""
        if request.method in SAFE:
            return
        self.check_origin(request)
        given = request.headers.get(CSRF_HEADER)
        if given is None:
            given = (await form_of(request)).get("csrf", "")
        if not hmac.compare_digest(given.encode(errors="surrogatepass"), visit.csrf.encode()):
            raise Refused(403, "csrf")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A handler behind the door, for colleagues of these roles."""

    door: Door
    handler: Handler
    roles: tuple[str, ...]

    async def api(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of the JSON API; a refusal is a problem."""
        locale = self.door.locale(request)
        try:
            visit = await self.door.visit(request)
            if visit is None:
                raise Refused(401, "not_signed_in")
            return await self._let_in(request, visit)
        except StorageError as fault:
            refused = refusal(fault)
        except Refused as fault:
            refused = fault
        return problem(refused, self.door.drawing.fault(refused.code, locale))

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for a page; strangers are shown the door, a refusal is a page."""
        visit = await self.door.visit(request)
        if visit is None:
            return web.Response(status=303, headers={"location": "/staff/enter", "cache-control": "no-store"})
        try:
            return await self._let_in(request, visit)
        except StorageError as fault:
            refused = refusal(fault)
        except Refused as fault:
            refused = fault
        text = self.door.drawing.draw("fault.html", visit.locale, visit=visit, code=refused.code)
        return page(text, refused.status)

    async def _let_in(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        if visit.colleague.role not in self.roles:
            raise Refused(403, "role")
        must_be_text(*request.match_info.values(), *request.query.values())
        await self.door.check_change(request, visit)
        return await self.handler(request, visit)


def csrf_of(token: str) -> str:
    """Return the CSRF secret of a session: only who holds the cookie, or was shown the page, knows it."""
    return hmac.new(token.encode(errors="surrogatepass"), b"askfirst csrf", hashlib.sha256).hexdigest()
