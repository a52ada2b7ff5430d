"""People who chat with the bot through the tests' Bot API server: they type, press buttons and share contacts."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bot_api import BotApi
from tests.bot_api_chats import BOT

PATIENCE_SECONDS = 10  # seconds that a person waits for the desk before the test fails


async def until(true: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 -- what is waited for happens on the other side of a socket
            await asyncio.sleep(0.005)


class Person:
    """Somebody with a private chat with the bot. `language` is what their Telegram client speaks."""

    def __init__(self, api: BotApi, number: int, language: str = "en") -> None:
        """Have a Telegram account with this user id."""
        self.api = api
        self.id = number
        self.user = {"id": number, "is_bot": False, "first_name": "Robin", "language_code": language}
        self.chat = api.chats[number] = {"id": number, "type": "private", "first_name": "Robin"}
        self._heard = 0  # the highest message id that was waited for

    async def say(self, text: str) -> int:
        """Type a message; return its message id."""
        command = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
        entities = {"entities": [command]} if text.startswith("/") else {}
        return await self._post({"text": text, **entities})

    async def share_contact(self, phone: str, *, own: bool = True) -> int:
        """Press the button that shares a contact; somebody else's has another user id, or none."""
        whose = {"user_id": self.id} if own else {}
        return await self._post({"contact": {"phone_number": phone, "first_name": "Robin", **whose}})

    async def send_photo(self) -> int:
        """Send a picture."""
        size = {"file_id": "p1", "file_unique_id": "p1", "width": 90, "height": 90}
        return await self._post({"photo": [size]})

    async def edit(self, message: int, text: str) -> None:
        """Change the text of a message that was sent."""
        self.api.messages[message] |= {"text": text, "edit_date": int(time.time())}
        await self.api.happen("edited_message", self.api.messages[message])

    async def press(self, label: str, message: int | None = None) -> str:
        """Press an inline button of the newest message that has it, or of `message`; return the query's id."""
        here = [self.api.messages[message]] if message else reversed(self.api.said(self.id))
        for one in here:
            for button in _buttons(one):
                if label in button["text"]:
                    return await self.send_data(button["callback_data"], one)
        raise AssertionError(f"there is no button {label!r}")

    async def send_data(self, data: str, message: dict[str, Any]) -> str:
        """Send any callback data for a message, as a forged client can."""
        query = f"query{self.api.number('query')}"
        self.api.asked.add(query)
        content = {"id": query, "from": self.user, "message": message, "chat_instance": "1", "data": data}
        await self.api.happen("callback_query", content)
        return query

    async def block(self) -> None:
        """Stop the bot: whatever it sends is answered 403."""
        self.api.blocked.add(self.id)
        await self.api.happen("my_chat_member", _membership(self.chat, self.user, "member", "kicked"))

    async def sees(self, text: str) -> dict[str, Any]:
        """Wait for a bot message that was not waited for yet and has `text`; return it. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for message in self.api.said(self.id):
                    shown = message.get("text", "") + message.get("caption", "")
                    if message["message_id"] > self._heard and text in shown:
                        self._heard = message["message_id"]
                        return message
                await asyncio.sleep(0.005)

    @property
    def shown(self) -> list[str]:
        """The texts of the bot's messages that stand in the chat, oldest first."""
        return [one.get("text", one.get("caption", "")) for one in self.api.said(self.id)]

    @property
    def buttons(self) -> list[str]:
        """The labels under the bot's newest message, if it has said anything yet."""
        return [button["text"] for one in self.api.said(self.id)[-1:] for button in _buttons(one)]

    @property
    def keyboard(self) -> list[str] | None:
        """The labels of the reply keyboard, or None when there is none."""
        keyboard = self.api.keyboards.get(self.id)
        return [button["text"] for row in keyboard["keyboard"] for button in row] if keyboard else None

    async def _post(self, content: dict[str, Any]) -> int:
        number = self.api.number("message")
        when = {"date": int(time.time())}
        message = {"message_id": number, "from": self.user, "chat": self.chat, **when, **content}
        self.api.messages[number] = message
        await self.api.happen("message", message)
        return number


@dataclass(frozen=True, slots=True)
class Group:
    """A group or channel where the bot does not belong."""

    api: BotApi
    chat: int  # below zero
    kind: str  # "group" "supergroup" "channel"

    async def add_bot(self, person: Person) -> None:
        """Somebody brings the bot in."""
        self.api.chats[self.chat] = {"id": self.chat, "type": self.kind, "title": "Lunch"}
        content = _membership(self.api.chats[self.chat], person.user, "left", "member")
        await self.api.happen("my_chat_member", content)

    async def say(self, person: Person, text: str) -> None:
        """Somebody writes where the bot can read it."""
        number = self.api.number("message")
        here = {"chat": self.api.chats[self.chat], "date": int(time.time())}
        await self.api.happen("message", {"message_id": number, "from": person.user, "text": text, **here})


def _buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [button for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


def _membership(chat: dict[str, Any], by: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    def member(status: str) -> dict[str, Any]:
        return {"status": status, "user": BOT, **({"until_date": 0} if status == "kicked" else {})}

    when = int(time.time())
    return {
        "chat": chat,
        "from": by,
        "date": when,
        "old_chat_member": member(before),
        "new_chat_member": member(after),
    }
