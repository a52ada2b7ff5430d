"""The staff console: the doors in, the JSON API, the same in HTML. `routes(desk)` is all that others need.

doors.py     who may come in: one-time link, session cookie, roles, CSRF, origin
forms.py     what colleagues send: bounded, and text only
answers.py   what every answer shares: problems, headers that shut out scripts and frames
inbox.py     what a lead looks like to a colleague: masked, in their language
api.py       /api/v1/staff/…
pages.py     /staff/…
"""

from __future__ import annotations

from aiohttp import web

from bot.desk import Desk
from bot.staff import api, pages
from bot.staff.doors import Door


def routes(desk: Desk) -> list[web.RouteDef]:
    """Return every route of the console, each behind its door."""
    door = Door(desk)
    return [*pages.routes(desk, door), *api.routes(desk, door)]
