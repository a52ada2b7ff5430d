"""Whoever uses the my-data page: they have consulted, ask for a code, read the mail, and come in."""

from __future__ import annotations

from datetime import datetime, timedelta

from aiohttp import ClientSession
from playwright.async_api import Page, expect

from storage.sources import utc_now
from tests.chat_window import Served
from tests.mailing import code_in, delivered
from tests.receivers import MailBox
from tests.visiting import CONSULTATION

EMAIL = "li.na@example.com"


class Ahead:
    """The time of the desk, which a test can put forward."""

    by = timedelta()

    def __call__(self) -> datetime:
        """Return it."""
        return utc_now() + self.by


async def consulted(served: Served) -> None:
    """Hold a consultation and send it, the visit record included."""
    ending = ({"type": "say", "text": "Engineer"}, {"type": "pick", "value": "field:skip"})
    async with ClientSession() as client:
        opened = await (await client.post(f"{served.url}/api/v1/sessions", json={})).json()
        headers = {"Authorization": f"Bearer {opened['token']}"}
        for number, frame in enumerate((*CONSULTATION, *ending, {"type": "pick", "value": "review:send"})):
            more = {"purposes": ["news", "visit"]} if frame.get("value") == "consent:agree" else {}
            body = {"id": f"c{number}", **frame, **more}
            assert (await client.post(f"{served.url}/api/v1/messages", json=body, headers=headers)).ok
        visit = {"visit": {"browser": "Firefox"}}
        assert (await client.post(f"{served.url}/api/v1/visit", json=visit, headers=headers)).ok


async def comes_in(page: Page, served: Served, box: MailBox) -> None:
    """Ask for a code by the keyboard, read the mail, enter it."""
    await page.locator("#address").fill(EMAIL)
    await page.keyboard.press("Enter")
    await expect(page.locator("#code")).to_be_focused()
    await page.keyboard.insert_text(code_in(await delivered(served.desk, box)))
    await page.keyboard.press("Enter")
    await page.locator(".person .rows").first.wait_for()
