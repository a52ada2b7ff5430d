"""Whole consultations full of canaries, on every channel: right and wrong answers, too early, corrected, looked at."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientSession, CookieJar

from tests.bot_api import BotApi
from tests.canaries import BANK_CARDS, CHINESE, DETAILS, ID_NUMBER, LATIN
from tests.crash_desk import KilledDesk
from tests.telegram_house import TelegramHouse
from tests.telegram_voice import TelegramVoice

EARLY = ("+86 138 0000 4788", "early.kanari4788@example.com")  # typed before anybody agreed to anything
LATER_PHONE = "+86 138 0000 4799"  # the correction
ADDRESS = "203.0.113.77"  # RFC 5737, TEST-NET-3: nobody's
CHATS = {"en": 4_711_081_542, "zh-CN": 4_711_081_543}
LANGUAGE = {"en": "en", "zh-CN": "zh-hans"}
QUIET_SECONDS = 0.3  # seconds without a new message: the bot has said everything

Frame = dict[str, Any]


def said(text: str) -> Frame:
    """Return the frame of typed words."""
    return {"type": "say", "text": text}


def picked(value: str, *purposes: str) -> Frame:
    """Return the frame of a choice."""
    return {"type": "pick", "value": value, "purposes": list(purposes)}


def consultation(locale: str, channel: str) -> Sequence[Frame]:
    """Return everything that a person sends, up to a lead that was sent, corrected and looked at."""
    mine, other = DETAILS[locale], DETAILS["zh-CN" if locale == "en" else "en"]
    telegram = channel == "telegram"
    abroad, visit = ([picked("abroad:agree")], ()) if telegram else ([], ("visit",))
    return [
        said(f"Call {EARLY[0]} or write to {EARLY[1]}. ID {ID_NUMBER}, card {BANK_CARDS[0]}. 电话{EARLY[0]}"),
        picked("command:view"),
        picked("followup:yes"),
        *abroad,
        picked("command:policy"),
        said(f"{EARLY[1]} {ID_NUMBER}"),
        picked("consent:agree", "keep_longer", "news", *visit),
        picked("whose:own"),
        *map(said, (ID_NUMBER, f"{LATIN} 4711 <b>", f"{CHINESE}\u202e", mine["name"])),
        *map(said, (BANK_CARDS[0], mine["company"])),
        *map(said, ("138 0000 4711 / 138 0000 4712", f"{LATIN}", mine["phone"])),
        *map(said, (f"wen.{LATIN}@", f"wen {LATIN}@example.com", mine["email"])),
        said(mine["position"]),
        picked("field:skip"),
        picked("review:change:company"),
        said(other["company"]),
        picked("review:send"),
        said(mine["need"]),
        said(f"{other['need']} {' '.join(re.findall('....', BANK_CARDS[1]))} {ID_NUMBER}"),
        picked("command:correct"),
        picked("correct:phone"),
        said(f"{ID_NUMBER}"),
        said(LATER_PHONE),
        picked("command:correct"),
        picked("correct:need"),
        said(mine["need"]),
        *(picked(f"command:{name}") for name in ("view", "receipts", "export", "human", "help")),
    ]


class Walker:
    """Somebody on the web. `token` leads to their session."""

    def __init__(self, desk: KilledDesk, client: ClientSession, locale: str) -> None:
        """Be nobody yet."""
        self.desk, self.client, self.locale = desk, client, locale
        self.token = self.conversation = ""

    async def opens(self) -> None:
        """Open a session."""
        body = {"site": "default", "locale": self.locale}
        status, session = await self.asks("POST", "/api/v1/sessions", json=body)
        assert status == 201
        self.token, self.conversation = session["token"], session["session"]

    async def asks(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Send a request as a browser behind a proxy would; return status and answer."""
        headers = {"X-Forwarded-For": ADDRESS, "User-Agent": f"{LATIN}/1.0", "Accept-Language": self.locale}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        headers |= more.pop("headers", {})
        async with self.client.request(method, f"{self.desk.url}{path}", headers=headers, **more) as answer:
            return answer.status, await answer.json(
                content_type=None
            ) if "json" in answer.content_type else await answer.text()

    async def walks_by_http(self) -> None:
        """Hold the consultation over plain HTTP, then use every right and make every mistake."""
        await self.opens()
        for place, frame in enumerate(consultation(self.locale, "web")):
            status, answer = await self.asks("POST", "/api/v1/messages", json={"id": f"c{place}", **frame})
            assert status == 200, (frame, answer)
        status, answer = await self.asks("POST", "/api/v1/visit", json={"visit": {"browser": f"{LATIN}/1.0"}})
        assert status == 204, answer
        await self._uses_rights()
        await self._makes_mistakes()

    async def walks_by_socket(self) -> None:
        """Hold the consultation over a socket."""
        await self.opens()
        async with self.client.ws_connect(f"{self.desk.url}/api/v1/chat") as socket:
            await socket.send_json({"type": "hello", "token": self.token, "after": 0})
            for place, frame in enumerate(consultation(self.locale, "web")):
                await socket.send_json({"id": f"c{place}", **frame})
                while (told := await socket.receive_json(timeout=20))["type"] != "ack":
                    assert told["type"] in ("welcome", "message"), told
            await socket.send_str(f'{{"type":"say","id":"{LATIN}","text":{LATIN}')

    async def _uses_rights(self) -> None:
        mine = DETAILS[self.locale]
        for method, path, body in (
            ("GET", "/api/v1/me", None),
            ("PATCH", "/api/v1/me", {"position": mine["position"]}),
            ("GET", "/api/v1/me/export?format=json", None),
            ("GET", "/api/v1/me/export?format=html", None),
            ("GET", "/api/v1/me/receipts", None),
            ("POST", "/api/v1/me/withdraw", {"purposes": ["news"]}),
            ("GET", "/api/v1/messages?after=0", None),
        ):
            status, answer = await self.asks(method, path, json=body)
            assert status == 200, (path, answer)

    async def _makes_mistakes(self) -> None:
        broken = {"data": f'{{"text": "{LATIN}', "headers": {"Content-Type": "application/json"}}
        mistakes: Sequence[tuple[str, str, dict[str, Any]]] = (
            ("POST", "/api/v1/messages", broken),
            ("POST", "/api/v1/messages", {"json": {"id": LATIN, **said(LATIN * 1_000)}}),
            ("POST", "/api/v1/messages", {"json": {"id": LATIN, **said(f"{LATIN}\0")}}),
            ("POST", "/api/v1/messages", {"json": {"id": LATIN, **picked(LATIN)}}),
            ("PATCH", "/api/v1/me", {"json": {"phone": LATIN, "email": DETAILS["en"]["email"]}}),
            ("PATCH", "/api/v1/me", {"json": {"address": DETAILS["en"]["address"]}}),  # nobody asks for it
            ("PATCH", "/api/v1/me", {"json": {LATIN: CHINESE}}),
            ("POST", "/api/v1/visit", {"json": {"visit": {LATIN: CHINESE}}}),
            ("POST", "/api/v1/me/withdraw", {"json": {"purposes": [LATIN]}}),
            ("GET", f"/api/v1/messages?after={LATIN}", {}),
            ("GET", f"/api/v1/certificates/{LATIN}", {}),
            ("GET", f"/policy/{LATIN}", {}),
            ("GET", f"/{LATIN}?q={CHINESE}", {}),
            ("GET", "/api/v1/me", {"headers": {"Authorization": f"Bearer {LATIN}"}}),
            ("POST", "/telegram/webhook", {"json": {"message": LATIN}}),
        )
        for method, path, more in mistakes:
            status, answer = await self.asks(method, path, **more)
            assert 400 <= status < 500, (path, answer)


class TelegramWalker:
    """Somebody on Telegram, whose name there is a canary too."""

    def __init__(self, api: BotApi, house: TelegramHouse, locale: str) -> None:
        """Have an account; `house` is never started, the voice takes its words from it."""
        self.api, self.locale = api, locale
        self.voice = TelegramVoice(house, CHATS[locale])

    async def walks(self) -> None:
        """Hold the consultation in the chat."""
        await self.voice.open(self.locale)
        self.voice.person.user["first_name"] = self.voice.person.chat["first_name"] = LATIN
        await self.voice.person.share_contact(EARLY[0])
        for frame in consultation(self.locale, "telegram"):
            await self.sends(frame)

    async def sends(self, frame: Frame) -> None:
        """Type, or press a button."""
        if frame["type"] == "say":
            await self.voice.say(frame["text"])
            return
        if not frame["value"].startswith("command:"):
            await self._reads()
        await self.voice.pick(frame["value"], tuple(frame["purposes"]))

    async def _reads(self) -> None:
        """Wait until the bot has said everything: buttons of an older question are refused."""
        count, quiet = -1, 0.0
        while quiet < QUIET_SECONDS:
            await asyncio.sleep(0.05)
            shown = self.api.said(self.voice.number)
            count, quiet = len(shown), quiet + 0.05 if len(shown) == count else 0.0
            self.voice.read = shown[-1]["message_id"] if shown else 0


async def colleague_opens_all_leads(desk: KilledDesk) -> int:
    """Enter the console by the link that the desk has printed, open every lead whole, answer; return how many."""
    link = re.search(r"staff console\s+\S+#(\S+)", desk.log.read_text(encoding="utf-8"))
    assert link, "the desk has printed no link"
    async with ClientSession(desk.url, cookie_jar=CookieJar(unsafe=True)) as browser:
        async with browser.post("/staff/enter", data={"link": link[1]}) as entered:
            assert entered.status == 200
        async with browser.get("/api/v1/staff/leads") as listed:
            csrf, leads = {"X-CSRF-Token": listed.headers["X-CSRF-Token"]}, (await listed.json())["leads"]
        async with browser.get(f"/api/v1/staff/leads?q={DETAILS['en']['email']}") as found:
            assert found.status == 200
        for lead in leads:
            path = f"/api/v1/staff/leads/{lead['reference']}"
            asked = {"purpose": "call_back", "fields": ["name", "company", "phone", "email", "need"]}
            async with browser.post(f"{path}/open", json=asked, headers=csrf) as opened:
                assert LATIN.lower() in (await opened.text()).lower()
            async with browser.post(f"{path}/reply", json={"text": f"Dear {LATIN}"}, headers=csrf) as replied:
                assert replied.status == 201
    return len(leads)
