"""The console in HTML: works without a script; every change is a form with the session's CSRF secret."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from multidict import MultiDict

from bot.desk import Desk
from bot.staff.answers import Refused, page
from bot.staff.api import MASKED, SALES
from bot.staff.doors import Door, Guarded, Visit
from bot.staff.drawing import FOLDER
from bot.staff.forms import form_of
from bot.staff.inbox import UNANSWERED, Inbox, row
from intake.asking import NEED
from storage.sales.leads import STATED, STATUSES, Lead

EVERYTHING = "*"  # the tick that stands for all of them
Form = MultiDict[str]  # that was posted
ANYBODY = ("sales", "privacy", "admin")
STATIC = {"console.css": "text/css", "enter.js": "text/javascript", "typing.js": "text/javascript"}


def routes(desk: Desk, door: Door) -> list[web.RouteDef]:
    """Return the routes of the pages."""
    pages = Pages(desk, door)

    lead = "/staff/leads/{reference}"
    return [
        web.get("/staff/static/{name}", static),
        web.get("/staff/enter", pages.door_page),
        web.post("/staff/enter", pages.enter),
        web.post("/staff/leave", Guarded(door, pages.leave, ANYBODY).page),
        web.get("/staff", Guarded(door, pages.leads, MASKED).page),
        web.post("/staff", Guarded(door, pages.leads, MASKED).page),
        web.get(lead, Guarded(door, pages.lead, MASKED).page),
        web.post(lead, Guarded(door, pages.change, SALES).page),
        web.post(f"{lead}/open", Guarded(door, pages.open, MASKED).page),
        web.post(f"{lead}/reply", Guarded(door, pages.reply, SALES).page),
    ]


async def static(request: web.Request) -> web.StreamResponse:
    """`GET /staff/static/{name}`: the console's style and its scripts."""
    name = request.match_info["name"]
    if name not in STATIC:
        raise web.HTTPNotFound
    headers = {"content-type": f"{STATIC[name]}; charset=utf-8", "x-content-type-options": "nosniff"}
    return web.FileResponse(FOLDER / "static" / name, headers=headers)


class Pages:
    """The handlers."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk = desk
        self._door = door
        self._inbox = Inbox(desk)

    async def door_page(self, request: web.Request) -> web.Response:
        """`GET /staff/enter`: the page that a one-time link opens; the secret stands after its "#"."""
        return self._entrance(request, spent=False)

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """`POST /staff/enter`: exchange the one-time secret for a session."""
        try:
            given = (await form_of(request)).get("link", "").strip()
        except Refused:  # nothing that a person can read: no link
            return self._entrance(request, spent=True)
        try:
            # the whole link may be pasted
            entered = await self._door.enter(request, given.rpartition("#")[2])
        except Refused as refused:
            text = self._door.drawing.draw(
                "fault.html", self._door.locale(request), visit=None, code=refused.code
            )
            return page(text, refused.status)
        return entered or self._entrance(request, spent=True)

    async def leave(self, request: web.Request, visit: Visit) -> web.Response:
        """`POST /staff/leave`: end the session."""
        return await self._door.leave(visit)

    async def leads(self, request: web.Request, visit: Visit) -> web.Response:
        """`GET` and `POST /staff`: the list; a search is posted, so that no address stands in a URL."""
        given = await form_of(request)
        asked = {name: given.get(name, "") for name in ("status", "q", "cursor")}
        listed = await self._listed(asked["status"], asked["q"], asked["cursor"], visit)
        return page(self._door.drawing.draw("leads.html", visit.locale, visit=visit, chosen="", **listed))

    async def lead(self, request: web.Request, visit: Visit) -> web.Response:
        """`GET /staff/leads/{ref}`: one lead, masked."""
        return await self._pane(await self._inbox.one(request.match_info["reference"]), visit)

    async def open(self, request: web.Request, visit: Visit) -> web.Response:
        """`POST /staff/leads/{ref}/open`: the ticked details, opened for a purpose, audited."""
        form = await form_of(request)
        lead = await self._inbox.one(request.match_info["reference"])
        return await self._pane(lead, visit, note="staff.opened", **await self._opened(lead, form, visit))

    async def change(self, request: web.Request, visit: Visit) -> web.Response:
        """`POST /staff/leads/{ref}`: status and owner."""
        form = await form_of(request)
        status, assignee = form.get("status", ""), form.get("assignee", "")
        changed = await self._inbox.change(request.match_info["reference"], status, assignee, visit)
        again = await self._again(changed, form, visit)
        return await self._pane(changed, visit, note="staff.saved", **again)

    async def reply(self, request: web.Request, visit: Visit) -> web.Response:
        """`POST /staff/leads/{ref}/reply`: say something in the person's chat."""
        reference, form = request.match_info["reference"], await form_of(request)
        await self._inbox.reply(reference, form.get("text", ""), visit)
        lead = await self._inbox.one(reference)
        again = await self._again(lead, form, visit)
        return await self._pane(lead, visit, note="staff.reply.sent", **again)

    async def _again(self, lead: Lead, form: Form, visit: Visit) -> dict[str, Any]:
        """Open once more what was open on the page, where the colleague ticked that; it is logged once more."""
        return await self._opened(lead, form, visit) if form.get("again") else {}

    async def _opened(self, lead: Lead, form: Form, visit: Visit) -> dict[str, Any]:
        """Return the details of a form's names, opened for its purpose; with the question what was said since."""
        asked = form.getall("fields", [])
        names, purpose = list(lead.fields) if EVERYTHING in asked else asked, form.get("purpose", "")
        open_lead = self._desk.storage.leads.open_lead
        opened = await self._desk.call(open_lead, lead.reference, purpose, names, visit.colleague.actor)
        shown, locale = self._desk.wording.shown, visit.locale
        return {
            "values": {name: shown(name, value, locale) for name, value in opened.values.items()},
            "purpose": purpose,
            "talk": await self._inbox.talk(lead) if NEED in opened.values else None,
        }

    def _entrance(self, request: web.Request, *, spent: bool) -> web.Response:
        text = self._door.drawing.draw("enter.html", self._door.locale(request), visit=None, spent=spent)
        return page(text, 403 if spent else 200)

    async def _pane(self, lead: Lead, visit: Visit, **more: Any) -> web.Response:
        listed = await self._listed("", "", "", visit)
        shown = {"values": {}, "purpose": "", "note": "", "talk": None, **more}
        purposes = [(name, self._desk.wording.label(name, visit.locale)) for name in STATED]
        covered = self._desk.storage.leads.covered
        useful = [name for name in lead.purposes if not set(lead.fields).isdisjoint(covered(name))]
        purposes += [(name, self._desk.wording.label(name, visit.locale)) for name in useful]
        drawn = self._door.drawing.draw(
            "lead.html",
            visit.locale,
            visit=visit,
            lead=self._shown(lead, visit, listed["owners"]),
            purposes=purposes,
            **shown,
            **listed,
        )
        return page(drawn)

    async def _listed(self, status: str, query: str, cursor: str, visit: Visit) -> dict[str, Any]:
        leads, following = await self._inbox.page(status, query, cursor, visit)
        colleagues = await self._desk.call(self._desk.storage.staff.colleagues)
        owners = {one.id: one.email for one in colleagues}
        news = await self._inbox.news(leads)
        return {
            "leads": [
                {**self._shown(lead, visit, owners), "news": news.get(lead.reference, [])} for lead in leads
            ],
            "next": following,
            "status": status,
            "statuses": STATUSES,
            "owners": owners,
            "handles": visit.colleague.role in SALES,
            "colleagues": [one for one in colleagues if one.role in SALES and not one.disabled_at],
        }

    def _shown(self, lead: Lead, visit: Visit, owners: dict[str, str]) -> dict[str, Any]:
        due = lead.answer_due if lead.status == UNANSWERED else None
        return {
            **row(self._desk, lead, visit.locale),
            "at": lead.at,
            "keeps_until": lead.keeps_until,
            "due": due,
            "overdue": due is not None and due < self._desk.clock(),
            "owner": owners.get(lead.assignee, ""),
            "purpose_labels": [self._desk.wording.label(one, visit.locale) for one in lead.purposes],
        }
