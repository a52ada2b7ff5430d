"""The console's JSON API (docs/contract.md, "Staff"). Masked, except what is opened with a purpose."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.desk import Desk
from bot.staff.answers import Refused, json_answer, no_answer
from bot.staff.doors import CSRF_HEADER, Door, Guarded, Visit
from bot.staff.forms import object_of
from bot.staff.inbox import Inbox, row

SALES = ("sales",)
MASKED = ("sales", "privacy")  # an admin manages colleagues and settings and sees no person


def routes(desk: Desk, door: Door) -> list[web.RouteDef]:
    """Return the routes of the API."""
    api = Api(desk)

    lead = "/api/v1/staff/leads/{reference}"
    return [
        web.get("/api/v1/staff/leads", Guarded(door, api.leads, MASKED).api),
        web.get(lead, Guarded(door, api.lead, MASKED).api),
        web.post(f"{lead}/open", Guarded(door, api.open, MASKED).api),
        web.patch(lead, Guarded(door, api.change, SALES).api),
        web.post(f"{lead}/reply", Guarded(door, api.reply, SALES).api),
        web.post(f"{lead}/typing", Guarded(door, api.typing, SALES).api),
    ]


class Api:
    """The handlers. Each answer tells the session's CSRF secret, which every change must send back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._inbox = Inbox(desk)

    async def leads(self, request: web.Request, visit: Visit) -> web.Response:
        """`GET …/leads?status=&q=&cursor=`: the newest leads, masked."""
        asked = request.query
        found, cursor = await self._inbox.page(
            asked.get("status", ""), asked.get("q", ""), asked.get("cursor", ""), visit
        )
        shown = [row(self._desk, lead, visit.locale) for lead in found]
        return _answer({"leads": shown, "cursor": cursor or None}, visit)

    async def lead(self, request: web.Request, visit: Visit) -> web.Response:
        """`GET …/leads/{ref}`: one lead, masked."""
        found = await self._inbox.one(request.match_info["reference"])
        return _answer(row(self._desk, found, visit.locale), visit)

    async def open(self, request: web.Request, visit: Visit) -> web.Response:
        """`POST …/leads/{ref}/open`: the values asked for, audited before they are returned."""
        body = await object_of(request)
        purpose, names = body.get("purpose", ""), body.get("fields")
        if (
            not isinstance(purpose, str)
            or not isinstance(names, list)
            or not all(isinstance(n, str) for n in names)
        ):
            raise Refused(400, "bad_request")
        reference = request.match_info["reference"]
        open_lead = self._desk.storage.leads.open_lead
        opened = await self._desk.call(open_lead, reference, purpose, names, visit.colleague.actor)
        return _answer({"reference": reference, "purpose": purpose, "values": dict(opened.values)}, visit)

    async def change(self, request: web.Request, visit: Visit) -> web.Response:
        """`PATCH …/leads/{ref}`: status and assignee ("me": oneself, "": nobody)."""
        body = await object_of(request)
        status, assignee = body.get("status"), body.get("assignee")
        if not all(value is None or isinstance(value, str) for value in (status, assignee)):
            raise Refused(400, "bad_request")
        if assignee == "me":
            assignee = visit.colleague.id
        changed = await self._inbox.change(request.match_info["reference"], status, assignee, visit)
        return _answer(row(self._desk, changed, visit.locale), visit)

    async def reply(self, request: web.Request, visit: Visit) -> web.Response:
        """`POST …/leads/{ref}/reply`: say something in the person's chat."""
        text = (await object_of(request)).get("text")
        if not isinstance(text, str):
            raise Refused(400, "bad_request")
        seq = await self._inbox.reply(request.match_info["reference"], text, visit)
        return _answer({"seq": seq}, visit, status=201)

    async def typing(self, request: web.Request, visit: Visit) -> web.Response:
        """`POST …/leads/{ref}/typing`: have the person's chat say that a colleague is typing."""
        await self._inbox.types(request.match_info["reference"])
        return no_answer(**{CSRF_HEADER: visit.csrf})


def _answer(body: dict[str, Any], visit: Visit, status: int = 200) -> web.Response:
    return json_answer(body, status, **{CSRF_HEADER: visit.csrf})
