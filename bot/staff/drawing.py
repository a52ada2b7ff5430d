"""Draw a page of the console from its template: every text through the wording, every value escaped."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from bot.desk import Desk

FOLDER = Path(__file__).parent


class Drawing:
    """The console's templates, read once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def draw(self, template: str, locale: str, **values: Any) -> str:
        """Return the page in this language."""
        shared = {
            "locale": locale,
            "say": partial(self._desk.wording.say, locale=locale),
            "when": self._when,
            "when_where": self._when_where,
            "company": self._desk.rules.company.name[locale],
        }
        return self._templates.get_template(template).render(**shared, **values)

    def fault(self, code: str, locale: str) -> str:
        """Return one sentence for a stable code."""
        return self._desk.wording.say(f"staff.fault.{code}", locale)

    def _when(self, at: datetime) -> str:
        """Return a time at the company's place, the same in every language and easy to compare (ISO 8601)."""
        return at.astimezone(self._desk.rules.hours.zone).strftime("%Y-%m-%d %H:%M")

    def _when_where(self, at: datetime) -> str:
        """Return a time at the company's place, with the zone: what somebody said is compared across borders."""
        return at.astimezone(self._desk.rules.hours.zone).strftime("%Y-%m-%d %H:%M UTC%z")
