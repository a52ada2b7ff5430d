"""Policy versions: which one is in force, which is coming, and which consents a major one outdates (S27, S28)."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

from intake.conversation import Conversation
from intake.rules import CONTACT, RULES_KEPT, PolicyVersion, Rules


def in_force(rules: Rules, now: datetime) -> PolicyVersion:
    """Return the newest version whose effective date has come; before the first date, the first. Source: S27."""
    by_date = _by_date(rules)
    started = [version for version in by_date if version.effective_on <= _today(rules, now)]
    return started[-1] if started else by_date[0]


def coming(rules: Rules, now: datetime) -> PolicyVersion | None:
    """Return the next version that is published and not yet in force (S27), if there is one."""
    today = _today(rules, now)
    return next((one for one in _by_date(rules) if one.published_on <= today < one.effective_on), None)


def newer(rules: Rules, agreed: str, current: str) -> tuple[PolicyVersion, ...]:
    """Return the versions after `agreed` up to `current`, oldest first; after one that is configured no more, all."""
    by_date = _by_date(rules)
    names = [one.version for one in by_date]
    begin = names.index(agreed) + 1 if agreed in names else 0
    return by_date[begin : names.index(current) + 1]


def outdated(rules: Rules, agreed: str, now: datetime) -> bool:
    """Tell whether a major version came into force after the one agreed to: then nothing more is collected (S28)."""
    current = in_force(rules, now).version
    return agreed != current and any(one.major for one in newer(rules, agreed, current))


def consent_outdated(rules: Rules, state: Conversation, now: datetime) -> bool:
    """Tell whether the consent that this conversation stands on must be asked again (S28)."""
    return CONTACT in state.agreed and outdated(rules, state.policy, now)


@lru_cache(RULES_KEPT)
def _by_date(rules: Rules) -> tuple[PolicyVersion, ...]:
    return tuple(sorted(rules.policies.values(), key=lambda version: version.effective_on))


def _today(rules: Rules, now: datetime) -> date:
    """Return the date in the company's zone: that is where versions are published and take effect."""
    return now.astimezone(rules.hours.zone).date()
