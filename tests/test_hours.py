"""When an answer may be expected: working time in the company's own zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from intake.events import Opened
from intake.hours import answer_due, is_open
from intake.rules import Hours
from tests.talk import Talk, to_sent

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


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23T09:00", ""),  # Monday, the moment it opens
        ("2026-11-23T17:59:59", ""),
        ("2026-11-23T18:00", "2026-11-24T17:00"),  # the moment it closes
        ("2026-11-23T08:59", "2026-11-23T17:00"),
        ("2026-11-28T12:00", "2026-11-30T17:00"),  # Saturday
    ],
)
def test_only_outside_business_hours_is_somebody_told_that_nobody_is_there(now: str, due: str) -> None:
    """The desk is open in business hours; else it is said when an answer comes."""
    greeted = Talk(now=at(now)).last.replies[0].params

    assert is_open(at(now), HOURS) is not bool(due)
    assert greeted == ({"answer_by": at(due).isoformat()} if due else {})


def test_the_greeting_and_the_wish_for_a_human_tell_closed_hours() -> None:
    """On a Saturday both say when an answer comes; on a Monday at noon neither does."""
    due = at("2026-11-30T17:00").isoformat()
    closed, opened = Talk(now=at("2026-11-28T12:00")), Talk()

    greetings = [talk.last.replies[0].params for talk in (closed, opened, closed.meet(Opened("gateway")))]
    humans = [talk.pick("command:human").last.replies[0].params for talk in (closed, opened)]

    assert greetings == [{"answer_by": due}, {}, {"answer_by": due}]
    assert humans == [{"answer_by": due}, {}]


def test_who_calls_a_colleague_after_sending_is_told_closed_hours_too() -> None:
    """Sales is told at once, and the person that an answer comes on Monday."""
    sent = to_sent()
    sent.now = at("2026-11-28T12:00")

    called = sent.pick("command:human").last.replies[0]

    assert (called.key, called.params["answer_by"]) == ("human.called", at("2026-11-30T17:00").isoformat())
