"""Texts in the reader's language: wording keys and configured labels, what never changes filled in once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_name

from config.load import placeholders, spelt_duration, spelt_list
from intake.asking import NEED, asked_fields
from intake.rules import CONTACT, Rules

SHOWN_MAX = 4_096  # drawn dates and labels kept ready; more than any configuration has


class Texts:
    """Says keys in a language. Built once; knows no person."""

    def __init__(self, rules: Rules, catalogues: Mapping[str, Mapping[str, str]], public_url: str) -> None:
        """Fill the company, the periods and the addresses into every text of `catalogues`."""
        self.rules = rules
        self._public_url = public_url
        self._ready = {locale: self._filled(catalogues[locale], locale) for locale in rules.locales}
        shown_moment = lru_cache(SHOWN_MAX)(self._moment)
        self._resolvers: Mapping[str, Callable[[str, str], str]] = {
            "field": self.field_label,
            "topic": self.topic_label,
            "purpose": self.purpose_label,
            "purposes": lambda ids, locale: spelt_list(
                [self.purpose_label(one, locale) for one in ids.split(",")], locale
            ),
            "found": lambda kinds, locale: spelt_list(
                [self.say(f"found.{kind}", locale) for kind in kinds.split(",")], locale
            ),
            **dict.fromkeys(("due", "at", "answer_by"), shown_moment),
        }

    def known(self, locale: str) -> str:
        """Return `locale`, or the default one where it is no longer configured."""
        return locale if locale in self._ready else self.rules.default_locale

    def has(self, key: str, locale: str) -> bool:
        """Tell whether the catalogue has a text for `key`."""
        return key in self._ready[locale]

    def say(self, key: str, locale: str, **params: str) -> str:
        """Return the text of `key`. Ids and times in `params` are shown as their labels and dates.

        Raises KeyError for a key or placeholder that the catalogue does not fill: ours to mend, never the visitor's.
        """
        text, is_open = self._ready[self.known(locale)][key]
        return text.format_map(self._shown(params, self.known(locale))) if is_open else text

    def policy_url(self, locale: str, version: str = "") -> str:
        """Return where the policy (of a version, or the one in force) is read."""
        return f"{self._public_url}/policy{'/' if version else ''}{version}?lang={locale}"

    def policy_diff_url(self, locale: str, older: str, newer: str) -> str:
        """Return where two versions are compared; the newer one itself, where the older one is configured no more."""
        if older not in self.rules.policies:
            return self.policy_url(locale, newer)
        return f"{self._public_url}/policy/diff/{older}/{newer}?lang={locale}"

    def announcement(self, version: str, locale: str) -> dict[str, str]:
        """Return what is said of a version to come: its date in words, what it changes, where it is read."""
        one = self.rules.policies[version]
        date = format_date(one.effective_on, "long", locale=Locale.parse(locale, sep="-"))
        return {"date": date, "changes": one.changes[locale], "url": self.policy_url(locale, version)}

    def field_label(self, name: str, locale: str) -> str:
        """Return what a field, the question or an item of the visit record is called."""
        name = name.removeprefix("field:")  # the purpose of a consent of the field's own
        name = NEED if name.startswith(f"{NEED}:") else name  # the question of an earlier consultation
        if name in self.rules.fields:
            return self.rules.fields[name].label[locale]
        if self.has(f"label.{name}", locale):
            return self.say(f"label.{name}", locale)
        return self.rules.visit[name][locale] if name in self.rules.visit else name

    def topic_label(self, topic: str, locale: str) -> str:
        """Return what a topic is called."""
        return self.rules.topics[topic].label[locale] if topic in self.rules.topics else topic

    def purpose_label(self, purpose: str, locale: str) -> str:
        """Return what a purpose is called; a field's own consent is called after the field."""
        if purpose in self.rules.purposes:
            return self.rules.purposes[purpose].label[locale]
        return self.field_label(purpose, locale)

    def faq(self, answer: str, locale: str) -> str:
        """Return a prepared answer, or "" when it is configured no more."""
        return next((faq.answer[locale] for faq in self.rules.faq if faq.id == answer), "")

    def _shown(self, params: Mapping[str, str], locale: str) -> dict[str, str]:
        resolvers = self._resolvers
        return {
            name: resolvers[name](value, locale) if name in resolvers else value
            for name, value in params.items()
        }

    def _moment(self, at: str, locale: str) -> str:
        """Return an ISO 8601 moment as the locale writes it, in the company's zone, which is named."""
        zone, babel = self.rules.hours.zone, Locale.parse(locale, sep="-")
        moment = datetime.fromisoformat(at).astimezone(zone)
        return self.say(
            "moment",
            locale,
            day=format_date(moment, "full", locale=babel),
            time=format_time(moment, "short", locale=babel),
            zone=get_timezone_name(zone, locale=babel, zone_variant="generic"),
        )

    def _filled(self, catalogue: Mapping[str, str], locale: str) -> dict[str, tuple[str, bool]]:
        """Return every text with its static placeholders filled in, and whether others are still open."""
        fixed = self._fixed(locale)
        ready = {}
        for key, text in catalogue.items():
            is_open = not placeholders(text) <= set(fixed)
            ready[key] = (text.format_map(_Partly(fixed) if is_open else fixed), is_open)
        return ready

    def _fixed(self, locale: str) -> dict[str, str]:
        rules = self.rules
        return {
            "company": rules.company.name[locale],
            "contact": spelt_list([rules.company.email, rules.company.phone], locale),
            "email": rules.company.email,
            "phone": rules.company.phone,
            "public_url": self._public_url,
            "policy_url": self.policy_url(locale),
            "fields": spelt_list([rules.fields[name].label[locale] for name in asked_fields(rules)], locale),
            "keep": spelt_duration(rules.purposes[CONTACT].keep, locale),
            "session": spelt_duration(rules.retention.session, locale),
            "draft": spelt_duration(rules.retention.draft, locale),
            "withdrawn": spelt_duration(rules.retention.withdrawn, locale),
        }


class _Partly(dict[str, str]):
    """Fills what it knows and leaves the other placeholders standing."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__({name: value.replace("{", "{{").replace("}", "}}") for name, value in known.items()})

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"
