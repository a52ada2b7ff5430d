"""Which pages may talk to the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from aiohttp import ClientSession, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from bot.web.app import make_app
from bot.web.origins import ORIGIN_LOGGED
from intake.rules import Site
from tests.visiting import Visit, visiting

LISTED = "http://localhost:8080"
STRANGER = "https://stranger.example"


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    "origin",
    [STRANGER, "null", "", "http://localhost:8080.stranger.example", "http://[::1", "https://localhost:8080"],
)
async def test_a_page_that_is_not_listed_is_refused(origin: str, visit: Visit) -> None:
    """S1: 403, and the browser may not even read why."""
    answer = await visit.call("POST", "/api/v1/sessions", json={}, headers={"Origin": origin})

    assert (answer.status, (await answer.json())["code"]) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_operator_is_told_which_page_was_refused(tmp_path: Path) -> None:
    """The page itself cannot know why it does not work; the log says it, once a minute however often it is tried."""
    times = {"now": datetime(2026, 11, 23, 4, tzinfo=UTC)}
    refused = {"Origin": STRANGER + "x" * 300}
    async with visiting(tmp_path, clock=lambda: times["now"]) as visit:
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                await visit.call("POST", "/api/v1/sessions", json={}, headers=refused)
            times["now"] += timedelta(minutes=1)
            await visit.call("POST", "/api/v1/sessions", json={}, headers={"Origin": STRANGER})

    assert [(one["event"], one["log_level"], one["origin"]) for one in logs] == [
        ("web.origin_refused", "warning", refused["Origin"][:ORIGIN_LOGGED]),
        ("web.origin_refused", "warning", STRANGER),
    ]


async def test_a_listed_page_may_read_the_answer(visit: Visit) -> None:
    """S1: the answer names the page's origin, and caches keep the answers for different pages apart."""
    answer = await visit.call("POST", "/api/v1/sessions", json={}, headers={"Origin": LISTED})

    assert answer.status == 201
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED
    assert "Origin" in answer.headers["Vary"]
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"


async def test_only_the_session_route_is_shared_with_its_cookie(visit: Visit) -> None:
    """S8: a browser lets no page read other answers that a cookie went along with; preflights say so too."""
    asked = {"Origin": LISTED, "Access-Control-Request-Method": "POST"}

    told = {
        path: "Access-Control-Allow-Credentials" in (await visit.call("OPTIONS", path, headers=asked)).headers
        for path in ("/api/v1/sessions", "/api/v1/messages", "/api/v1/me", "/api/v1/me/export")
    }

    assert [path for path, shared in told.items() if shared] == ["/api/v1/sessions"]


async def test_a_program_without_an_origin_is_let_in(visit: Visit) -> None:
    """Scripts send no Origin: they hold no visitor's cookies that could be abused."""
    assert (await visit.call("POST", "/api/v1/sessions", json={})).status == 201


async def test_the_desks_own_pages_are_let_in(visit: Visit) -> None:
    """On this machine at the port that was asked, whatever is configured; but not under a foreign name."""
    own = visit.at("").rstrip("/")
    port = own.rpartition(":")[2]

    mine = await visit.call("POST", "/api/v1/sessions", json={}, headers={"Origin": own})
    rebound = {"Origin": f"http://stranger.example:{port}", "Host": f"stranger.example:{port}"}
    foreign = await visit.call("POST", "/api/v1/sessions", json={}, headers=rebound)

    assert (mine.status, foreign.status) == (201, 403)


@pytest.mark.parametrize(
    "origin", ["app://{}", "file://{}", "https://{}", "http://{}/", "http://me@{}", "{}"]
)
async def test_the_desks_own_origin_is_exact(origin: str, visit: Visit) -> None:
    """Another scheme at the same place on this machine is another page (S1)."""
    place = visit.at("").rstrip("/").partition("//")[2]

    answer = await visit.call(
        "POST", "/api/v1/sessions", json={}, headers={"Origin": origin.format(place), "Host": place}
    )

    assert answer.status == 403


async def test_a_preflight_says_what_a_page_may_send(visit: Visit) -> None:
    """Browsers ask before they send a token."""
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}

    listed = await visit.call("OPTIONS", "/api/v1/me", headers={"Origin": LISTED, **asked})
    stranger = await visit.call("OPTIONS", "/api/v1/me", headers={"Origin": STRANGER, **asked})

    assert listed.status == 204
    assert "PATCH" in listed.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in listed.headers["Access-Control-Allow-Headers"]
    assert stranger.status == 403


async def test_a_strangers_page_gets_no_socket(visit: Visit) -> None:
    """The browser sends the Origin of whoever opens a WebSocket: it is checked before the upgrade."""
    with pytest.raises(WSServerHandshakeError) as refused:
        await visit.socket(headers={"Origin": STRANGER})

    assert refused.value.status == 403


async def test_a_token_belongs_to_its_site(tmp_path: Path) -> None:
    """A page of one site cannot use the token of another, neither over HTTP nor over the socket."""
    other = "https://other.example"
    async with visiting(tmp_path) as visit:
        rules = visit.desk.rules
        both = {**rules.sites, "other": Site(id="other", origins=(other,))}
        loaded = replace(visit.desk.loaded, rules=replace(rules, sites=both))
        desk = replace(visit.desk, loaded=loaded)
        server = TestServer(make_app(desk))
        async with server, ClientSession() as client:
            shared = Visit(desk, client, server)
            token = await shared.token()

            over_http = await shared.call("GET", "/api/v1/messages", token, headers={"Origin": other})
            talker = await shared.socket(headers={"Origin": other})
            await talker.socket.send_json({"type": "hello", "token": token})

            assert over_http.status == 403
            assert await talker.closed() == 4401


async def test_pages_and_health_have_no_origins(visit: Visit) -> None:
    """Only the API is for listed pages; whether the desk is up is for everybody."""
    assert (await visit.call("GET", "/healthz", headers={"Origin": STRANGER})).status == 200
