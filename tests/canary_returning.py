"""Whoever comes back, with canaries: by a remembered device with a code, and by the my-data page."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from email.message import EmailMessage

from tests.canaries import DETAILS, LATIN
from tests.canary_walks import PATIENCE, Frame, Walker, picked, said
from tests.mailing import code_in
from tests.receivers import MailBox
from tests.telegram_people import until

NEXT = f"next.{LATIN.lower()}@example.com"  # the address that takes the place of a proven one


class Returning:
    """One who consulted by HTTP comes back, and one who has lost the device."""

    def __init__(self, walker: Walker, mails: MailBox) -> None:
        """Have a page open still: `walker`'s."""
        self.walker, self.mails = walker, mails
        self.email = DETAILS[walker.locale]["email"]
        self.secrets: list[str] = []  # cookies and tokens, of which only hashes are kept

    async def walks(self) -> None:
        """Use the cookie twice, change the address with two codes, then come in by the my-data page."""
        await self._visits(remember=True)
        for _ in range(2):
            self.walker.token = ""
            await self._visits()
        await self._says("view", picked("command:verify"), self.email)
        await self._says("address", picked("command:correct"))
        await self._says("which", picked("correct:email"))
        await self._says("next", said(NEXT), NEXT)
        await self._by_the_page()

    async def _visits(self, **body: bool) -> None:
        """Ask for a session as a browser does; keep the cookie and the token."""
        headers = {"Origin": self.walker.desk.url}
        if self.walker.token:
            headers["Authorization"] = f"Bearer {self.walker.token}"
        elif self.secrets:
            headers["Cookie"] = f"__Host-askfirst-default={self.secrets[-1]}"
        sessions = f"{self.walker.desk.url}/api/v1/sessions"
        async with self.walker.client.post(sessions, json=body, headers=headers) as answer:
            session = await answer.json()
            assert answer.status == 200, session
            cookie = answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        self.walker.token = session["token"]
        self.secrets += [session["token"], cookie.partition(".")[2], cookie]

    async def _says(self, name: str, frame: Frame, address: str = "") -> None:
        """Send a frame; where a code is mailed to an address then, type it."""
        before = len(self._mailed(address))
        status, answer = await self.walker.asks("POST", "/api/v1/messages", json={"id": name, **frame})
        assert status == 200, answer
        if address:
            await self._says(f"{name}-code", said(await self._code(address, before)))

    async def _by_the_page(self) -> None:
        """Ask for a code to the address that others gave as well, and to one that nobody gave; read what is kept."""
        self.walker.token, before = "", len(self._mailed(self.email))
        for address in (f"nobody.{LATIN.lower()}@example.com", self.email):
            status, asked = await self.walker.asks("POST", "/api/v1/rights/verify", json={"email": address})
            assert status == 202, asked
        code = await self._code(self.email, before)
        body = {"challenge": asked["challenge"], "code": code}
        status, admitted = await self.walker.asks("POST", "/api/v1/rights/confirm", json=body)
        assert status == 200, admitted
        for one in (admitted, *admitted["others"]):
            self.walker.token = one["token"]
            self.secrets.append(one["token"])
            status, record = await self.walker.asks("GET", "/api/v1/me")
            assert (status, record["masked"]) == (200, False)

    def _mailed(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails.got if mail["To"] == address]

    async def _code(self, address: str, before: int) -> str:
        await until(lambda: len(self._mailed(address)) > before, PATIENCE)
        return code_in(self._mailed(address)[-1])


def without_receivers(mails: MailBox) -> Iterator[bytes]:
    """Yield the mails without the address that each goes to."""
    for mail in map(deepcopy, mails.got):
        del mail["To"]
        yield mail.as_bytes()
