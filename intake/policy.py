"""Policy versions: which one is in force (S27)."""

from __future__ import annotations

from datetime import datetime

from intake.rules import PolicyVersion, Rules


def in_force(rules: Rules, now: datetime) -> PolicyVersion:
    """Return the newest version whose effective date has come. Rules guarantee that there is one. Source: S27."""
    today = now.astimezone(rules.hours.zone).date()
    started = [version for version in rules.policies.values() if version.effective_on <= today]
    return max(started, key=lambda version: version.effective_on)
