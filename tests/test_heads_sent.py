"""What went off the host: each head in order, one worker at a time, and nothing is skipped after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.audit_tables import audit_sent
from storage.evidence.chain import Head
from storage.evidence.chainer import Chain
from storage.evidence.heads_sent import LEASE
from tests.chaining import Audit, auditing, three_batches

FAR = "https://desk:canary@logs.example.com/heads"


@pytest.fixture
def audit(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Audit]:
    """An audit of three batches of which nothing was sent."""
    with auditing(data_url, keyring_url, tmp_path) as opened:
        three_batches(opened)
        yield opened


def _claim(audit: Audit, chain: Chain | None = None, limit: int = 10) -> list[int]:
    heads: list[Head] = audit.rooms.run((chain or audit.chain).claim, FAR, audit.rooms.clock.now, limit)
    return [head.number for head in heads]


def _taken(audit: Audit, number: int) -> None:
    audit.rooms.run(audit.chain.taken, FAR, Head(number, ""))


def test_a_sink_gets_what_it_lacks_in_order(audit: Audit) -> None:
    """From the first head on, then from the newest that it has taken."""
    assert _claim(audit, limit=2) == [1, 2]
    _taken(audit, 1)
    audit.rooms.run(audit.chain.release, FAR, audit.rooms.clock.now)

    assert _claim(audit) == [2, 3]


def test_one_worker_sends_at_a_time(audit: Audit) -> None:
    """While one holds the lease another gets nothing; one that died loses it after a while, and nothing is skipped."""
    other = audit.another_chain()
    assert _claim(audit) == [1, 2, 3]
    _taken(audit, 1)

    assert _claim(audit, other) == []
    audit.rooms.clock.tick(seconds=LEASE.total_seconds() - 1)
    assert _claim(audit, other) == []
    audit.rooms.clock.tick(seconds=1)
    assert _claim(audit, other) == [2, 3]


def test_a_slow_worker_takes_nothing_back(audit: Audit) -> None:
    """What another has sent meanwhile stays sent."""
    _claim(audit)
    _taken(audit, 3)
    _taken(audit, 2)
    audit.rooms.run(audit.chain.release, FAR, audit.rooms.clock.now)

    assert _claim(audit) == []


def test_nothing_to_send_leaves_no_lease(audit: Audit) -> None:
    """The next head can be sent at once, by whomever."""
    _claim(audit)
    _taken(audit, 3)
    audit.rooms.run(audit.chain.release, FAR, audit.rooms.clock.now)
    assert _claim(audit) == []

    audit.note("ant")
    audit.append()

    assert _claim(audit, audit.another_chain()) == [4]


def test_another_sink_begins_anew(audit: Audit) -> None:
    """Each address has its own place in the line; the database does not hold the address, which may have a password."""
    _claim(audit)
    _taken(audit, 3)
    heads: list[Head] = audit.rooms.run(audit.chain.claim, "file:heads.jsonl", audit.rooms.clock.now, 10)

    assert [head.number for head in heads] == [1, 2, 3]
    rows = audit.rooms.rows(audit_sent)
    assert len(rows) == 2
    assert "canary" not in repr(rows)
    assert {row["leased_until"] for row in rows} == {audit.rooms.clock.now + timedelta(minutes=2)}
