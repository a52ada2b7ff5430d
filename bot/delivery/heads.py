"""Heads of the audit off this host: to a file, a webhook or syslog. A head is signed, so it needs no other seal.

Whoever can write to the databases can cut off the end of the audit, heads included; not where the heads have gone to.
Each goes in order and at least once; what fails, or finds no time in its round, goes with the next minute.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import structlog

from bot.delivery import DeliveryFailed
from bot.desk import Desk
from storage.evidence.chain import Head

AT_MOST = 500  # heads in a round
# the worker delivers nothing meanwhile; with one head's time more it stays well within the lease (`heads_sent.LEASE`)
ROUND = timedelta(seconds=30)
TIMEOUT = 5.0  # seconds for one head
SYSLOG_PORT = 514  # IANA: syslog
PRIORITY = 13 * 8 + 6  # facility "log audit", severity "informational"; RFC 5424 §6.2.1
_log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where heads go."""

    async def take(self, head: Head) -> None:
        """Return when the head is there. Raises whatever kept it from getting there."""
        ...


class Heads:
    """Sends what a sink lacks. `address` is the setting."""

    def __init__(self, desk: Desk, sink: Sink, address: str) -> None:
        self._desk = desk
        self._sink = sink
        self._address = address

    async def send(self) -> None:
        """Send the next heads, up to the first that is not taken, for `ROUND`; another worker sending is left to it."""
        desk, chain = self._desk, self._desk.storage.chain
        try:
            begun = desk.clock()
            heads = await desk.call(chain.claim, self._address, begun, AT_MOST)
            try:
                for head in heads:
                    if desk.clock() - begun >= ROUND:
                        break
                    async with asyncio.timeout(TIMEOUT):
                        await self._sink.take(head)
                    await desk.call(chain.taken, self._address, head)
            finally:
                if heads:
                    await desk.call(chain.release, self._address, desk.clock())
        except Exception as fault:  # a sink or a database that is away comes back
            _log.warning("audit.heads_unsent", error=type(fault).__name__)


def sink_at(address: str, session: aiohttp.ClientSession) -> Sink:
    """Return the sink of an address that the settings have accepted."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return FileSink(Path(address.removeprefix("file:")))
    if parts.scheme in ("http", "https"):
        return WebhookSink(session, address)
    return SyslogSink(parts.hostname or "", parts.port or SYSLOG_PORT, tcp=parts.scheme == "syslog+tcp")


class FileSink:
    """A file that only grows, such as one on a disk of another host that this one may only append to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def take(self, head: Head) -> None:
        """Append one line, and see it on the disk."""
        await asyncio.to_thread(self._append, head.body.encode())

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab+") as file:
            torn = file.tell() and os.pread(descriptor, 1, file.tell() - 1) != b"\n"
            file.write(b"\n" * bool(torn) + line + b"\n")
            file.flush()
            os.fsync(descriptor)


class WebhookSink:
    """An address that takes each head as the JSON body of a POST, and answers 2xx."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def take(self, head: Head) -> None:
        """Post the head. Raises DeliveryFailed for any other answer."""
        headers = {"content-type": "application/json", "webhook-id": f"audit-head-{head.number}"}
        post = self._session.post(self._url, data=head.body.encode(), headers=headers, allow_redirects=False)
        async with post as answer:
            if not 200 <= answer.status < 300:
                raise DeliveryFailed(f"the sink of the audit answered {answer.status}")


class SyslogSink:
    """A syslog server (RFC 5424), by datagram (RFC 5426), or by stream with counted octets (RFC 6587 §3.4.1).

    The standard library's handler knows neither that header nor that framing, and would wait without end.
    """

    def __init__(self, host: str, port: int, *, tcp: bool) -> None:
        self._place = host, port
        self._tcp = tcp

    async def take(self, head: Head) -> None:
        """Send the head; that a datagram arrived is not known."""
        message = f"<{PRIORITY}>1 {head.document['at']} - askfirst - audit-head - {head.body}".encode()
        if self._tcp:
            await self._stream(f"{len(message)} ".encode() + message)
            return
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=self._place)
        transport.sendto(message)
        transport.close()

    async def _stream(self, frame: bytes) -> None:
        _, writer = await asyncio.open_connection(*self._place)
        try:
            writer.write(frame)
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()
