"""Bodies of requests, bounded in size and in time: whoever sends one decides neither."""

from __future__ import annotations

import asyncio

from aiohttp import ClientError, web
from aiohttp.http_exceptions import BadHttpMessage

BODY_SECONDS = 10.0  # seconds for a whole body; 64 KiB come over the slowest line in that time
_CHUNK = 8 * 1024  # bytes read at a time


class BodyRefused(Exception):
    """A body that is not read to its end: too long, too slow, or cut off."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail


async def read_bounded(request: web.Request, most: int) -> bytes:
    """Return a body of at most `most` bytes. Raises BodyRefused: 413 over that, 408 when it comes too slowly, 400."""
    if (request.content_length or 0) > most:
        raise _too_long(most)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _bounded(request, most)
    except TimeoutError:
        raise BodyRefused(408, "too_slow", "The body did not come in time.") from None
    except (ClientError, ConnectionError, BadHttpMessage, web.RequestPayloadError):
        # cut off, or not encoded as it says
        raise BodyRefused(400, "bad_request", "The body cannot be read.") from None


async def _bounded(request: web.Request, most: int) -> bytes:
    body = bytearray()
    while chunk := await request.content.read(_CHUNK):
        body += chunk
        if len(body) > most:
            raise _too_long(most)
    return bytes(body)


def _too_long(most: int) -> BodyRefused:
    return BodyRefused(413, "too_long", f"A body has at most {most} bytes.")
