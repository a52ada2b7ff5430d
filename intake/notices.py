"""What a message adds where it is so: that nobody is there now, that a new policy is coming."""

from __future__ import annotations

from intake.asking import Given
from intake.hours import answer_due, is_open
from intake.policy import coming


def notice_closed(given: Given) -> dict[str, str]:
    """Return what a message adds outside business hours: `answer_by`, the moment by which a colleague answers."""
    hours = given.rules.hours
    return {} if is_open(given.now, hours) else {"answer_by": answer_due(given.now, hours).isoformat()}


def notice_coming(given: Given) -> dict[str, str]:
    """Return what a message adds while a new version of the policy is announced: `coming`, its name (S27)."""
    ahead = coming(given.rules, given.now)
    return {"coming": ahead.version} if ahead else {}
