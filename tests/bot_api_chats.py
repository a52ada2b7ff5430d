"""What stands in the chats of the tests' Bot API server, and the methods that write there."""

import time
from collections.abc import Mapping
from typing import Any

from tests.bot_api_schema import Schema, Upload, plain

BOT = {"id": 1234567890, "is_bot": True, "first_name": "Desk", "username": "desk_test_bot"}


class Refusal(Exception):
    """A request that the Bot API answers with `ok: false`."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        """Keep what the answer says."""
        super().__init__(description)
        self.code = code
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters


class Chats:
    """Messages, keyboards and commands as people see them; methods are named as in the Bot API, in snake case."""

    def __init__(self) -> None:
        """Begin with no chats and no messages."""
        self.schema = Schema()
        self.chats: dict[int, dict[str, Any]] = {}
        # by message id: a bot's private chats count them together
        self.messages: dict[int, dict[str, Any]] = {}
        self.files: dict[str, Upload] = {}  # by file id
        # the reply keyboard under each chat's input line
        self.keyboards: dict[int, dict[str, Any] | None] = {}
        self.blocked: set[int] = set()
        self.left: set[int] = set()  # groups that the bot left
        self.undeletable: set[int] = set()  # message ids: older than 48 hours
        self.asked: set[str] = set()  # callback queries that wait for an answer
        self.answered: dict[str, str] = {}  # callback query id -> the text shown
        self.commands: dict[str, list[dict[str, str]]] = {}  # by language
        self._numbers = {"update": 700_000_000, "message": 0, "query": 0, "file": 0}

    def number(self, of: str) -> int:
        """Return the next update id, message id …"""
        self._numbers[of] += 1
        return self._numbers[of]

    def said(self, chat: int) -> list[dict[str, Any]]:
        """Return the bot's messages that stand in a chat, oldest first."""
        return [one for one in self.messages.values() if one["chat"]["id"] == chat and one["from"] == BOT]

    async def _get_me(self) -> dict[str, Any]:
        return BOT

    async def _send_message(self, chat_id: int, text: str, **more: Any) -> dict[str, Any]:
        shown, entities = plain(text) if more.get("parse_mode") == "HTML" else (text, [])
        return self._post(chat_id, more, {"text": shown, **({"entities": entities} if entities else {})})

    async def _send_document(self, chat_id: int, document: Upload, **more: Any) -> dict[str, Any]:
        file = f"file{self.number('file')}"
        self.files[file] = document
        size = len(document.body)
        kept = {"file_id": file, "file_unique_id": file, "file_name": document.name, "file_size": size}
        shown, _ = plain(more.get("caption", ""))
        return self._post(chat_id, more, {"document": kept, **({"caption": shown} if shown else {})})

    def _post(self, chat: int, more: Mapping[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        self._writable(chat)
        markup = more.get("reply_markup", {})
        message = {"message_id": self.number("message"), "from": BOT, "chat": self.chats[chat], **content}
        message["date"] = int(time.time())
        if "inline_keyboard" in markup:
            message["reply_markup"] = markup
        elif markup:
            self.keyboards[chat] = markup if "keyboard" in markup else None
        self.messages[message["message_id"]] = message
        return message

    def _writable(self, chat: int) -> None:
        if chat not in self.chats:
            raise Refusal(400, "Bad Request: chat not found")
        if chat in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")

    async def _edit_message_reply_markup(
        self, chat_id: int, message_id: int, reply_markup: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        self._writable(chat_id)
        message = self.messages.get(message_id)
        if message is None or message["chat"]["id"] != chat_id:
            raise Refusal(400, "Bad Request: message to edit not found")
        wanted = reply_markup if reply_markup and reply_markup["inline_keyboard"] else None
        if message.get("reply_markup") == wanted:
            raise Refusal(400, "Bad Request: message is not modified")
        edited = {**message, "edit_date": int(time.time()), "reply_markup": wanted}
        self.messages[message_id] = {key: value for key, value in edited.items() if value is not None}
        return self.messages[message_id]

    async def _delete_message(self, chat_id: int, message_id: int) -> bool:
        self._writable(chat_id)
        if message_id not in self.messages:
            raise Refusal(400, "Bad Request: message to delete not found")
        if message_id in self.undeletable:
            raise Refusal(400, "Bad Request: message can't be deleted for everyone")
        del self.messages[message_id]
        return True

    async def _delete_messages(self, chat_id: int, message_ids: list[int]) -> bool:
        self._writable(chat_id)
        if self.undeletable.intersection(message_ids):
            raise Refusal(400, "Bad Request: message can't be deleted for everyone")
        for message in message_ids:
            self.messages.pop(message, None)
        return True

    async def _answer_callback_query(self, callback_query_id: str, text: str = "", **_: Any) -> bool:
        if callback_query_id not in self.asked:
            raise Refusal(
                400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
            )
        self.asked.remove(callback_query_id)
        self.answered[callback_query_id] = text
        return True

    async def _set_my_commands(self, commands: list[dict[str, str]], **more: Any) -> bool:
        self.commands[more.get("language_code", "")] = commands
        return True

    async def _leave_chat(self, chat_id: int) -> bool:
        self.left.add(chat_id)
        return True
