"""When a person may expect an answer, and whether anybody is there: working time, in the company's own zone."""

from __future__ import annotations

from datetime import datetime, timedelta

from intake.rules import Hours

_DAYS_LOOKED_AT = 62  # days; who promises an answer for later than that promises it for the end of them


def answer_due(now: datetime, hours: Hours) -> datetime:
    """Return when `hours.answer_within` of working time has passed since `now`, in the company's zone."""
    local = now.astimezone(hours.zone)
    left = hours.answer_within
    for day in (local.date() + timedelta(days=n) for n in range(_DAYS_LOOKED_AT)):
        if day.weekday() not in hours.weekdays:
            continue
        opens = datetime.combine(day, hours.opens, hours.zone)
        closes = datetime.combine(day, hours.closes, hours.zone)
        begin = max(opens, local)
        if begin >= closes:
            continue
        if begin + left <= closes:
            return begin + left
        left -= closes - begin
    return local + timedelta(days=_DAYS_LOOKED_AT)


def is_open(now: datetime, hours: Hours) -> bool:
    """Tell whether somebody is there: a working day between opening and closing, in the company's zone."""
    local = now.astimezone(hours.zone)
    return local.weekday() in hours.weekdays and hours.opens <= local.time() < hours.closes
