"""Opening a session, and who may."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.web.sessions import SESSION_LIFE
from tests.visiting import Visit, visiting

SESSIONS = "/api/v1/sessions"


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


def everything_in(folder: Path) -> bytes:
    """Return what all files of a folder hold."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_session_opens_with_what_the_contract_says(visit: Visit) -> None:
    """S1, L15: the answer names the bot as one, the company, and the policy in force."""
    answer = await visit.call("POST", SESSIONS, json={"site": "default", "locale": "en", "remember": False})
    session = await answer.json()

    assert answer.status == 201
    assert set(session) == {
        *("session", "token", "expires_at", "locale", "bot", "company", "companies", "policy")
    }
    assert (session["bot"], session["company"], session["locale"]) == (True, "Example Instruments", "en")
    assert session["policy"]["version"] in visit.desk.rules.policies
    assert session["policy"]["url"].startswith("http://")
    assert datetime.fromisoformat(session["expires_at"]) > datetime.now(UTC) + timedelta(hours=23)


async def test_an_empty_body_opens_the_default_site(visit: Visit) -> None:
    """Everything in the body may be left out."""
    assert (await visit.call("POST", SESSIONS, json={})).status == 201


async def test_a_token_is_kept_as_its_hash_only(visit: Visit, tmp_path: Path) -> None:
    """S10: 256 bits that nobody finds again in the database or beside it."""
    token = (await visit.session())["token"]

    kept = everything_in(tmp_path)

    assert len(token) == 43
    assert token.encode() not in kept
    assert hashlib.sha256(token.encode()).digest() in kept


async def test_two_sessions_share_nothing(visit: Visit) -> None:
    """Every visit is a stranger until they say otherwise."""
    one, two = await visit.session(), await visit.session()

    assert one["token"] != two["token"]
    assert one["session"] != two["session"]


@pytest.mark.parametrize(
    ("body", "header", "locale"),
    [
        ({"locale": "zh-CN"}, "en", "zh-CN"),
        ({"locale": "zh"}, "en", "zh-CN"),
        ({}, "zh-TW,zh;q=0.9,en;q=0.1", "zh-CN"),
        ({}, "fr, en;q=0.5", "en"),
        ({"locale": "tlh"}, "zh", "zh-CN"),
        ({"locale": "tlh"}, "", "en"),
    ],
)
async def test_the_language_is_agreed_on(
    body: dict[str, str], header: str, locale: str, visit: Visit
) -> None:
    """The wanted language, else the browser's, else the default."""
    answer = await visit.call("POST", SESSIONS, json=body, headers={"Accept-Language": header})

    assert (await answer.json())["locale"] == locale


@pytest.mark.parametrize(("signal", "counts"), [("1", True), ("0", False), ("true", False), ("11", False)])
async def test_only_exactly_one_is_the_global_privacy_signal(signal: str, counts: bool, visit: Visit) -> None:
    """L13: `Sec-GPC: 1` refuses sharing and marketing from the start; anything else means nothing."""
    answer = await visit.call("POST", SESSIONS, json={}, headers={"Sec-GPC": signal})
    session = (await answer.json())["session"]

    shown = await visit.desk.call(visit.desk.storage.store.transcript, session, 0)

    assert shown.state.gpc is counts
    assert bool(shown.state.refused) is counts


async def test_a_deep_link_chooses_the_topic(visit: Visit) -> None:
    """A page about gateways opens the chat at gateways; an unknown topic opens it at the start."""
    known, unknown = await visit.session(topic="gateway"), await visit.session(topic="astrology")

    at_need = await (await visit.call("GET", "/api/v1/messages", known["token"])).json()
    at_topic = await (await visit.call("GET", "/api/v1/messages", unknown["token"])).json()

    assert at_need["messages"][-1]["expects"]["name"] == "need"
    assert at_topic["messages"][-1]["expects"]["name"] == "topic"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"site": 7}, "/site"),
        ({"site": None}, "/site"),
        ({"site": "x" * 65}, "/site"),
        ({"locale": ["en"]}, "/locale"),
        ({"remember": "yes"}, "/remember"),
        ({"topic": {"a": 1}}, "/topic"),
    ],
)
async def test_a_wrong_member_is_pointed_at(body: dict[str, Any], pointer: str, visit: Visit) -> None:
    """Wrong types are 400 with a pointer."""
    answer = await visit.call("POST", SESSIONS, json=body)
    problem = await answer.json()

    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (problem["code"], problem["pointer"], problem["status"]) == ("bad_request", pointer, 400)


@pytest.mark.parametrize(
    ("raw", "media", "status", "code"),
    [
        (b"{}", "text/plain", 415, "not_json"),
        (b"nonsense", "application/json", 400, "bad_request"),
        (b"[1]", "application/json", 400, "bad_request"),
        (b"", "application/json", 400, "bad_request"),
        (b'{"site":"\xff"}', "application/json", 400, "bad_request"),
        (b'{"site":"\\ud800"}', "application/json", 400, "bad_text"),
        (b'{"site":"' + b"x" * 40_000 + b'"}', "application/json", 413, "too_long"),
    ],
)
async def test_a_body_that_is_none_is_a_problem(
    raw: bytes, media: str, status: int, code: str, visit: Visit
) -> None:
    """Whatever comes, the answer is a problem with a stable code."""
    answer = await visit.call("POST", SESSIONS, data=raw, headers={"Content-Type": media})

    assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_a_body_without_a_length_is_bounded_too(visit: Visit) -> None:
    """A chunked body is read up to the limit and no further."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_024

    answer = await visit.call("POST", SESSIONS, data=endless(), headers={"Content-Type": "application/json"})

    assert answer.status == 413


async def test_an_unknown_site_has_no_chat(visit: Visit) -> None:
    """S1: the sites are configured."""
    answer = await visit.call("POST", SESSIONS, json={"site": "elsewhere"})

    assert (answer.status, (await answer.json())["code"]) == (404, "unknown_site")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer " + "x" * 500, "Bearer \u00e9"]
)
async def test_no_token_opens_nothing(header: str, visit: Visit) -> None:
    """401 with the challenge, whatever stands there instead of a token."""
    answer = await visit.call("GET", "/api/v1/me", headers={"Authorization": header})

    assert (answer.status, (await answer.json())["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_ends_after_a_day(tmp_path: Path) -> None:
    """The last second counts, the next does not."""
    times = {"now": datetime.now(UTC)}
    async with visiting(tmp_path, clock=lambda: times["now"]) as visit:
        token = await visit.token()

        times["now"] += SESSION_LIFE - timedelta(seconds=1)
        assert (await visit.call("GET", "/api/v1/messages", token)).status == 200
        times["now"] += timedelta(seconds=1)
        assert (await visit.call("GET", "/api/v1/messages", token)).status == 401


async def test_refused_sessions_leave_nothing(visit: Visit, tmp_path: Path) -> None:
    """A request that was refused wrote nothing."""
    for body in ({"site": "elsewhere"}, {"site": 7}):
        await visit.call("POST", SESSIONS, json=body)
    await visit.call("POST", SESSIONS, json={}, headers={"Origin": "https://stranger.example"})

    with sqlite3.connect(tmp_path / "desk.db") as database:
        assert database.execute("SELECT count(*) FROM conversations").fetchone() == (0,)
