"""Checked entries become frozen `Rules`; the placeholders of their texts are filled in.

So a notice cannot drift from what is configured: the warning's "180 days" is the purpose's `keep` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

from intake.checks import Weekday
from intake.entries import (
    FaqEntry,
    FieldEntry,
    HoursEntry,
    IntakeEntry,
    LabelledEntry,
    PolicyEntry,
    PurposeEntry,
    RecipientEntry,
)
from intake.faults import Fault
from intake.rules import (
    Choice,
    Company,
    Faq,
    Field,
    Hours,
    Localised,
    PolicyVersion,
    Purpose,
    Recipient,
    Retention,
    Rules,
    Sessions,
    Site,
    Topic,
)

INTAKE_FILE = "intake.toml"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PolicySource:
    """What stands in one folder of `config/policy`: the table of `policy.toml` and the texts by locale."""

    table: Mapping[str, Any]
    texts: Localised


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a locale writes a length of time, a list, and that a list of people is empty."""

    duration: Callable[[timedelta, str], str]
    listing: Callable[[Sequence[str], str], str]
    nobody: Mapping[str, str]  # by locale


class Assembly:
    """Builds the rules; `faults` grows by each placeholder that nothing fills."""

    def __init__(self, intake: IntakeEntry, spelling: Spelling) -> None:
        self.faults: list[Fault] = []
        self._intake = intake
        self._spelling = spelling
        # What a notice lists: a field that nobody is asked for is not collected.
        self._labels = {entry.name: entry.label for entry in intake.fields if entry.asked}
        self._labels |= {entry.name: entry.label for entry in intake.visit}
        self._keep = {purpose.id: purpose.keep for purpose in intake.purposes}

    def rules(self, policies: Mapping[str, PolicySource], entries: Mapping[str, PolicyEntry]) -> Rules:
        """Return the rules. They hold only as long as `faults` stays empty."""
        intake = self._intake
        return Rules(
            company=Company(**intake.company.model_dump()),
            sites=_frozen(
                {entry.id: Site(id=entry.id, origins=tuple(entry.origins)) for entry in intake.sites}
            ),
            topics=_frozen({entry.id: Topic(entry.id, _frozen(entry.label)) for entry in intake.topics}),
            fields=_frozen({entry.name: self._field(entry) for entry in intake.fields}),
            visit=_frozen({entry.name: _frozen(entry.label) for entry in intake.visit}),
            purposes=_frozen({entry.id: self._purpose(entry) for entry in intake.purposes}),
            recipients=_frozen({entry.id: _recipient(entry) for entry in intake.recipients}),
            retention=Retention(**intake.retention.model_dump()),
            sessions=Sessions(**intake.sessions.model_dump()),
            hours=_hours(intake.hours),
            faq=tuple(self._faq(entry) for entry in intake.faq),
            policies=_frozen(
                {version: self._policy(entries[version], policies[version]) for version in policies}
            ),
            locales=_frozen({locale: _words(words) for locale, words in intake.languages.items()}),
            need_max=intake.need_max,
            contact_fields=tuple(intake.contact_fields),
        )

    def policy_texts(self, version: str, source: PolicySource) -> Localised:
        """Return a policy version's documents, placeholders filled in."""
        return {
            locale: self._filled(f"policy/{version}/{locale}.md", "(the text)", source.texts[locale], values)
            for locale, values in self._policy_values().items()
        }

    def _policy(self, entry: PolicyEntry, source: PolicySource) -> PolicyVersion:
        texts = self.policy_texts(entry.version, source)
        return PolicyVersion(
            version=entry.version,
            published_on=entry.published_on,
            effective_on=entry.effective_on,
            changes=_frozen(entry.changes),
            major=tuple(entry.major),
            reduces_rights=entry.reduces_rights,
            notice_sha256=_hashes(texts),
        )

    def _policy_values(self) -> dict[str, dict[str, str]]:
        retention = self._intake.retention
        periods = {f"keep_{purpose}": keep for purpose, keep in self._keep.items()} | {
            "keep_draft": retention.draft,
            "keep_session": retention.session,
            "keep_withdrawn": retention.withdrawn,
        }
        values = self._values(periods)
        for locale, known in values.items():
            recipients = [entry.name[locale] for entry in self._intake.recipients]
            known["recipients"] = self._spelling.listing(
                recipients or [self._spelling.nobody[locale]], locale
            )
        return values

    def _field(self, entry: FieldEntry) -> Field:
        values = self._values({"keep": self._keep[entry.purpose]})
        key = f"fields[{entry.name}]"
        warning = self._localised(f"{key}.warning", entry.warning or {}, values)
        return Field(
            **entry.model_dump(exclude={"label", "why", "warning", "words", "choices"}),
            label=_frozen(entry.label),
            why=self._localised(f"{key}.why", entry.why, values),
            warning=warning,
            warning_sha256=_hashes(warning),
            words=_words((entry.name, *entry.words)),
            choices=tuple(_choice(choice) for choice in entry.choices),
        )

    def _purpose(self, entry: PurposeEntry) -> Purpose:
        values = self._values({"keep": entry.keep})
        for locale, known in values.items():
            known["fields"] = self._spelling.listing(
                [self._labels[name][locale] for name in entry.fields if name in self._labels], locale
            )
        return Purpose(
            **entry.model_dump(exclude={"label", "text", "words", "fields", "assessment"}),
            label=_frozen(entry.label),
            text=self._localised(f"purposes[{entry.id}].text", entry.text, values),
            words=_words((entry.id, *entry.words)),
            fields=tuple(entry.fields),
        )

    def _faq(self, entry: FaqEntry) -> Faq:
        asks = {
            locale: tuple(tuple(ask.split()) for ask in wordings) for locale, wordings in entry.asks.items()
        }
        answer = self._localised(f"faq[{entry.id}].answer", entry.answer, self._values({}))
        return Faq(entry.id, _frozen(asks), answer)

    def _values(self, periods: Mapping[str, timedelta]) -> dict[str, dict[str, str]]:
        """Return, by locale, what placeholders may name: the company's data and these lengths of time."""
        company = self._intake.company
        return {
            locale: {
                "company": company.name[locale],
                "address": company.address[locale],
                "officer": company.officer[locale],
                "email": company.email,
                "phone": company.phone,
                **{name: self._spelling.duration(period, locale) for name, period in periods.items()},
            }
            for locale in self._intake.languages
        }

    def _localised(self, key: str, texts: Localised, values: Mapping[str, Mapping[str, str]]) -> Localised:
        return _frozen(
            {
                locale: self._filled(INTAKE_FILE, f"{key}.{locale}", text, values[locale])
                for locale, text in texts.items()
            }
        )

    def _filled(self, file: str, key: str, text: str, values: Mapping[str, str]) -> str:
        try:
            return text.format_map(values)
        except (LookupError, ValueError, AttributeError):
            remedy = (
                f"use only {', '.join('{' + name + '}' for name in sorted(values))}; write {{{{ for a brace"
            )
            self.faults.append(Fault(file, key, "a placeholder that nothing fills", remedy))
            return text


def _recipient(entry: RecipientEntry) -> Recipient:
    return Recipient(
        **entry.model_dump(exclude={"name", "fields", "assessment"}),
        name=_frozen(entry.name),
        fields=tuple(entry.fields),
    )


def _hours(entry: HoursEntry) -> Hours:
    return Hours(
        zone=ZoneInfo(entry.zone),
        weekdays=tuple(sorted({get_args(Weekday).index(day) for day in entry.weekdays})),
        opens=entry.opens,
        closes=entry.closes,
        answer_within=entry.answer_within,
    )


def _choice(entry: LabelledEntry) -> Choice:
    return Choice(entry.id, _frozen(entry.label))


def _words(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip().casefold() for word in words))


def _hashes(texts: Localised) -> Localised:
    return _frozen({locale: sha256(text.encode()).hexdigest() for locale, text in texts.items()})


def _frozen(mapping: Mapping[str, _T]) -> Mapping[str, _T]:
    return MappingProxyType(dict(mapping))
