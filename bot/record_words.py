"""Who received and who opened a person's details, in words: the record itself holds ids (S21)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.texts import Texts
from config.load import spelt_list


def worded(record: Mapping[str, Any], texts: Texts, locale: str) -> dict[str, Any]:
    """Return a drawn record whose recipients and openings say in the reader's words who it was and what for."""
    return {
        **record,
        "recipients": [
            {**row, "name": _actor(row["recipient"], texts, locale) or row["name"]}
            for row in record["recipients"]
        ],
        "opened_by": [
            {**row, "name": _opener(row["by"], texts, locale), "about": _about(row, texts, locale)}
            for row in record["opened_by"]
        ],
    }


def _opener(by: str, texts: Texts, locale: str) -> str:
    """Return who opened details: a colleague stays unnamed, a recipient does not."""
    kind, _, one = by.partition(":")
    if kind == "recipient" and one in texts.rules.recipients:
        return texts.rules.recipients[one].name[locale]
    return _actor(kind, texts, locale) or by


def _actor(kind: str, texts: Texts, locale: str) -> str:
    return texts.say(f"actor.{kind}", locale) if texts.has(f"actor.{kind}", locale) else ""


def _about(row: Mapping[str, Any], texts: Texts, locale: str) -> str:
    """Return what details were opened for, and which."""
    fields: Sequence[str] = [texts.field_label(name, locale) for name in row["fields"]]
    purpose = texts.purpose_label(row["purpose"], locale)
    return texts.say("noted", locale, text=purpose, note=spelt_list(fields, locale))
