"""A colleague's browser before a served console, without a window: what it is answered, with its cookies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiohttp import web

from bot import staff
from bot.desk import Desk
from storage.sales.leads import HANDLED
from storage.tables import audit
from storage.turn.saying import ANSWERED


@dataclass
class Browser:
    """A colleague's browser: it keeps cookies and says where it comes from."""

    http: aiohttp.ClientSession
    url: str
    desk: Desk
    csrf: str = ""

    async def link(self, role: str = "sales") -> str:
        """Return a fresh one-time secret of a colleague of this role."""
        colleagues, email = self.desk.storage.staff, f"{role}@desk.example.com"
        known = [one.email for one in await self.desk.call(colleagues.colleagues)]
        if email not in known:
            await self.desk.call(colleagues.add, email, role, self.desk.clock())
        return await self.desk.call(colleagues.link, email, self.desk.clock())

    async def enters(self, role: str = "sales") -> None:
        """Sign in."""
        form = {"link": await self.link(role)}
        async with self.http.post(f"{self.url}/staff/enter", data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
        async with self.http.get(f"{self.url}/api/v1/staff/leads") as answer:
            self.csrf = answer.headers.get("X-CSRF-Token", "")

    async def gets(self, path: str, **headers: str) -> tuple[int, Any]:
        """Get JSON, or a page's text."""
        return await self.asks("GET", path, headers=headers)

    async def asks(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Ask for anything; a change carries the session's CSRF secret unless `more` brings headers of its own."""
        more.setdefault("headers", {"X-CSRF-Token": self.csrf})
        async with self.http.request(method, self.url + path, allow_redirects=False, **more) as answer:
            body = await (answer.json(content_type=None) if "json" in answer.content_type else answer.text())
            return answer.status, body


async def handled(browser: Browser) -> list[tuple[str, str]]:
    """Return what the audit says of answers and changes: what was done, and who did it."""
    lines = sa.select(audit.c.action, audit.c.actor).where(audit.c.action.in_((HANDLED, ANSWERED)))

    def read() -> list[tuple[str, str]]:
        with browser.desk.storage.engine.begin() as connection:
            return [(row.action, row.actor) for row in connection.execute(lines)]

    return await browser.desk.call(read)


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[Browser]:
    app = web.Application()
    app.add_routes(staff.routes(desk))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    cookies = aiohttp.CookieJar(unsafe=True)  # unsafe: cookies for a bare address
    async with aiohttp.ClientSession(cookie_jar=cookies) as http:
        yield Browser(http, f"http://127.0.0.1:{runner.addresses[0][1]}", desk)
    await runner.cleanup()
