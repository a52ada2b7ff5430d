"""The company's rules, frozen: what the engine, the store and the wording are told by configuration.

Every `Mapping[str, str]` here maps a locale ("en", "zh-CN") to text. Built by `intake.reading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as slot
from datetime import date, time, timedelta, tzinfo

Localised = Mapping[str, str]
RULES_KEPT = 4  # rules for which what is derived from them is kept ready; a desk has one

# Purposes that the code knows by their id (docs/contract.md, "Purposes"); any others are configuration's alone.
CONTACT = "contact"  # the consultation itself: without it nothing of a person is kept
KEEP_LONGER = "keep_longer"  # lengthens how long a lead is kept
VISIT = "visit"  # the visit record
ABROAD = "telegram_abroad"  # Telegram's servers; a question of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who runs the desk: the controller (personal information handler) and how to reach it."""

    name: Localised
    address: Localised
    officer: Localised
    email: str
    phone: str
    country: str  # ISO 3166-1 alpha-2: where the details are kept; default region of phone numbers too


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A web site that may embed the desk (S1)."""

    id: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic button of the greeting."""

    id: str
    label: Localised


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a field of kind `choice`."""

    id: str
    label: Localised


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An entry of the field registry (S4)."""

    name: str
    kind: str  # text name tel email choice uscc address
    label: Localised
    why: Localised
    warning: Localised  # empty unless sensitive (S7)
    warning_sha256: Localised  # of the warning's UTF-8 text
    words: tuple[str, ...]  # words in any language that mean it, for "correct phone"
    max_length: int  # characters
    asked: bool
    required: bool
    sensitive: bool
    separate_consent: bool  # L2
    purpose: str
    choices: tuple[Choice, ...]
    autocomplete: str  # HTML autofill token


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One purpose of the consent card."""

    id: str
    label: Localised
    text: Localised
    words: tuple[str, ...]
    required: bool
    marketing: bool  # sharing or marketing: Global Privacy Control refuses it (L13)
    question: bool  # asked as a question of its own (telegram_abroad), never on the card
    fields: tuple[str, ...]  # names of fields, or of items of the visit record
    keep: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who receives leads (S16). `secret_env` names the environment variable that holds the webhook secret."""

    id: str
    name: Localised
    kind: str  # webhook | mail
    address: str  # URL or e-mail address
    purpose: str
    fields: tuple[str, ...]
    agreement: str
    country: str
    secret_env: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept that no purpose's `keep` governs (S12)."""

    draft: timedelta
    session: timedelta
    withdrawn: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """How long a page in use counts as its person's, and how long a device may be remembered (S8)."""

    idle: timedelta
    remembered: timedelta  # counted from the last visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Business hours, and how many working hours an answer may take."""

    zone: tzinfo
    weekdays: tuple[int, ...]  # 0 = Monday
    opens: time
    closes: time
    answer_within: timedelta  # of working time


@dataclass(frozen=True, slots=True)
class Faq:
    """A prepared answer; given when every word of one of the `asks` of a language stands in the question."""

    id: str
    asks: Mapping[str, tuple[tuple[str, ...], ...]]
    answer: Localised


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A version of the privacy policy (S26–S28)."""

    version: str
    published_on: date
    effective_on: date
    changes: Localised  # what is new, in a sentence
    major: tuple[str, ...]  # which of the major changes it makes (S28); empty: none
    reduces_rights: bool  # binds only those who accept it (S26)
    notice_sha256: Localised  # of the document's UTF-8 text with the placeholders filled in, by locale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """Everything configured, checked, frozen. What is derived from it is kept by its identity."""

    company: Company
    sites: Mapping[str, Site]
    topics: Mapping[str, Topic]
    fields: Mapping[str, Field]  # in configured order, need not included
    visit: Mapping[str, Localised]  # label of each item of the visit record (S3)
    purposes: Mapping[str, Purpose]
    recipients: Mapping[str, Recipient]
    retention: Retention
    sessions: Sessions
    hours: Hours
    faq: tuple[Faq, ...]
    policies: Mapping[str, PolicyVersion]  # by version, oldest first
    locales: Mapping[str, tuple[str, ...]]  # locale -> words that mean it; the first locale is the default
    need_max: int  # characters
    contact_fields: tuple[str, ...]  # either may be skipped, not all (phone, email)
    # option, or need -> its label in every language
    labels: Mapping[str, tuple[str, ...]] = slot(default_factory=dict)

    @property
    def default_locale(self) -> str:
        """Return the first configured locale."""
        return next(iter(self.locales))
