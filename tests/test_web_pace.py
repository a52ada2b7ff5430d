"""How fast one may go."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.web.pace import DRAWN_AT_ONCE, Allowance, Pace, Windows, client_address
from bot.web.problems import Problem
from tests.visiting import visiting

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def came_from(peer: str, forwarded: str = "") -> Callable[[], object]:
    """Return what makes a request from an address, with what a proxy wrote."""
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (
        (peer, 5_000) if name == "peername" else default
    )
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return lambda: make_mocked_request("POST", "/", headers=headers, transport=transport)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.1.2.3", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_only_a_near_proxy_is_believed(peer: str, forwarded: str, address: str) -> None:
    """The last entry counts, and only from this machine or a private network: anybody can write a header."""
    assert str(client_address(came_from(peer, forwarded)())) == address  # type: ignore[arg-type]  # a mocked request


def test_an_address_may_open_so_many_sessions() -> None:
    """429 with Retry-After after that; another address is not concerned."""
    pace = Pace(os.urandom, sessions_per_hour=2)
    for _ in range(2):
        pace.session(came_from("203.0.113.7")(), NOW)  # type: ignore[arg-type]  # a mocked request

    with pytest.raises(Problem) as refused:
        pace.session(came_from("203.0.113.7")(), NOW)  # type: ignore[arg-type]  # a mocked request
    pace.session(came_from("203.0.113.8")(), NOW)  # type: ignore[arg-type]  # a mocked request

    assert (refused.value.status, refused.value.code) == (429, "too_fast")
    assert refused.value.headers == {"Retry-After": "60"}


def test_the_machine_itself_is_exempt() -> None:
    """Probes and measurements run there."""
    pace = Pace(os.urandom, sessions_per_hour=1)

    for _ in range(5):
        pace.session(came_from("127.0.0.1")(), NOW)  # type: ignore[arg-type]  # a mocked request


def test_addresses_are_hashed_under_a_key_of_the_day() -> None:
    """What is held cannot be read as an address, nor joined over two days."""
    keys = iter([b"a" * 32, b"b" * 32])
    pace = Pace(lambda size: next(keys), sessions_per_hour=9)
    for day in (NOW, NOW + timedelta(days=1)):
        pace.session(came_from("203.0.113.7")(), day)  # type: ignore[arg-type]  # a mocked request

    held = list(pace.windows._counts)

    assert len(held) == 2
    assert "203.0.113.7" not in str(held)


def test_a_socket_draws_its_allowance_in_portions() -> None:
    """What was drawn may be spent; then there must be more."""
    allowance = Allowance(Pace(os.urandom, messages_per_minute=DRAWN_AT_ONCE * 2), "one")

    spent = [allowance.spend() for _ in range(DRAWN_AT_ONCE * 2 + 1)]

    assert spent == [True] * (DRAWN_AT_ONCE * 2) + [False]


def test_an_allowance_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its window is over, a session may talk again."""
    now = [100.0]
    monkeypatch.setattr("bot.web.pace.monotonic", lambda: now[0])
    pace = Pace(os.urandom, messages_per_minute=1)

    spent = [pace.message("one"), pace.message("one")]
    now[0] += 60
    spent.append(pace.message("one"))

    assert spent == [True, False, True]


def test_counts_of_the_past_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by who talked within the window."""
    now = [100.0]
    monkeypatch.setattr("bot.web.pace.monotonic", lambda: now[0])
    monkeypatch.setattr("bot.web.pace.TIDY_FROM", 3)
    windows = Windows()
    for name in "abc":
        windows.incr(name, 60)

    now[0] += 60
    windows.incr("d", 60, 2)

    assert windows.reset() == 1
    assert windows.get("d") == 0


async def test_a_socket_that_goes_too_fast_is_closed(tmp_path: Path) -> None:
    """4429, after what was taken is answered; HTTP answers 429."""
    async with visiting(tmp_path, pace=Pace(os.urandom, messages_per_minute=DRAWN_AT_ONCE)) as visit:
        token = await visit.token()
        talker = await visit.talker(token)

        for _ in range(DRAWN_AT_ONCE + 5):
            await talker.send(type="pick", value="command:help")
        code = await talker.closed()
        over_http = await visit.call(
            "POST", "/api/v1/messages", token, json={"type": "pick", "id": "h", "value": "command:help"}
        )

        assert code == 4429
        assert [frame["type"] for frame in talker.seen].count("ack") == DRAWN_AT_ONCE
        assert talker.seen[-1]["code"] == "too_fast"
        assert over_http.status == 429
