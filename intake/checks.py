"""What single values of `intake.toml` and `policy.toml` must be. Wrong ones say what is wrong and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

_LONGEST = timedelta(days=100 * 365)  # no law asks for more, and dates end
_MINUTES = {"minute": 1, "hour": 60, "day": 1_440, "year": 525_600}  # in each; a year is 365 days
_ORIGIN = re.compile(r"(https?)://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::([1-9][0-9]{1,4}))?")
_PORTS = {"http": 80, "https": 443}  # browsers leave these out of an origin
_PORT_MAX = 65_535  # RFC 9293 §3.1
WEBHOOK = re.compile(r"https://\S+|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/\S*)?")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

NO_ADDRESS = ("is no e-mail address", 'write one such as "office@example.com"')  # fault, remedy


@dataclass(frozen=True, slots=True)
class Known:
    """What an entry may refer to."""

    locales: frozenset[str]
    fields: frozenset[str]
    visit: frozenset[str]
    purposes: frozenset[str]
    country: str


def wrong(fault: str, remedy: str) -> NoReturn:
    """Refuse the value under the eyes of pydantic, naming the remedy."""
    raise PydanticCustomError("askfirst", "{fault}", {"fault": fault, "remedy": remedy})


def known_of(info: ValidationInfo) -> Known:
    """Return what the entry under check may refer to."""
    known = info.context
    assert isinstance(known, Known)
    return known


def _every_language(texts: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    locales = known_of(info).locales
    missing = sorted(locales - {locale for locale, text in texts.items() if text.strip()})
    if missing:
        wrong(f"no text for {', '.join(missing)}", "write it: every language in [languages] needs its own")
    strangers = sorted(set(texts) - locales)
    if strangers:
        wrong(
            f"text for {', '.join(strangers)}, which is no language here",
            "add it to [languages] or remove it",
        )
    return texts


def _a_field(name: str, info: ValidationInfo) -> str:
    if name not in known_of(info).fields:
        wrong(f"there is no field {name!r}", "use the name of a [[fields]] entry")
    return name


def _a_purpose(name: str, info: ValidationInfo) -> str:
    if name not in known_of(info).purposes:
        wrong(f"there is no purpose {name!r}", "use the id of a [[purposes]] entry")
    return name


def _a_field_or_visit_item(name: str, info: ValidationInfo) -> str:
    if name not in known_of(info).fields | known_of(info).visit:
        wrong(f"there is no field {name!r}", "use the name of a [[fields]] or [[visit]] entry")
    return name


def _an_origin(text: str) -> str:
    found = _ORIGIN.fullmatch(text)
    if not found:
        wrong(f"{text!r} is no origin", 'write scheme and host only, such as "https://www.example.com"')
    port = int(found[2] or 0)
    if port > _PORT_MAX or port == _PORTS[found[1]]:
        wrong(f"no browser names port {port} like this", "leave the port out where it is the usual one")
    return text


def _an_address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        wrong(f"{text!r} {NO_ADDRESS[0]}", NO_ADDRESS[1])
    return text


def _a_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wrong(f"there is no time zone {name!r}", 'use a name of the IANA list, such as "Asia/Shanghai"')
    return name


def _a_word(text: str) -> str:
    if not text.strip():
        wrong("an empty word, which everything contains", "remove it, or write the word")
    return text


def _a_duration(value: object) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,5}) ([a-z]+)", value) if isinstance(value, str) else None
    unit = found[2].removesuffix("s") if found else ""
    if not found or unit not in _MINUTES or not int(found[1]):
        wrong(
            f"{value!r} is no length of time",
            'write a number and "minutes", "hours", "days" or "years", such as "180 days"',
        )
    length = timedelta(minutes=int(found[1]) * _MINUTES[unit])
    if length > _LONGEST:
        wrong(f"{value!r} is longer than anything may be kept", "write a period of at most 100 years")
    return length


def _a_version(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.-]{0,31}", value):
        wrong(f"{value!r} is no version", 'write letters, digits, dots and dashes, such as "2026-11"')
    return value


# Names stand in option values such as `review:change:<name>`, which Telegram's buttons limit to 64 bytes.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Localised = Annotated[dict[str, str], AfterValidator(_every_language)]
FieldName = Annotated[str, AfterValidator(_a_field)]
PurposeName = Annotated[str, AfterValidator(_a_purpose)]
Origin = Annotated[str, AfterValidator(_an_origin)]
Word = Annotated[str, AfterValidator(_a_word)]
Zone = Annotated[str, AfterValidator(_a_zone)]
Version = Annotated[str, AfterValidator(_a_version)]
CoveredName = Annotated[str, AfterValidator(_a_field_or_visit_item)]
Email = Annotated[str, AfterValidator(_an_address)]
Duration = Annotated[timedelta, BeforeValidator(_a_duration)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
Major = Literal["purpose", "kind", "use", "ownership", "recipients", "rights", "contact", "assessment"]  # S28


def known_to(raw: Mapping[str, Any]) -> Known:
    """Return every name that the raw file declares, whatever else may be wrong with it."""
    company = raw.get("company")
    country = company.get("country") if isinstance(company, Mapping) else None
    return Known(
        locales=frozenset(raw["languages"]) if isinstance(raw.get("languages"), Mapping) else frozenset(),
        fields=frozenset(names(raw, "fields")),
        visit=frozenset(names(raw, "visit")),
        purposes=frozenset(names(raw, "purposes")),
        country=str(country or ""),
    )


def names(raw: Mapping[str, Any], section: str) -> list[str]:
    """Return the ids that a section of the raw file declares, in its order."""
    key = "name" if section in ("fields", "visit") else "id"
    return [str(entry.get(key, "")) for entry in tables(raw, section)]


def tables(raw: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    """Return the entries of a section, as far as they are tables at all."""
    entries = raw.get(section)
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
