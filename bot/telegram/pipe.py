"""The pipe to the Bot API: python-telegram-bot carries requests and answers; it keeps no state of ours."""

from __future__ import annotations

import hashlib
import hmac
import logging
import warnings
from functools import cache
from ssl import SSLContext
from typing import Any

from httpx import create_ssl_context
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest
from telegram.warnings import PTBDeprecationWarning

REQUESTS_A_SECOND = 30  # in all chats together; core.telegram.org/bots/faq, "broadcasting"
CONNECTIONS = 64  # at once
POOL_SECONDS = 30.0  # seconds to wait for a free connection
ANSWER_SECONDS = 15.0  # seconds that the Bot API may take; beyond a poll's own waiting
KEY_BYTES = 16  # bytes; 2^64 events before a chance clash
RETRIES = 2  # after a 429; what is refused longer waits in the transcript
# all that is asked for; an edit changes nothing here
UPDATES = ("message", "callback_query", "my_chat_member")
TALKATIVE = ("httpx", "httpcore", "telegram")  # they log the token at INFO, and messages at DEBUG


class Pipe(ExtBot[int]):
    """A bot whose updates come out as they are, so that one broken update does not hide its neighbours."""

    async def waiting_updates(self, offset: int | None, seconds: int) -> list[dict[str, Any]]:
        """Return the updates from `offset` on, waiting up to `seconds` for one; confirms all before `offset`.

        Not `get_updates`: that one reads the whole batch at once, and logs it whole when a single update is broken.
        """
        asked = {"offset": offset, "timeout": seconds, "allowed_updates": UPDATES}
        answer: list[dict[str, Any]] = await self._post(
            "getUpdates", asked, read_timeout=seconds + ANSWER_SECONDS
        )
        return answer


def open_pipe(token: str, api_url: str) -> Pipe:
    """Return a bot for `token` at `api_url` (no slash at the end). Use it as an async context, or `initialize` it."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # given by each 429; we never read it
    warnings.filterwarnings("ignore", ".*`retry_after`", PTBDeprecationWarning)
    return Pipe(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=_connections(CONNECTIONS),
        get_updates_request=_connections(1),
        rate_limiter=AIORateLimiter(overall_max_rate=REQUESTS_A_SECOND, max_retries=RETRIES),
    )


def webhook_secret(token: str) -> str:
    """Return the secret that Telegram shows at each webhook call: every process derives the same, none stores it."""
    return hmac.new(token.encode(), b"askfirst telegram webhook", hashlib.sha256).hexdigest()


def event_key(token: str, update: int, part: str) -> bytes:
    """Return the name of what an update makes happen; its numbers are few, so it is made with the bot's secret.

    Every process derives the same, so an update that two of them take opens one conversation, not two.
    """
    return hmac.digest(token.encode(), f"askfirst update {update} {part}".encode(), "sha256")[:KEY_BYTES]


def _connections(number: int) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=number,
        read_timeout=ANSWER_SECONDS,
        write_timeout=ANSWER_SECONDS,
        connect_timeout=ANSWER_SECONDS,
        pool_timeout=POOL_SECONDS,
        httpx_kwargs={"verify": _authorities()},
    )


@cache  # reading them takes as long as a tenth of a start
def _authorities() -> SSLContext:
    return create_ssl_context()
