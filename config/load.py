"""Files become rules, catalogues and policy texts; every fault in any of them is reported at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_timedelta
from babel.messages.pofile import PoFileError, read_po

from intake.asking import NEED
from intake.reading import Fault, PolicySource, RulesInvalid, Spelling, read_rules
from intake.rules import Localised, Rules

_GLUED = re.compile(r"(?<=[0-9])(?=[\u3400-\u9fff])")  # a digit beside a Chinese character
_PO_LINE = re.compile(r'(#.*|(msg\w+(\[[0-9]\])? )?"([^"\\]|\\.)*")?')  # a comment, a text, or empty
_OPTION = "option."  # before the value of an option: the key of its label
_NOBODY = "record.none"  # the key of who receives details, where nobody does
_MISSING = "create it, or point ASKFIRST_CONFIG to the folder that holds it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything that an operator edits, checked."""

    rules: Rules
    catalogues: Mapping[str, Mapping[str, str]]  # texts by locale and wording key (msgid)
    policies: Mapping[str, Localised]  # Markdown by version and locale, placeholders filled in


def load(directory: Path) -> Loaded:
    """Return what `directory` configures. Raises RulesInvalid with all faults of all files together."""
    faults: list[Fault] = []
    intake = _toml(directory / "intake.toml", directory, faults)
    sources = _policy_sources(directory, faults)
    locales = _locales(intake, faults)
    catalogues = _catalogues(directory, locales, faults)
    if not locales:
        raise RulesInvalid(faults)
    nobody = {locale: catalogues.get(locale, {}).get(_NOBODY, "") for locale in locales}
    try:
        rules, policies = read_rules(intake, sources, Spelling(spelt_duration, spelt_list, nobody))
    except RulesInvalid as invalid:
        raise RulesInvalid((*faults, *invalid.faults)) from None
    if faults:
        raise RulesInvalid(faults)
    rules = replace(rules, labels=_labels(catalogues))
    return Loaded(rules=rules, catalogues=catalogues, policies=policies)


def spelt_duration(period: timedelta, locale: str) -> str:
    """Return a length of time as the locale writes it: "10 minutes", "24 hours", "180 days", "2 years"."""
    minutes = int(period.total_seconds()) // 60
    hours, odd = divmod(minutes, 60)
    unit: Literal["year", "day", "hour", "minute"] = "hour"
    if odd:
        unit = "minute"
    elif hours % 8_760 == 0:
        unit = "year"  # of 365 days, as `intake.checks` reads it
    elif hours % 24 == 0 and hours > 72:
        unit = "day"
    spelt = format_timedelta(period, granularity=unit, threshold=minutes + 1, locale=_babel(locale))
    return _GLUED.sub(" ", spelt)  # as the texts write "14 周岁"


def spelt_list(items: Sequence[str], locale: str) -> str:
    """Return the items with the locale's comma between them, without an "and"."""
    comma: str = _babel(locale).list_patterns["standard"]["middle"].removeprefix("{0}").removesuffix("{1}")
    return comma.join(items)


@cache  # asked for with every text; reading a locale's name takes longer than filling in the text
def _babel(locale: str) -> Locale:
    return Locale.parse(locale, sep="-")


def _locales(intake: Mapping[str, Any], faults: list[Fault]) -> list[str]:
    """Return the configured locales. None on a fault: without languages no text can be judged."""
    languages = intake.get("languages")
    locales = list(languages) if isinstance(languages, Mapping) else []
    for locale in locales:
        try:
            _babel(locale)
        except (ValueError, UnknownLocaleError):
            faults.append(
                Fault("intake.toml", f"languages.{locale}", "no known language", 'write one such as "zh-CN"')
            )
            return []
    if intake and not locales:
        faults.append(Fault("intake.toml", "languages", "no language", 'add one, such as en = ["english"]'))
    return locales


def _toml(path: Path, directory: Path, faults: list[Fault]) -> dict[str, Any]:
    """Return the table of a file; on a fault, an empty one."""
    try:
        return tomllib.loads(_read(path, directory, faults))
    except tomllib.TOMLDecodeError as error:
        file = path.relative_to(directory).as_posix()
        faults.append(Fault(file, "(the file)", f"not TOML: {error}", "correct that line"))
    return {}


def _read(path: Path, directory: Path, faults: list[Fault]) -> str:
    """Return the text of a file; on a fault, an empty one."""
    file = path.relative_to(directory).as_posix()
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        faults.append(Fault(file, "(the file)", "not UTF-8", "save it as UTF-8"))
    except OSError as error:
        faults.append(Fault(file, "(the file)", error.strerror or "cannot be read", _MISSING))
    return ""


def _policy_sources(directory: Path, faults: list[Fault]) -> dict[str, PolicySource]:
    """Return the policy folders, oldest first: by the date they take effect, then by name."""
    sources = {}
    for folder in sorted(path for path in (directory / "policy").glob("*") if path.is_dir()):
        texts = {path.stem: _read(path, directory, faults) for path in sorted(folder.glob("*.md"))}
        sources[folder.name] = PolicySource(_toml(folder / "policy.toml", directory, faults), texts)
    return dict(sorted(sources.items(), key=lambda item: (str(item[1].table.get("effective_on")), item[0])))


def _catalogues(
    directory: Path, locales: Sequence[str], faults: list[Fault]
) -> Mapping[str, Mapping[str, str]]:
    """Return the texts of every language. The first language is the measure for the others."""
    read, files = {}, {}
    for locale in locales:
        files[locale] = f"wording/{locale.replace('-', '_')}/LC_MESSAGES/askfirst.po"
        texts = _texts(directory / files[locale], files[locale], locale, faults)
        if texts:
            read[locale] = texts
    every_key = dict.fromkeys(key for texts in read.values() for key in texts)
    first = next(iter(read.values()), {})
    for locale, texts in read.items():
        faults += _wording_faults(files[locale], texts, every_key, first)
    return read


def _labels(catalogues: Mapping[str, Mapping[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Return what is written on each option in every language, and what the question is called."""
    options = dict.fromkeys(key for texts in catalogues.values() for key in texts if key.startswith(_OPTION))
    return {
        key.removeprefix(_OPTION).removeprefix("label."): tuple(
            texts[key] for texts in catalogues.values() if key in texts
        )
        for key in (*options, f"label.{NEED}")
    }


def _texts(path: Path, file: str, locale: str, faults: list[Fault]) -> dict[str, str]:
    try:
        with path.open("rb") as source:
            catalogue = read_po(source, locale=locale.replace("-", "_"), abort_invalid=True)
    except FileNotFoundError:
        faults.append(Fault(file, "(the file)", "missing", "translate the catalogue of another language"))
    except (PoFileError, UnicodeDecodeError) as error:
        faults.append(Fault(file, "(the file)", f"cannot be read: {error}", "correct that line"))
    else:
        faults += _unquoted(path, file)
        return {
            str(message.id): str(message.string) for message in catalogue if message.id and message.string
        }
    return {}


def _unquoted(path: Path, file: str) -> Iterator[Fault]:
    """Yield the lines that lost a quote: the reader would take what is left of them."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not _PO_LINE.fullmatch(line.strip()):
            yield Fault(file, f"line {number}", "no text between quotes", 'write it as msgstr "…"')


def _wording_faults(
    file: str, texts: Mapping[str, str], every_key: Mapping[str, None], first: Mapping[str, str]
) -> list[Fault]:
    """Return a fault for every key without text, and for placeholders that differ or cannot be read."""
    faults = [Fault(file, key, "not translated", "write its text") for key in every_key if key not in texts]
    for key, text in texts.items():
        try:
            here, there = placeholders(text), placeholders(first.get(key, text))
            if here != there:
                fault = f"{_braced(here)}, but {_braced(there)} in the first language"
                faults.append(Fault(file, key, fault, "use the same placeholders in both"))
        except ValueError:
            faults.append(Fault(file, key, "a brace that stands alone", "write {{ or }} for a brace"))
    return faults


def _braced(names: frozenset[str]) -> str:
    return " ".join(f"{{{name}}}" for name in sorted(names)) or "no placeholder"


@cache
def placeholders(text: str) -> frozenset[str]:
    """Return the names that stand in braces. Raises ValueError for a brace that stands alone."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)
