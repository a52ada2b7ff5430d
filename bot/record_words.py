"""A person's record in words: who received and opened details, what may still be done with them (S12, S21)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.drawing import is_question, moment
from bot.texts import Texts
from config.load import spelt_list
from intake.consent import has_ended, may_be_replaced
from intake.rules import VISIT


def worded(record: Mapping[str, Any], texts: Texts, locale: str) -> dict[str, Any]:
    """Return a drawn record with the reader's words for who it was and what for, and what may still be done with it."""
    decided = {one["purpose"]: one["decision"] for one in record["consents"]}  # the last one of each holds
    return {
        **record,
        "fields": [
            {**one, "correctable": may_be_replaced(texts.rules, one["field"], decided)}
            for one in _ending(record, texts)
        ],
        "recipients": [
            {**row, "name": _actor(row["recipient"], texts, locale) or row["name"]}
            for row in record["recipients"]
        ],
        "opened_by": [
            {**row, "name": _opener(row["by"], texts, locale), "about": _about(row, texts, locale)}
            for row in record["opened_by"]
        ],
        "unusable": texts.say("record.unusable", locale) if _unusable(record, decided, texts) else "",
    }


def _unusable(record: Mapping[str, Any], decided: Mapping[str, str], texts: Texts) -> bool:
    """Say whether details are kept that nobody may use any more; questions and the visit record are none (L3)."""
    names = (one["field"] for one in record["fields"])
    details = any(not is_question(name) and name not in texts.rules.visit for name in names)
    return details and has_ended(decided)


def _ending(record: Mapping[str, Any], texts: Texts) -> list[dict[str, Any]]:
    """Return the fields; items of the visit record with their end, which is as the sweep has it (S12)."""
    visit = [one["given_at"] for one in record["fields"] if one["field"] in texts.rules.visit]
    purpose = texts.rules.purposes.get(VISIT)
    if not visit or not purpose:
        return list(record["fields"])
    ends = moment(datetime.fromisoformat(max(visit)) + purpose.keep)
    until = min(ends, record["keeps_until"] or ends)
    return [
        {**one, "keeps_until": until} if one["field"] in texts.rules.visit else one
        for one in record["fields"]
    ]


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
