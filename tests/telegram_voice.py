"""A visitor who holds the journeys on Telegram: types, presses buttons, and reads only what their chat shows."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from bot.drawing import Drawing
from bot.texts import Texts
from tests.journey import Shown
from tests.mailing import mailed_code
from tests.telegram_house import TelegramHouse
from tests.telegram_people import PATIENCE_SECONDS, Person, until

LANGUAGES = {"en": "en", "zh-CN": "zh-hans"}  # as Telegram's clients say it


class TelegramVoice:
    """Speaks through the Bot API server of the tests, in webhook mode, so that a delivery can be repeated."""

    channel = "telegram"
    whole = False  # warnings, reasons and values follow the wording's text

    def __init__(self, house: TelegramHouse, number: int = 5_550_100) -> None:
        """Speak to `house`."""
        self.house, self.api, self.number = house, house.api, number
        self.person: Person
        self.read = 0  # the highest message id that was read
        self.last: dict[str, Any] = {}
        drawing = Drawing(Texts(house.loaded.rules, house.loaded.catalogues, house.settings.public_url))
        self.label = drawing.option

    async def open(self, locale: str) -> None:
        """Press "Start" in a new chat."""
        self.person = Person(self.api, self.number, LANGUAGES[locale])
        await self.say("/start")

    async def say(self, text: str) -> None:
        """Type."""
        await self._sent(self.person.say(text))

    async def pick(self, value: str, purposes: tuple[str, ...]) -> None:
        """Tick the boxes, then press the button of the open question; a command is typed."""
        if value.startswith("command:"):
            return await self.say(f"/{value.removeprefix('command:')}")
        for purpose in purposes:
            await self._tick(purpose)
        return await self._sent(self.person.press(self._label(value), self.read))

    async def _tick(self, purpose: str) -> None:
        rules = self.house.loaded.rules
        labels = rules.purposes[purpose].label
        label = next(one for one in labels.values() if any(one in shown for shown in self.person.buttons))
        await self.person.press(f"☐ {label}", self.read)
        await until(lambda: f"☑ {label}" in self.person.buttons)

    def _label(self, value: str) -> str:
        labels = (self.label(value, locale) for locale in self.house.loaded.rules.locales)
        return next(one for one in labels if one in self.person.buttons)

    async def _sent(self, doing: Any) -> None:
        before = self.api.last_update
        await doing
        await until(lambda: self.api.last_update is not before)
        self.last = self.api.last_update
        await until(lambda: not self.api.updates)

    async def again(self) -> None:
        """Have Telegram deliver the last update once more; nothing is said to it."""
        before = self.person.shown
        await self.api.queue(self.last)
        await until(lambda: not self.api.updates)
        await asyncio.sleep(0.1)
        assert self.person.shown == before

    async def next(self) -> Shown:
        """Return the bot's next message in the chat."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for message in self.api.said(self.number):
                    if message["message_id"] > self.read and message.get("text") != "✓":
                        self.read = message["message_id"]
                        return Shown(message.get("text", message.get("caption", "")))
                await asyncio.sleep(0.005)

    async def refused(self, code: str) -> None:
        """On Telegram a refusal is said in the chat."""
        said = (await self.next()).text
        assert said in {catalogue[f"error.{code}"] for catalogue in self.house.loaded.catalogues.values()}

    async def erased(self) -> None:
        """One message stands in the chat, with the certificate; whatever is typed next begins anew."""
        certificates = [text.partition("{")[0] for text in self._texts("telegram.erased")]
        await until(lambda: any(text.startswith(tuple(certificates)) for text in self.person.shown))
        assert len(self.person.shown) == 1
        [certificate] = re.findall(r"[0-9a-f]{32}", self.person.shown[0])
        found = await self.house.desk.call(self.house.desk.storage.store.certificate, certificate)
        assert found is not None

    def _texts(self, key: str) -> list[str]:
        return [catalogue[key] for catalogue in self.house.loaded.catalogues.values()]

    async def code(self) -> str:
        """Return the one-time code that was mailed last."""
        return await mailed_code(self.house.desk)

    async def restart(self) -> None:
        """The chat outlives the process."""
        await self.house.restart()
