"""Ten thousand random frames, and garbage over HTTP: clear errors, no 500, no traceback, nothing kept."""

from __future__ import annotations

import json
import logging
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.visiting import PATIENCE, Visit, visiting

FRAMES = 10_000
SEED = 20_261_123
CANARY = "canary-7f3a"
CODES = {"bad_frame", "bad_text", "too_long", "not_offered", "unknown_purpose", "id_reused", "too_fast"}
CLOSES = {4400, 4413, 4429, 1007}  # 1007: the library's, for text that is not UTF-8
PIECES = (
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        '"',
        "\\",
        "null",
        "true",
        "NaN",
        "1e999",
        "-0",
        "\\u0000",
        "\\ud800",
        "\\udfff",
    ),
    *(
        '"type"',
        '"say"',
        '"pick"',
        '"hello"',
        '"id"',
        '"text"',
        '"value"',
        '"purposes"',
        '"token"',
        '"after"',
    ),
    *("\u202e", "\u2066", "\ufeff", "\x7f", "网关", "🦊", " ", "\n", f'"{CANARY}"'),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 2**80, 1e308, "", "x", "\0", "\u202eevil", CANARY, [], {}, [[]], {"a": {}}),
    *("x" * 65, "y" * 300, "z" * 4_001, ["news"] * 70, [1], "topic:nowhere", "consent:agree", "review:send"),
)


def random_bytes(dice: random.Random) -> bytes:
    """Return anything at all."""
    return dice.randbytes(dice.randrange(0, 200))


def random_pieces(dice: random.Random) -> str:
    """Return words of the protocol in no order."""
    return "".join(dice.choice(PIECES) for _ in range(dice.randrange(0, 25)))


def random_frame(dice: random.Random) -> str:
    """Return an object with the right names and wrong values. Never one that may be kept: no say with a fit text."""
    frame = {"type": dice.choice(["say", "pick", "hello", "shout", 5, None])}
    for name in ("id", "text", "value", "purposes", "policy", "token", "after"):
        if dice.random() < 0.7:
            frame[name] = dice.choice(VALUES)
    if frame.get("id") == CANARY:
        frame["id"] = "mine"  # an id is the client's own and comes back
    if frame["type"] == "say" and isinstance(text := frame.get("text"), str) and len(text) <= 4_000:
        frame["text"] = text + "\0"
    return json.dumps(frame)


def wrong_frame(dice: random.Random) -> str:
    """Return a say or pick with an id, and something wrong in it that a socket survives."""
    frame: dict[str, Any] = {"type": dice.choice(["say", "pick"]), "id": f"c{dice.randrange(10**6)}"}
    frame |= {
        name: dice.choice(VALUES) for name in ("text", "value", "purposes", "policy") if dice.random() < 0.8
    }
    if isinstance(text := frame.get("text"), str):
        frame["text"] = text[:4_000] + dice.choice(["\0", "\ud800", "x" * 4_001])
    return json.dumps(frame)


def deep(dice: random.Random) -> str:
    """Return brackets without end."""
    return dice.choice(["[", '{"a":', '{"type":"say","id":"a","text":[']) * dice.randrange(100, 4_000)


def cut(dice: random.Random) -> str:
    """Return a good frame that breaks off, or has a lone surrogate in it."""
    frame = json.dumps({"type": "say", "id": "good", "text": CANARY})
    broken = frame[: dice.randrange(0, len(frame))]
    return dice.choice([broken, frame.replace(CANARY, CANARY + "\\ud83d"), frame + frame])


def huge(dice: random.Random) -> str:
    """Return what is too big for a frame."""
    return json.dumps({"type": "say", "id": "huge", "text": "x" * dice.randrange(33_000, 60_000)})


KINDS: tuple[tuple[int, Callable[[random.Random], str | bytes]], ...] = (
    # Most survive their socket: a new one costs as much as fifty frames.
    *(
        (880, wrong_frame),
        (40, random_frame),
        (30, random_pieces),
        (20, cut),
        (20, random_bytes),
        (7, deep),
        (3, huge),
    ),
)


def garbage(dice: random.Random) -> str | bytes:
    """Return one random frame."""
    weights = [weight for weight, _ in KINDS]
    return dice.choices([kind for _, kind in KINDS], weights)[0](dice)


async def throw(socket: ClientWebSocketResponse, dice: random.Random, most: int) -> int:
    """Throw garbage at a socket until it is closed; return how much."""
    thrown = 0
    while thrown < most:
        frame = garbage(dice)
        try:
            await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        except ConnectionError:
            return thrown + 1
        thrown += 1
        message = await socket.receive(PATIENCE)
        while message.type is WSMsgType.TEXT and json.loads(message.data)["type"] != "error":
            message = await socket.receive(PATIENCE)
        if message.type is not WSMsgType.TEXT:
            assert socket.close_code in CLOSES, (socket.close_code, frame)
            return thrown
        error = json.loads(message.data)
        assert error["code"] in CODES, (error, frame)
        assert CANARY not in message.data
    return thrown


async def welcomed(visit: Visit, token: str) -> ClientWebSocketResponse:
    """Return a socket that may talk."""
    return (await visit.talker(token, after=900)).socket


async def test_ten_thousand_random_frames_keep_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every frame is answered by an error or a close code of the contract; the transcripts hold the greeting only."""
    dice = random.Random(SEED)
    caplog.set_level(logging.DEBUG)
    async with visiting(tmp_path) as visit:
        with structlog.testing.capture_logs() as logs:
            thrown, token, tokens = 0, await visit.token(), 1
            while thrown < FRAMES:
                socket = await welcomed(visit, token)
                thrown += await throw(socket, dice, FRAMES - thrown)
                if socket.close_code == 4429:
                    token, tokens = await visit.token(), tokens + 1
                await socket.close()
        answer = await (await visit.call("GET", "/api/v1/messages", token)).json()

    assert logs == []
    assert "Traceback" not in caplog.text
    assert CANARY not in caplog.text
    assert [message["seq"] for message in answer["messages"]] == [1]
    with sqlite3.connect(tmp_path / "desk.db") as database:
        assert database.execute("SELECT count(*) FROM messages").fetchone() == (tokens,)


async def test_garbage_over_http_is_a_problem(tmp_path: Path) -> None:
    """Every route that takes a body: a problem of the caller's, never ours."""
    dice = random.Random(SEED)
    routes = (
        *(("POST", "/api/v1/sessions"), ("POST", "/api/v1/messages"), ("PATCH", "/api/v1/me")),
        *(("DELETE", "/api/v1/me"), ("POST", "/api/v1/me/withdraw")),
        *(("POST", "/api/v1/rights/verify"), ("POST", "/api/v1/rights/confirm")),
    )
    async with visiting(tmp_path) as visit:
        with structlog.testing.capture_logs() as logs:
            token = await visit.token()
            for number in range(400):
                method, path = routes[number % len(routes)]
                body, media = garbage(dice), dice.choice(["application/json"] * 9 + ["text/plain"])
                answer = await visit.call(method, path, token, data=body, headers={"Content-Type": media})
                as_it_was = answer.status == 200 and path == "/api/v1/sessions"  # nothing is asked of it
                assert as_it_was or answer.status in {400, 403, 409, 413, 415, 422, 429}, (path, body)
                assert CANARY not in await answer.text()

    assert logs == []
