"""Bytes that nobody means: every one is answered as the sender's fault, and none of them kept or logged as ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.house import House, settings


async def answered(house: House, request: bytes) -> int:
    """Return the status of a request written byte by byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2]))
    writer.write(request.replace(b"HOST", house.url.removeprefix("http://").encode()))
    line = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


def post(path: str, kind: bytes, body: bytes, *more: bytes) -> bytes:
    """Return the bytes of a POST."""
    head = [b"POST %s HTTP/1.1" % path.encode(), b"Host: HOST", b"Content-Type: " + kind, *more]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_unreadable_bytes_are_the_senders_fault(
    tmp_path: Path, data_url: str, keyring_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No request of a stranger ends in a 500, whatever its cookies, forms and encodings hold."""
    house = House(settings(tmp_path / "var", data_url, keyring_url))
    await house.start()
    form = b"application/x-www-form-urlencoded"
    try:
        statuses = [
            await answered(
                house, b"GET /staff HTTP/1.1\r\nHost: HOST\r\nCookie: askfirst-staff=\xff\r\n\r\n"
            ),
            await answered(house, post("/staff/enter", form, b"\xff\xfe\xfd")),
            await answered(house, post("/staff/enter", form + b"; charset=nope", b"link=x")),
            await answered(house, post("/staff/enter", b"multipart/form-data", b"x")),
            await answered(
                house, post("/api/v1/sessions", b"application/json", b"no gzip", b"Content-Encoding: gzip")
            ),
        ]
        async with ClientSession() as client, client.get(f"{house.url}/healthz") as answer:
            assert answer.status == 200
    finally:
        await house.stop()

    assert all(status < 500 for status in statuses), statuses
    assert "web.failed" not in capsys.readouterr().err
