"""What is expected next, drawn for any client: the contract's `expects` with labels, reasons and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from bot.texts import Texts
from intake import answers, codes, masking
from intake.asking import NEED
from intake.outcomes import Expects
from intake.policy import newer
from intake.rules import Purpose
from intake.screening import screen
from storage.records import KeptField, Record

DRAWN_MAX = 8_192  # drawings kept ready: more questions than any configuration asks, in all languages
MOMENTS_KEPT = 1_024  # moments: a turn's messages have its one moment, and so has its record

_LABELLED = frozenset(("text", "tel", "email"))


@lru_cache(MOMENTS_KEPT)
def moment(at: datetime) -> str:
    """Return a moment as RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Drawing:
    """Draws `expects`. What does not depend on a person is drawn once and shared: never change a result."""

    def __init__(self, texts: Texts) -> None:
        """Draw with these texts and their rules."""
        self._texts = texts
        self._rules = texts.rules
        self.expects = lru_cache(DRAWN_MAX)(self._expects)
        self.option = lru_cache(DRAWN_MAX)(self._option)

    def value(self, name: str, value: str, locale: str, *, masked: bool) -> str:
        """Return how the value of a field is read, masked where the reader may not see it."""
        field = self._rules.fields.get(name)
        if field is None and not masked:
            return value
        if (
            field is None
        ):  # the person's own words; an item of the visit record, or a field that is asked no more
            return self.screened(value) if is_question(name) else masking.MASK
        if masked:
            return masking.masked(field.kind, value)
        if field.kind == "choice":
            return next((choice.label[locale] for choice in field.choices if choice.id == value), value)
        return answers.shown(field.kind, value)

    def screened(self, text: str) -> str:
        """Return free text with what is personal in it masked."""
        return screen(text, region=self._rules.company.country).text

    def review(
        self, expects: Expects, locale: str, values: Mapping[str, str], *, masked: bool
    ) -> dict[str, Any]:
        """Return the review card with the values that are kept."""
        return {
            **self.expects(expects, locale),
            "fields": [
                {
                    "field": name,
                    "label": self._texts.field_label(name, locale),
                    "value": self.value(name, values[name], locale, masked=masked),
                    "sensitive": self._sensitive(name),
                }
                for name in expects.fields
                if name in values
            ],
        }

    def record(self, record: Record, locale: str, *, masked: bool) -> dict[str, Any]:
        """Return everything that "view" and `GET /me` show (S21)."""
        return {
            "fields": [self._kept(kept, locale, masked=masked) for kept in record.fields],
            "consents": [
                _plain({**row, "label": self._label(row, "purpose", locale)}) for row in record.consents
            ],
            "recipients": [
                _plain({**row, "name": self._recipient(row, locale)}) for row in record.recipients
            ],
            "opened_by": [_plain(row) for row in record.opened_by],
            "keeps_until": moment(record.keeps_until) if record.keeps_until else None,
            "masked": masked,
        }

    def _kept(self, kept: KeptField, locale: str, *, masked: bool) -> dict[str, Any]:
        return {
            "field": kept.name,
            "label": self._texts.field_label(kept.name, locale),
            "value": self.value(kept.name, kept.value, locale, masked=masked),
            "sensitive": self._sensitive(kept.name),
            "given_at": moment(kept.given_at),
            "policy": kept.policy,
        }

    def _label(self, row: Mapping[str, Any], key: str, locale: str) -> str:
        return self._texts.purpose_label(str(row.get(key, "")), locale)

    def _recipient(self, row: Mapping[str, Any], locale: str) -> str:
        known = self._rules.recipients.get(str(row.get("recipient", "")))
        return known.name[locale] if known else str(row.get("recipient", ""))

    def _asked(self, name: str) -> bool:
        """Say whether the desk asks for a field; items of the visit record are always meant."""
        field = self._rules.fields.get(name)
        return field is None or field.asked

    def _sensitive(self, name: str) -> bool:
        """Say whether a value is sensitive; so is that of a field which is configured no more."""
        field = self._rules.fields.get(name)
        return field.sensitive if field else not is_question(name) and name not in self._rules.visit

    def _expects(self, expects: Expects, locale: str) -> dict[str, Any]:
        drawn: dict[str, Any] = {"kind": expects.kind}
        if expects.kind == "consent":
            drawn |= self._consent(expects, locale)
        elif expects.kind in _LABELLED or (expects.kind == "choice" and expects.name in self._rules.fields):
            drawn |= self._question(expects, locale)
        elif expects.name:
            drawn["name"] = expects.name
        if expects.kind == "code":
            drawn["length"] = codes.LENGTH
        if expects.options or expects.kind in _LABELLED:
            drawn["options"] = [
                {"value": one, "label": self.option(_as_drawn(one, expects), locale)}
                for one in expects.options
            ]
        return drawn

    def _question(self, expects: Expects, locale: str) -> dict[str, Any]:
        """Return the keys of a question; a sensitive one always carries its warning (S7)."""
        field = self._rules.fields.get(expects.name)
        drawn: dict[str, Any] = {
            "name": expects.name,
            "label": self._texts.field_label(expects.name, locale),
            "why": field.why[locale] if field else self._texts.say(f"why.{NEED}", locale),
            "max_length": field.max_length if field else self._rules.need_max,
            "optional": expects.optional,
            "sensitive": field is not None and field.sensitive,
        }
        if field and field.sensitive:
            drawn["warning"] = field.warning[locale]
        if field and field.autocomplete:
            drawn["autocomplete"] = field.autocomplete
        if expects.of:
            drawn["progress"] = {"step": expects.step, "of": expects.of}
        return drawn

    def _consent(self, expects: Expects, locale: str) -> dict[str, Any]:
        version = self._rules.policies.get(expects.policy)
        policy: dict[str, Any] = {
            "version": expects.policy,
            "url": self._texts.policy_url(locale, expects.policy),
            "notice_sha256": version.notice_sha256[locale] if version else "",
        }
        if expects.since and version:
            policy["changed"] = {
                "since": expects.since,
                "changes": [one.changes[locale] for one in newer(self._rules, expects.since, expects.policy)],
                "url": self._texts.policy_diff_url(locale, expects.since, expects.policy),
            }
        return {
            "policy": policy,
            "purposes": [
                self._purpose(self._rules.purposes[one], locale)
                for one in expects.purposes
                if one in self._rules.purposes
            ],
        }

    def _purpose(self, purpose: Purpose, locale: str) -> dict[str, Any]:
        return {
            "id": purpose.id,
            "label": purpose.label[locale],
            "text": purpose.text[locale],
            "required": purpose.required,
            "sensitive": any(self._sensitive(name) for name in purpose.fields),
            "fields": [name for name in purpose.fields if self._asked(name)],
        }

    def _option(self, value: str, locale: str) -> str:
        """Return the label of an option value; one that is no longer configured shows its id."""
        texts = self._texts
        if texts.has(f"option.{value}", locale):
            return texts.say(f"option.{value}", locale)
        head, _, rest = value.partition(":")
        last = rest.rpartition(":")[2]
        if head == "topic":
            return texts.topic_label(rest, locale)
        if head == "field":
            return self.value(rest.partition(":")[0], last, locale, masked=False)
        if head == "review" and rest.startswith("add:"):  # what was skipped
            return texts.say("option.review:add", locale, field=last)
        if head == "review":
            return texts.say("option.review:change", locale, field=last)
        if head == "withdraw":
            return texts.say("option.withdraw", locale, purpose=rest)
        if head == "correct":
            return texts.say("option.correct", locale, field=rest)
        return texts.say(f"command.{rest}", locale) if texts.has(f"command.{rest}", locale) else rest


def is_question(name: str) -> bool:
    """Tell the person's own words, of this consultation or an earlier one (`need:1`), from what was asked of them."""
    return name == NEED or name.startswith(f"{NEED}:")


def _as_drawn(option: str, expects: Expects) -> str:
    """Return under which value the label of an option stands: on the review card, what was skipped is added."""
    name = option.removeprefix(_CHANGE)
    skipped = expects.kind == "review" and option.startswith(_CHANGE) and name not in expects.fields
    return f"review:add:{name}" if skipped else option


_CHANGE = "review:change:"


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: moment(value) if isinstance(value, datetime) else value for key, value in row.items()}
