"""The shipped rules, changed by a test before they are read."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from config.load import spelt_duration, spelt_list
from intake.reading import Fault, PolicySource, RulesInvalid, Spelling, read_rules
from intake.rules import Rules

SHIPPED = tomllib.loads(Path("config/intake.toml").read_text(encoding="utf-8"))
POLICY: dict[str, Any] = tomllib.loads(Path("config/policy/2026-11/policy.toml").read_text(encoding="utf-8"))
RECIPIENT = {
    "id": "crm",
    "name": {"en": "CRM", "zh-CN": "客户系统"},
    "kind": "webhook",
    "address": "https://crm.example.com/hooks",
    "purpose": "affiliates",
    "fields": ["name", "email"],
    "agreement": "DPA-1",
    "country": "CN",
    "secret_env": "CRM_SECRET",
}

SPELLING = Spelling(spelt_duration, spelt_list, {"en": "nobody", "zh-CN": "无"})

Change = Callable[[dict[str, Any]], object]


def read(change: Change = lambda raw: None, *, policies: dict[str, PolicySource] | None = None) -> Rules:
    """Read the shipped rules after `change`."""
    raw = deepcopy(SHIPPED)
    change(raw)
    if policies is None:
        policies = {
            "2026-11": PolicySource(POLICY, {"en": "Policy of {company}", "zh-CN": "{company}的政策"})
        }
    rules, _ = read_rules(raw, policies, SPELLING)
    return rules


def faults(change: Change = lambda raw: None, **more: Any) -> tuple[Fault, ...]:
    """Return the faults of the shipped rules after `change`."""
    with pytest.raises(RulesInvalid) as refused:
        read(change, **more)
    return refused.value.faults


def with_recipient(**changes: Any) -> Change:
    """Add a recipient that is right except for `changes`."""
    return lambda raw: raw.update(recipients=[RECIPIENT | changes])


def entry(section: str, of: str, /, **changes: Any) -> Change:
    """Change one entry of a section."""

    def change(raw: dict[str, Any]) -> None:
        found = next(one for one in raw[section] if of in (one.get("id"), one.get("name")))
        found.update(changes)

    return change
