"""The shapes of `intake.toml` and `policy.toml`, entry by entry.

Every check of a value stands at the entry that it judges, so that one reading finds all faults; what an entry must know
of the others (languages, names of fields and purposes) is handed in as `Known`. What the values of one entry must be to
each other stands in `intake.together`.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from intake.checks import (
    Country,
    CoveredName,
    Duration,
    Email,
    FieldName,
    Localised,
    Major,
    Name,
    Origin,
    PurposeName,
    Version,
    Weekday,
    Word,
    Zone,
)


class Entry(BaseModel):
    """A table of the file: a misspelt key or a value of another type is a fault, never guessed at."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CompanyEntry(Entry):
    name: Localised
    address: Localised
    officer: Localised
    email: Email
    phone: Annotated[str, Field(min_length=3)]
    country: Country


class SiteEntry(Entry):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    origins: list[Origin]


class LabelledEntry(Entry):
    """A topic, or a choice of a field."""

    id: Name
    label: Localised


class VisitEntry(Entry):
    name: Name
    label: Localised


class FieldEntry(Entry):
    name: Name
    kind: Literal["text", "name", "tel", "email", "choice", "uscc", "address"]
    label: Localised
    why: Localised
    warning: Localised | None = None
    words: list[Word] = []
    max_length: Annotated[int, Field(ge=1, le=2_000)] = 200
    asked: bool
    required: bool = False
    sensitive: bool = False
    separate_consent: bool = False
    purpose: PurposeName
    choices: list[LabelledEntry] = []
    autocomplete: str = ""


class PurposeEntry(Entry):
    id: Name
    label: Localised
    text: Localised
    words: list[Word] = []
    required: bool = False
    marketing: bool = False
    question: bool = False
    fields: list[CoveredName]
    keep: Duration
    assessment: str = ""


class RecipientEntry(Entry):
    id: Name
    name: Localised
    kind: Literal["webhook", "mail"]
    address: str
    purpose: PurposeName
    fields: list[FieldName]
    agreement: str = ""
    country: Country
    assessment: str = ""
    secret_env: str = ""


class RetentionEntry(Entry):
    draft: Duration
    session: Duration
    withdrawn: Duration


class SessionsEntry(Entry):
    idle: Duration = timedelta(minutes=60)
    remembered: Duration = timedelta(days=30)


class HoursEntry(Entry):
    zone: Zone
    weekdays: Annotated[list[Weekday], Field(min_length=1)]
    opens: time
    closes: time
    answer_within: Duration


class FaqEntry(Entry):
    id: Name
    asks: dict[str, list[Word]]
    answer: Localised


class PolicyEntry(Entry):
    version: Version
    published_on: date
    effective_on: date
    changes: Localised
    major: list[Major]
    reduces_rights: bool


class IntakeEntry(Entry):
    """The whole of `intake.toml`."""

    need_max: Annotated[int, Field(ge=100, le=4_000)] = 2_000
    contact_fields: Annotated[list[FieldName], Field(min_length=1)]
    languages: Annotated[dict[str, list[Word]], Field(min_length=1)]
    company: CompanyEntry
    sites: Annotated[list[SiteEntry], Field(min_length=1)]
    topics: Annotated[list[LabelledEntry], Field(min_length=1)]
    fields: Annotated[list[FieldEntry], Field(min_length=1)]
    visit: list[VisitEntry] = []
    purposes: Annotated[list[PurposeEntry], Field(min_length=1)]
    recipients: list[RecipientEntry] = []
    retention: RetentionEntry
    sessions: SessionsEntry = SessionsEntry()
    hours: HoursEntry
    faq: list[FaqEntry] = []
