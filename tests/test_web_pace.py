"""How fast one may go."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.web.pace import DRAWN_AT_ONCE, Allowance, Pace, Windows
from bot.web.problems import Problem
from config.settings import Settings
from tests.forwarding import came_from
from tests.visiting import visiting

TRUSTED = Settings.from_environment({}).proxies
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_an_address_may_open_so_many_sessions() -> None:
    """429 with Retry-After after that; another address is not concerned."""
    pace = Pace(os.urandom, sessions_per_hour=2)
    for _ in range(2):
        pace.session(came_from("203.0.113.7"), NOW)

    with pytest.raises(Problem) as refused:
        pace.session(came_from("203.0.113.7"), NOW)
    pace.session(came_from("203.0.113.8"), NOW)

    assert (refused.value.status, refused.value.code) == (429, "too_fast")
    assert refused.value.headers == {"Retry-After": "60"}


def test_the_machine_itself_is_exempt() -> None:
    """Probes and measurements run there."""
    pace = Pace(os.urandom, sessions_per_hour=1)

    for _ in range(5):
        pace.session(came_from("127.0.0.1"), NOW)


@pytest.mark.parametrize(
    "forwarded", ["203.0.113.6:4711", "[2001:db8::1]:4711", "unknown", "127.0.0.1", "", "127.0.0.1:4711"]
)
@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.7", ""])
def test_nobody_behind_a_proxy_is_exempt(peer: str, forwarded: str) -> None:
    """S1: whatever the proxy writes, with a port, unknown, or this machine's own address, there is an end."""
    pace = Pace(os.urandom, sessions_per_hour=2, trusted=TRUSTED)
    for _ in range(2):
        pace.session(came_from(peer, forwarded), NOW)

    with pytest.raises(Problem, match="too_fast"):
        pace.session(came_from(peer, forwarded), NOW)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("::ffff:203.0.113.6", "::ffff:203.0.113.7"),
        ("64:ff9b::cb00:7106", "64:ff9b::cb00:7107"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
        ("203.0.113.6, 10.9.9.9", "203.0.113.7, 10.9.9.9"),
    ],
)
def test_people_share_no_allowance_because_of_how_addresses_are_written(one: str, other: str) -> None:
    """An IPv4 address within IPv6 is one person's; so is what stands before the operator's own second proxy."""
    pace = Pace(os.urandom, sessions_per_hour=1, trusted=TRUSTED)
    pace.session(came_from("127.0.0.1", one), NOW)

    pace.session(came_from("127.0.0.1", other), NOW)

    with pytest.raises(Problem):
        pace.session(came_from("127.0.0.1", other), NOW)


def test_addresses_are_hashed_under_a_key_of_the_day() -> None:
    """What is held cannot be read as an address, nor joined over two days."""
    keys = iter([b"a" * 32, b"b" * 32])
    pace = Pace(lambda size: next(keys), sessions_per_hour=9)
    for day in (NOW, NOW + timedelta(days=1)):
        pace.session(came_from("203.0.113.7"), day)

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
