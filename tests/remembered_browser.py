"""A browser that the desk may remember: its cookie, the page that it shows, and what it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.canaries import Search
from tests.visiting import CONSULTATION, Visit

SESSIONS = "/api/v1/sessions"
PAGE = "http://127.0.0.1:8080"  # a listed origin, on the desk's own site
NAME = "__Host-askfirst-default"
VALUES = ("Li Na", "Example Valves Ltd", "13800000000", "138 0000 0000", "li.na@example.com")


@dataclass
class Browser:
    """A visitor's browser: its cookie, and the page that it shows."""

    visit: Visit
    origin: str = PAGE
    cookie: str = ""
    set_cookie: str = ""
    told: dict[str, str] = field(default_factory=dict)  # what it says of itself, such as Sec-Fetch-Site

    async def session(self, status: int, token: str = "", **body: Any) -> dict[str, Any]:
        """Ask for a session as a page does, and keep what the answer has it keep."""
        answered, found = await self.opens(token, **body)
        assert answered == status, found
        return found

    async def opens(self, token: str = "", **body: Any) -> tuple[int, dict[str, Any]]:
        """Ask for a session as `session` does, whatever comes of it; return the status and the answer."""
        headers: dict[str, str] = {**self.told}
        if self.origin:
            headers["Origin"] = self.origin
        if self.cookie:
            headers["Cookie"] = f"{NAME}={self.cookie}"
        answer = await self.visit.call("POST", SESSIONS, token, json=body, headers=headers)
        self.set_cookie = answer.headers.get("Set-Cookie", "")
        if self.set_cookie:
            self.cookie = self.set_cookie.partition(";")[0].removeprefix(f"{NAME}=")
        return answer.status, await answer.json()

    async def returns(self) -> str:
        """Come back; return the new token."""
        back = await self.session(200)
        assert back["resumed"] is True
        return str(back["token"])


async def remembered(browser: Browser, steps: int = len(CONSULTATION)) -> str:
    """Consult, then have the browser remembered; return the token of the page."""
    token = await browser.visit.consulted(steps)
    await browser.session(200, token, remember=True)
    return token


def hides(text: str) -> bool:
    """Say whether none of the visitor's values stands in a text."""
    return not Search(VALUES).hits("answer", text.encode())
