"""Policy versions: which one is in force (S27)."""

from __future__ import annotations

from datetime import datetime

from intake.rules import PolicyVersion, Rules


def in_force(rules: Rules, now: datetime) -> PolicyVersion:
    """Return the newest version whose effective date has come; before the first date, the first. Source: S27."""
    today = now.astimezone(rules.hours.zone).date()
    by_date = sorted(rules.policies.values(), key=lambda version: version.effective_on)
    started = [version for version in by_date if version.effective_on <= today]
    return started[-1] if started else by_date[0]
