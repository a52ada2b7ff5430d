"""After an erasure: take the messages out of the chat where Telegram still allows it, and hand over the certificate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from telegram import Bot
from telegram.error import BadRequest, Forbidden

from bot.wording import Wording
from storage.errors import NotFound

AT_ONCE = 100  # messages; Bot API, deleteMessages
Certificates = Callable[[str], Awaitable[Mapping[str, Any] | None]]
_log = structlog.get_logger(__name__)


async def forget(bot: Bot, chat: int, messages: Sequence[int]) -> int:
    """Delete messages from a chat; return how many Telegram did not let us delete. Deleting twice does no harm.

    Raises: TelegramError when Telegram cannot be asked now; Forbidden when the person has blocked the bot.
    """
    kept = 0
    for at in range(0, len(messages), AT_ONCE):
        some = messages[at : at + AT_ONCE]
        try:
            await bot.delete_messages(chat, some)
        except BadRequest:  # one of them is too old: the others need not stay for it
            kept += sum([await _forget_one(bot, chat, one) for one in some])
    return kept


async def _forget_one(bot: Bot, chat: int, message: int) -> int:
    try:
        await bot.delete_message(chat, message)
    except BadRequest as refusal:
        return 0 if "not found" in refusal.message.lower() else 1
    return 0


class Farewell:
    """Carries the outbox task `telegram.erase`; a handler for the courier."""

    def __init__(self, bot: Bot, wording: Wording, certificate: Certificates) -> None:
        """Speak through `bot` (whoever made it shuts it down); `certificate` returns one by its id."""
        self._bot, self._wording, self._certificate = bot, wording, certificate

    async def carry(self, carried: Mapping[str, Any]) -> None:
        """Delete what can be deleted, then say so, with the certificate and what stays. Raises to be tried again.

        Args: carried: `chat`, `messages` (ids of the last 48 hours), `certificate` (its id), `locale`, `older`:
            whether there are messages that Telegram would not delete any more.
        """
        certificate = await self._certificate(carried["certificate"])
        if certificate is None:
            raise NotFound("the certificate is not there yet")
        await self._bot.initialize()
        try:
            kept = await forget(self._bot, carried["chat"], carried["messages"])
            words = self._words(carried, certificate, stays=bool(kept or carried.get("older")))
            if words:
                await self._bot.send_message(carried["chat"], words)
        except (BadRequest, Forbidden) as refusal:
            # blocked, or the account is gone: nobody is there to be told
            _log.info("telegram.farewell_refused", error=type(refusal).__name__)

    def _words(self, carried: Mapping[str, Any], certificate: Mapping[str, Any], *, stays: bool) -> str:
        """Return what is said: after a part was erased the conversation goes on, and has told of it itself."""
        say, locale = self._wording.say, carried["locale"]
        erased = []
        if certificate["scope"] == "all":
            erased = [say("telegram.erased", locale, certificate=carried["certificate"])]
            due = certificate.get("backups", {}).get("due")
            erased += [say("telegram.backups", locale, at=due)] if due else []
        return "\n\n".join([*erased, *([say("telegram.not_deleted", locale)] if stays else [])])
