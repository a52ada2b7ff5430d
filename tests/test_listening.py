"""Connections that say nothing come to an end; those that asked for something stay."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from bot.listening import FIRST_REQUEST, listening

PATIENCE = 20  # seconds for what takes a fraction of one, on a busy machine
ASKED = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


async def _up(request: web.Request) -> web.Response:
    return web.Response(text="up")


def _app() -> web.Application:
    app = web.Application()
    app.router.add_get("/healthz", _up)
    return app


async def test_who_never_asks_is_sent_away() -> None:
    """S1: an idle connection and half a header end; one that has asked is still answered afterwards."""
    async with listening(_app(), "127.0.0.1", 0, patience=0.2) as port, asyncio.timeout(PATIENCE):
        kept, asking = await asyncio.open_connection("127.0.0.1", port)
        asking.write(ASKED)
        first = await kept.readuntil(b"up")
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        silent[1][1].write(ASKED[:-2])

        ends = [await reader.read() for reader, _ in silent]
        asking.write(ASKED)
        again = await kept.readuntil(b"up")
        for writer in (asking, *(writer for _, writer in silent)):
            writer.close()

    assert ends == [b"", b""]
    assert first.startswith(b"HTTP/1.1 200")
    assert again.startswith(b"HTTP/1.1 200")


async def test_a_header_that_drips_is_not_waited_for() -> None:
    """S1: a byte now and then does not count: the whole header has its time, which no honest line needs."""
    async with listening(_app(), "127.0.0.1", 0, patience=0.2) as port, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nX-Drip: ")

        ended = asyncio.create_task(reader.read())
        while not ended.done():
            writer.write(b"x")
            await asyncio.wait([ended], timeout=0.01)
        writer.close()

    assert ended.exception() or ended.result() == b""
    assert FIRST_REQUEST <= 30


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX Y<canary>: 1\r\n\r\n",
        b"GET /" + b"canary" * 3_000 + b" HTTP/1.1\r\n\r\n",
        b"canary\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_no_more_than_that(sent: bytes) -> None:
    """Neither what was sent comes back, nor which library answers, nor its version."""
    async with listening(_app(), "127.0.0.1", 0) as port, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    assert head.partition(b" ")[2].startswith(b"400 Bad Request\r\n")
    assert b"\r\nServer: askfirst\r\n" in head
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "bad_request",
        "detail": "Bad Request.",
    }


async def test_an_application_that_fails_is_told_no_more_than_that() -> None:
    """Where no application answers its own faults, as none of ours: no trace and no name of a library."""
    app = web.Application()
    app.router.add_get("/healthz", _fail)
    async with listening(app, "127.0.0.1", 0) as port, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASKED)
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"\r\nServer: askfirst\r\n" in answer
    assert b"Python" not in answer


async def _fail(request: web.Request) -> web.Response:
    raise ZeroDivisionError
