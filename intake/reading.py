"""From dicts to frozen `Rules`. Faults are found all together, each with its file, its key and its remedy.

Reads no files: `config.load` does, and hands in the dicts, the policy texts and a `Spelling` for lengths of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from intake import together
from intake.assembly import INTAKE_FILE, Assembly, PolicySource, Spelling
from intake.checks import Known, known_to, names, tables
from intake.entries import IntakeEntry, PolicyEntry
from intake.faults import Fault, RulesInvalid
from intake.rules import CONTACT, Localised, Rules

__all__ = ["Fault", "PolicySource", "RulesInvalid", "Spelling", "read_rules"]

_REMEDIES = {
    "missing": "add it",
    "extra_forbidden": "remove it, or correct its spelling",
    "literal_error": "use one of the values named",
    "too_short": "add at least one",
    "dict_type": 'write one text for each language, such as { en = "Position", zh-CN = "职位" }',
    "string_pattern_mismatch": "use small Latin letters, digits and _ (a country: two capital letters)",
}
_FAULTS = {  # where the checker's own words are a programmer's
    "missing": "missing",
    "extra_forbidden": "nothing has this name",
    "too_short": "empty",
    "string_pattern_mismatch": "not a plain name",
    "dict_type": "not a text for each language",
}
_Shape = TypeVar("_Shape", bound=BaseModel)


def read_rules(
    raw: Mapping[str, Any], policies: Mapping[str, PolicySource], spelling: Spelling
) -> tuple[Rules, Mapping[str, Localised]]:
    """Return the rules that `intake.toml` and the policy folders describe, and the policy texts by version.

    Raises RulesInvalid with every fault.
    """
    known = known_to(raw)
    faults: list[Fault] = []
    intake = _shaped(IntakeEntry, raw, known, INTAKE_FILE, faults)
    entries: dict[str, PolicyEntry] = {}
    for version, source in policies.items():
        entry = _shaped(PolicyEntry, source.table, known, f"policy/{version}/policy.toml", faults)
        entries |= {version: entry} if entry else {}
    faults += [*_faults_within(raw, known), *_faults_between(raw), *_policy_faults(known, policies, entries)]
    if not intake:
        raise RulesInvalid(faults)

    assembly = Assembly(intake, spelling)
    whole = {
        version: policies[version] for version in entries if known.locales <= set(policies[version].texts)
    }
    rules = assembly.rules(whole, entries)
    faults += assembly.faults
    if faults:
        raise RulesInvalid(faults)
    return rules, {version: assembly.policy_texts(version, source) for version, source in whole.items()}


def _shaped(
    shape: type[_Shape], raw: Mapping[str, Any], known: Known, file: str, faults: list[Fault]
) -> _Shape | None:
    try:
        return shape.model_validate(raw, context=known)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            remedy = fault.get("ctx", {}).get("remedy") or _REMEDIES.get(fault["type"], "correct the value")
            what = _FAULTS.get(fault["type"], fault["msg"])
            faults.append(Fault(file, _key(fault["loc"], raw), what, str(remedy)))
        return None


def _key(location: tuple[int | str, ...], raw: Any) -> str:
    """Return the path as an operator would look for it: entries by their own name, not by their number."""
    path, here = "", raw
    for part in location:
        try:
            here = here[part]
        except (LookupError, TypeError):
            here = None
        path += f"[{_own_name(here) or part + 1}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".") or "(the file)"


def _own_name(entry: object) -> str:
    names = [entry.get("id"), entry.get("name")] if isinstance(entry, dict) else []
    return next((name for name in names if isinstance(name, str)), "")


def _faults_within(raw: Mapping[str, Any], known: Known) -> Iterator[Fault]:
    """Yield the faults between values of one entry, even where others of its values are broken."""
    for section, check in together.SECTIONS.items():
        written = raw.get(section)
        for place, entry in enumerate(written if isinstance(written, list) else ()):
            found = check(entry, known) if isinstance(entry, Mapping) else ()
            yield from (Fault(INTAKE_FILE, _key((section, place), raw), *one) for one in found)
    hours = raw.get("hours")
    found = together.HOURS(hours, known) if isinstance(hours, Mapping) else ()
    yield from (Fault(INTAKE_FILE, "hours", *one) for one in found)


def _faults_between(raw: Mapping[str, Any]) -> list[Fault]:
    """Return the faults that only show when entries are compared, even where some of them are broken."""
    faults = []
    for section in ("sites", "topics", "fields", "visit", "purposes", "recipients", "faq"):
        found = names(raw, section)
        faults += [
            Fault(INTAKE_FILE, f"{section}[{twice}]", "the name is used twice", "rename one of them")
            for twice in sorted({name for name in found if name and found.count(name) > 1})
        ]
    covered = {str(purpose.get("id")): _strings(purpose.get("fields")) for purpose in tables(raw, "purposes")}
    return [*faults, *_ambiguous(raw), *_contact_faults(raw), *_uncovered(raw, covered)]


def _ambiguous(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield words that mean two fields: "correct mobile" would always mean the first."""
    meant: dict[str, str] = {}
    for field in tables(raw, "fields"):
        name = str(field.get("name"))
        for word in dict.fromkeys(one.strip().casefold() for one in _strings(field.get("words"))):
            if meant.setdefault(word, name) != name:
                key = f"fields[{name}].words"
                yield Fault(
                    INTAKE_FILE, key, f"{word!r} means {meant[word]} already", "keep it at one of them"
                )


def _contact_faults(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield why a visitor could not be answered."""
    asked = {entry.get("name") for entry in tables(raw, "fields") if entry.get("asked") is True}
    for name in _strings(raw.get("contact_fields")):
        if name not in asked:
            yield Fault(
                INTAKE_FILE, "contact_fields", f"{name} is not asked", "set asked = true on the field"
            )
    if not any(one.get("id") == CONTACT and one.get("required") is True for one in tables(raw, "purposes")):
        remedy = 'add the purpose with id = "contact" and required = true'
        yield Fault(INTAKE_FILE, "purposes", "no purpose that allows to answer", remedy)


def _uncovered(raw: Mapping[str, Any], covered: Mapping[str, list[str]]) -> Iterator[Fault]:
    """Yield the fields of a purpose or recipient that the purpose itself does not list."""
    for field in tables(raw, "fields"):
        name = field.get("name")  # without one it is a fault of its own
        if name and field.get("purpose") in covered and name not in covered[field["purpose"]]:
            key = f"fields[{name}].purpose"
            yield Fault(INTAKE_FILE, key, "not covered by its purpose", "add it to that one")
    for recipient in tables(raw, "recipients"):
        purpose = str(recipient.get("purpose"))
        for name in sorted(set(_strings(recipient.get("fields"))) - set(covered.get(purpose, ()))):
            key = f"recipients[{recipient.get('id')}].fields"
            yield Fault(INTAKE_FILE, key, f"{name} is not covered by {purpose}", "remove it, or add it there")


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _policy_faults(
    known: Known, policies: Mapping[str, PolicySource], entries: Mapping[str, PolicyEntry]
) -> list[Fault]:
    if not policies:
        return [
            Fault(
                "policy", "(the folder)", "no policy version", "add a folder with policy.toml and the texts"
            )
        ]
    faults = []
    for version, source in policies.items():
        if version in entries and entries[version].version != version:
            file, fault = f"policy/{version}/policy.toml", f"says {entries[version].version}"
            faults.append(Fault(file, "version", fault, "give folder and version one name"))
        found = together.POLICY(source.table, known)
        faults += [Fault(f"policy/{version}/policy.toml", "(the file)", *one) for one in found]
        faults += [
            Fault(f"policy/{version}/{locale}.md", "(the file)", "missing", "write it in this language")
            for locale in sorted(known.locales - set(source.texts))
        ]
    return faults
