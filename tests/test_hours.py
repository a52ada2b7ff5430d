"""When an answer may be expected: working time in the company's own zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from intake.hours import answer_due
from intake.rules import Hours

ZONE = ZoneInfo("Asia/Shanghai")
HOURS = Hours(
    zone=ZONE,
    weekdays=(0, 1, 2, 3, 4),
    opens=time(9),
    closes=time(18),
    answer_within=timedelta(hours=8),
)


def at(text: str) -> datetime:
    """Return a moment in the company's zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ("2026-11-23T09:00", "2026-11-23T17:00"),  # Monday at opening: the same day
        ("2026-11-23T12:00", "2026-11-24T11:00"),  # Monday noon: two hours of Tuesday
        ("2026-11-23T05:00", "2026-11-23T17:00"),  # before opening counts from opening
        ("2026-11-23T20:00", "2026-11-24T17:00"),  # after closing counts from the next morning
        ("2026-11-27T17:00", "2026-11-30T16:00"),  # Friday evening: the weekend does not count
        ("2026-11-28T12:00", "2026-11-30T17:00"),  # Saturday: Monday
    ],
)
def test_an_answer_is_due_in_working_time(asked: str, due: str) -> None:
    """Eight working hours pass only while the company is at work."""
    assert answer_due(at(asked), HOURS) == at(due)


def test_an_endless_promise_ends_at_the_horizon() -> None:
    """Hours that never come still give a date."""
    never = replace(HOURS, answer_within=timedelta(hours=10_000))

    assert answer_due(at("2026-11-23T09:00"), never) == at("2026-11-23T09:00") + timedelta(days=62)
