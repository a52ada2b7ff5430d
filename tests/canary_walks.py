"""Whole consultations full of canaries, on every channel: right and wrong answers, too early, corrected, erased."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from typing import Any

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType

from tests.bot_api import BotApi
from tests.canaries import BANK_CARDS, CHINESE, CREDIT_CODE, DETAILS, ID_NUMBER, LATIN
from tests.canary_desk import CanaryDesk
from tests.telegram_house import TelegramHouse
from tests.telegram_people import until
from tests.telegram_voice import TelegramVoice

EARLY = ("+86 138 0000 4788", "early.kanari4788@example.com")  # typed before anybody agreed to anything
LATER_PHONE = "+86 138 0000 4799"  # the correction
ADDRESS = "203.0.113.77"  # RFC 5737, TEST-NET-3: nobody's
CHATS = {"en": 4_711_081_542, "zh-CN": 4_711_081_543}
LANGUAGE = {"en": "en", "zh-CN": "zh-hans"}
PATIENCE = 20  # seconds for a frame

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
        picked("field:gender:female"),
        *map(said, (f"{LATIN} " * 40, mine["address"])),
        *map(said, (f"{CREDIT_CODE}0", mine["credit_code"])),
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

    def __init__(self, desk: CanaryDesk, client: ClientSession, locale: str) -> None:
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
        visit = dict.fromkeys(("browser", "device_model", "operating_system", "pages"), f"{LATIN}/1.0")
        status, answer = await self.asks("POST", "/api/v1/visit", json={"visit": visit})
        assert status == 204, answer
        await self._uses_rights()
        await self._makes_mistakes()

    async def walks_by_socket(self) -> None:
        """Hold the consultation over a socket, with ids that are canaries too; then speak badly."""
        await self.opens()
        async with self._socket() as socket:
            for place, frame in enumerate(consultation(self.locale, "web")):
                await socket.send_json({"id": f"{LATIN}{CHINESE}{place}", **frame})
                while (told := await socket.receive_json(timeout=PATIENCE))["type"] != "ack":
                    assert told["type"] in ("welcome", "message"), told
        for broken in (f'{{"type":"say","id":"{LATIN}","text":{LATIN}', f'"{LATIN}"' * 4_000, f"{LATIN}\0"):
            async with self._socket() as socket:
                await socket.send_str(broken)
                while (await socket.receive(timeout=PATIENCE)).type is WSMsgType.TEXT:
                    pass

    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[ClientWebSocketResponse]:
        async with self.client.ws_connect(f"{self.desk.url}/api/v1/chat") as socket:
            await socket.send_json({"type": "hello", "token": self.token, "after": 0})
            yield socket

    async def fails(self) -> None:
        """Say something while the desk cannot keep it."""
        for frame in (said(f"{LATIN} {LATER_PHONE}"), picked("command:view")):
            status, answer = await self.asks("POST", "/api/v1/messages", json={"id": LATIN, **frame})
            assert (status, answer["code"]) == (500, "internal"), answer

    async def walks_until_it_dies(self, reached: asyncio.Event) -> None:
        """Consult until nobody answers any more; tell when the details have begun."""
        await self.opens()
        with suppress(ClientError, OSError):
            for place, frame in enumerate(cycle(consultation(self.locale, "web"))):
                await self.asks("POST", "/api/v1/messages", json={"id": f"{LATIN}{place}", **frame})
                if frame.get("text") == DETAILS[self.locale]["phone"]:
                    reached.set()

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
            ("PATCH", "/api/v1/me", {"json": {"industry": LATIN}}),
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
        elif frame["value"].startswith("command:"):
            await self.voice.pick(frame["value"], ())
        else:
            async with asyncio.timeout(PATIENCE):
                while not await self._presses(frame["value"], frame["purposes"]):
                    pass

    async def _presses(self, value: str, purposes: Sequence[str]) -> bool:
        """Tick boxes and press a button of the newest message; say whether the bot still took it."""
        await until(lambda: self._label(value), PATIENCE)
        card, rules = self.api.said(self.voice.number)[-1]["message_id"], self.voice.house.loaded.rules
        for purpose in purposes:
            boxes = {f"☐ {label}" for label in rules.purposes[purpose].label.values()}
            if not await self._pressed(card, boxes):
                return False
        return await self._pressed(card, {self._label(value)})

    async def _pressed(self, card: int, labels: set[str]) -> bool:
        [button] = [one for one in _buttons(self.api.messages[card]) if one["text"] in labels]
        query = await self.voice.person.send_data(button["callback_data"], self.api.messages[card])

        def answers() -> list[Frame]:
            found = [given for name, given in self.api.calls if name == "answerCallbackQuery"]
            return [given for given in found if given["callback_query_id"] == query]

        await until(answers, PATIENCE)
        if taken := not answers()[0].get("text"):
            await until(lambda: button not in _buttons(self.api.messages[card]), PATIENCE)
        return taken

    def _label(self, value: str) -> str:
        shown = self.voice.person.buttons
        return next((one for one in self._labels(value) if one in shown), "")

    def _labels(self, value: str) -> list[str]:
        return [self.voice.label(value, locale) for locale in self.voice.house.loaded.rules.locales]


def _buttons(message: Frame) -> list[Frame]:
    return [button for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


class Everybody:
    """Six people: on each channel one in English and one in Chinese."""

    def __init__(self, desk: CanaryDesk, client: ClientSession, api: BotApi, house: TelegramHouse) -> None:
        """Have nobody speak yet."""
        self.posting = {locale: Walker(desk, client, locale) for locale in DETAILS}
        self.calling = {locale: Walker(desk, client, locale) for locale in DETAILS}
        self.chatting = {locale: TelegramWalker(api, house, locale) for locale in DETAILS}

    async def walk(self) -> None:
        """Let everybody consult."""
        await asyncio.gather(
            *(walker.walks_by_http() for walker in self.posting.values()),
            *(walker.walks_by_socket() for walker in self.calling.values()),
            *(walker.walks() for walker in self.chatting.values()),
        )

    @property
    def tokens(self) -> list[str]:
        """Return the bearer tokens: only their hashes are kept."""
        return [walker.token for walker in (*self.posting.values(), *self.calling.values())]

    async def half_of_them_delete(self) -> None:
        """Erase one person of each channel, each by another way."""
        status, certificate = await self.posting["en"].asks("DELETE", "/api/v1/me", json={"scope": "all"})
        assert (status, certificate["scope"]) == (200, "all")
        for place, frame in enumerate((picked("command:delete"), picked("delete:all"))):
            told = await self.calling["zh-CN"].asks(
                "POST", "/api/v1/messages", json={"id": f"d{place}", **frame}
            )
            assert told[0] == 200
        await self.chatting["en"].sends(picked("command:delete"))
        await self.chatting["en"].sends(picked("delete:all"))

    @property
    def deleting(self) -> set[str]:
        """Return the conversations of the web that will be erased, the last one by the officer."""
        gone = (self.posting["en"], self.calling["zh-CN"], self.calling["en"])
        return {walker.conversation for walker in gone}
