"""The shapes of `intake.toml` and `policy.toml`, entry by entry.

Every check stands at the entry that it judges, so that one reading finds all faults; what an entry must know of the
others (languages, names of fields and purposes) is handed in as `Known`.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from intake.checks import (
    WEBHOOK,
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
    an_address,
    known_of,
    wrong,
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

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.sensitive and not self.warning:
            wrong("sensitive, but there is no warning", "write a warning in every language (obligation S7)")
        if self.warning and not self.sensitive:
            wrong("a warning that nobody would see", "set sensitive = true, or remove the warning")
        if (self.kind == "choice") != bool(self.choices):
            wrong(
                "choices and kind do not agree", 'give choices to a field of kind "choice", and to no other'
            )
        if self.name == "need":
            wrong("the name 'need' is taken: it is the visitor's question", "use another name")
        return self


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

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if self.required and (self.marketing or self.question):
            wrong(
                "required, but marketing or a question of its own",
                "set required = false: it must be free to refuse",
            )
        if self.question and not self.assessment:
            wrong(
                "sends details abroad without an impact assessment", "name it: assessment = … (obligation L9)"
            )
        return self


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

    @model_validator(mode="after")
    def _may_receive(self, info: ValidationInfo) -> Self:
        if not self.agreement.strip():
            wrong("no agreement", "name the contract that binds them: agreement = … (obligation S11)")
        if self.country != known_of(info).country and not self.assessment.strip():
            wrong("abroad, without an impact assessment", "name it: assessment = … (obligation L9)")
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.kind == "mail":
            an_address(self.address)
        elif not WEBHOOK.fullmatch(self.address):
            wrong("the address is no https URL", 'write one such as "https://crm.example.com/hooks/leads"')
        elif not self.secret_env:
            wrong("no secret", "name the environment variable that holds it: secret_env = …")
        return self


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

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens >= self.closes:
            wrong("closes before it opens", "write both as times of one day, such as 09:00 and 18:00")
        return self


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

    @model_validator(mode="after")
    def _is_announced(self) -> Self:
        if self.effective_on < self.published_on:
            wrong(
                "takes effect before it is published",
                "move effective_on to published_on or later (obligation S27)",
            )
        return self


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
