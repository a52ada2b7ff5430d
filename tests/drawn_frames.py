"""The shipped wording and an invented visitor, for the tests of texts, drawings and frames."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bot.wording import Wording
from config.load import Loaded, load
from intake.asking import field_question
from intake.conversation import Conversation, Stage
from intake.events import ColleagueSaid
from intake.outcomes import Heard, Reply
from intake.rules import Rules
from storage.records import Message, Record

LOCALES = ("en", "zh-CN")
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PHONE = "+8613800000000"  # invented
VALUES = {
    "name": "李华",
    "phone": PHONE,
    "email": "li.hua@example.com",
    "industry": "water",
    "need": "Price?",
}


@cache
def loaded() -> Loaded:
    """Return the shipped configuration."""
    return load(Path("config"))


def rules() -> Rules:
    """Return the shipped rules."""
    return loaded().rules


def catalogue(locale: str) -> Mapping[str, str]:
    """Return the shipped texts of a language."""
    return loaded().catalogues[locale]


@cache
def wording() -> Wording:
    """Return the shipped texts, ready to be said."""
    return Wording(rules(), loaded().catalogues, "https://desk.example.com")


def message(body: Heard | Reply | ColleagueSaid | None, locale: str = "en", client_id: str = "") -> Message:
    """Return a message of a transcript."""
    sender = {Heard: "visitor", ColleagueSaid: "staff"}.get(type(body), "bot")
    return Message(seq=7, sender=sender, at=NOW, locale=locale, body=body, client_id=client_id)


def drawn(
    body: Heard | Reply | ColleagueSaid | None,
    locale: str = "en",
    *,
    masked: bool = False,
    record: Record | None = None,
) -> dict[str, Any]:
    """Return the frame of a message about the invented visitor."""
    return wording().frame(message(body, locale), values=VALUES, record=record, masked=masked)


def question(name: str, locale: str = "en") -> Reply:
    """Return the engine's own question for a field."""
    asking = Conversation(channel="web", site="default", locale=locale, stage=Stage.FIELD, field=name)
    return field_question(asking, rules(), name, aside=False)
