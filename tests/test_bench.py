"""The benchmarks of sealing run, and measure what they say; how fast it is, `make bench` tells."""

from __future__ import annotations

import pytest

from tests.bench import lookup, sealing


def test_sealing_is_measured_beside_everybody() -> None:
    """The desk, the bare cipher, Fernet and every engine of sqlalchemy-utils: each opens what it has sealed."""
    found = sealing.measure(rounds=1)

    assert {sealing.OURS, sealing.BARE} < set(found)
    assert len(found) == 6
    assert all(0 < one.sealing < float("inf") and 0 < one.opening < float("inf") for one in found.values())


def test_look_ups_are_measured_beside_a_plain_column(capsys: pytest.CaptureFixture[str]) -> None:
    """Both find the same person among many, by real rows."""
    lookup.report(count=300, times=20)

    assert "times the plain column" in capsys.readouterr().out
