"""A WebSocket as the chat needs it: whole frames of JSON, the contract's close codes, and no end in an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from bot.web.frames import FRAME_MAX_BYTES

HELLO_SECONDS = 5.0  # seconds until the first frame; docs/contract.md, "Chat API"
HEARTBEAT_SECONDS = 30.0  # seconds; proxies drop silent connections after 60
CLOSE_SECONDS = 2.0  # seconds to wait for the other side's own close frame
TOO_BIG = 4413
CLOSE_CODES: Mapping[str, int] = {
    "unauthorized": 4401,
    "origin_not_allowed": 4401,
    "rights_only": 4401,
    "no_hello": 4408,
    "erased": 4410,
    "too_fast": 4429,
}
_TOO_LONG = {"type": "error", "code": "too_long", "detail": f"A frame has at most {FRAME_MAX_BYTES} bytes."}


class Wire(web.WebSocketResponse[Literal[False]]):
    """One socket. After it is gone, telling does nothing: the client resumes by its watermark."""

    def __init__(self, request: web.Request) -> None:
        """Belong to the task that makes it, which reads.

        No compression: it would cost each idle socket 100 kB, and mix secrets with what others say.
        """
        super().__init__(
            timeout=CLOSE_SECONDS,
            heartbeat=HEARTBEAT_SECONDS,
            compress=False,
            max_msg_size=FRAME_MAX_BYTES + 1,  # the reader refuses what reaches this
            decode_text=False,
        )
        self._request = request
        self._own_task = asyncio.current_task()
        self._code: int | None = None  # what another task wants the socket closed with
        self._gone = False

    async def tell(self, frames: Sequence[Mapping[str, Any]]) -> None:
        """Send frames in order; several in one write, for each costs a call of the kernel."""
        if self._gone:
            return
        transport = self._request.transport
        try:
            if len(frames) > 1 and transport is not None and not transport.get_write_buffer_size():
                transport.write(b"".join(map(_framed, frames)))
            else:  # one, or the other side reads slowly: this way waits for it
                for frame in frames:
                    await self.send_frame(orjson.dumps(frame, option=orjson.OPT_UTC_Z), WSMsgType.TEXT)
        except ConnectionError:
            self._gone = True

    async def refuse(self, frame: Mapping[str, Any], code: int) -> None:
        """Send an `error` frame and close."""
        await self.tell([frame])
        await self.leave(code)

    async def leave(self, code: int) -> None:
        """Close with `code`; nothing is told after it. From another task than the socket's own: make that one close.

        Only the task that reads can wait for the other side's close frame. Closing under its hands would cut the
        connection at once, and a client that reads late would find no code at all.
        """
        if self._gone:
            return
        self._gone = True
        if asyncio.current_task() is self._own_task:
            await self.close(code=code)
        elif self._own_task is not None:
            self._code = code
            self._own_task.cancel()

    async def part(self) -> None:
        """Close as another task asked by cancelling this one. Raises CancelledError when none did."""
        if self._code is None or self._own_task is None:
            raise asyncio.CancelledError
        self._own_task.uncancel()
        await self.close(code=self._code)

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Close; a frame that was too big is answered with the contract's code instead of the protocol's."""
        if code != WSCloseCode.MESSAGE_TOO_BIG:
            return await super().close(code=code, message=message, drain=drain)
        await self.tell([_TOO_LONG])
        self._gone = True
        await self._last_words()
        return await super().close(code=TOO_BIG, message=message, drain=drain)

    async def _last_words(self) -> None:
        """Say why, and let the rest of the frame run past: closing with unread bytes would reset the connection."""
        try:
            await self.send_frame(TOO_BIG.to_bytes(2), WSMsgType.CLOSE)
        except ConnectionError:
            return
        transport = self._request.transport
        for _ in range(int(CLOSE_SECONDS / 0.05)):
            if transport is None or transport.is_closing():
                return
            await asyncio.sleep(0.05)


def _framed(frame: Mapping[str, Any]) -> bytes:
    """Return a whole, unmasked text frame (RFC 6455 §5.2)."""
    text = orjson.dumps(frame, option=orjson.OPT_UTC_Z)
    length = len(text)
    if length < 126:
        return b"\x81" + length.to_bytes(1) + text
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2) + text
    return b"\x81\x7f" + length.to_bytes(8) + text
