"""What the values of one entry must be to each other. Each check takes the entry as it was written.

So a fault of one value, which `intake.entries` finds, hides none between others: a check passes over what is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from typing import Any

from intake.checks import ADDRESS, NO_ADDRESS, WEBHOOK, Known

Entry = Mapping[str, Any]
Found = Iterator[tuple[str, str]]  # fault and remedy
Check = Callable[[Entry, Known], Found]


def _field(entry: Entry, known: Known) -> Found:
    sensitive, kind, choices = entry.get("sensitive", False), entry.get("kind"), entry.get("choices")
    if sensitive is True and not entry.get("warning"):
        yield (
            "sensitive, but there is no warning",
            "write a warning in every language (obligation S7)",
        )
    if sensitive is False and entry.get("warning"):
        yield "a warning that nobody would see", "set sensitive = true, or remove the warning"
    if isinstance(kind, str) and (kind == "choice") != bool(choices):
        yield (
            "choices and kind do not agree",
            'give choices to a field of kind "choice", and to no other',
        )
    if entry.get("name") == "need":
        yield "the name 'need' is taken: it is the visitor's question", "use another name"


def _purpose(entry: Entry, known: Known) -> Found:
    if entry.get("required") is True and True in (entry.get("marketing"), entry.get("question")):
        yield (
            "required, but marketing or a question of its own",
            "set required = false: it must be free to refuse",
        )
    if entry.get("question") is True and _is_empty(entry, "assessment"):
        yield (
            "sends details abroad without an impact assessment",
            "name it: assessment = … (obligation L9)",
        )


def _recipient(entry: Entry, known: Known) -> Found:
    country = entry.get("country")
    if _is_empty(entry, "agreement"):
        yield "no agreement", "name the contract that binds them: agreement = … (obligation S11)"
    if isinstance(country, str) and country != known.country and _is_empty(entry, "assessment"):
        yield "abroad, without an impact assessment", "name it: assessment = … (obligation L9)"
    address = entry.get("address")
    if not isinstance(address, str):
        return
    if entry.get("kind") == "mail" and not ADDRESS.fullmatch(address):
        yield f"{address!r} {NO_ADDRESS[0]}", NO_ADDRESS[1]
    if entry.get("kind") == "webhook":
        if not WEBHOOK.fullmatch(address):
            yield (
                "the address is no https URL",
                'write one such as "https://crm.example.com/hooks/leads"',
            )
        if _is_empty(entry, "secret_env"):
            yield "no secret", "name the environment variable that holds it: secret_env = …"


def _hours(entry: Entry, known: Known) -> Found:
    opens, closes = entry.get("opens"), entry.get("closes")
    if isinstance(opens, time) and isinstance(closes, time) and opens >= closes:
        yield "closes before it opens", "write both as times of one day, such as 09:00 and 18:00"


def _policy(entry: Entry, known: Known) -> Found:
    published, effective = entry.get("published_on"), entry.get("effective_on")
    if type(published) is type(effective) is date and effective < published:
        yield (
            "takes effect before it is published",
            "move effective_on to published_on or later (obligation S27)",
        )


def _is_empty(entry: Entry, name: str) -> bool:
    """Say whether nothing is written there; what is no text is a fault of its own."""
    written = entry.get(name, "")
    return isinstance(written, str) and not written.strip()


SECTIONS: Mapping[str, Check] = {"fields": _field, "purposes": _purpose, "recipients": _recipient}
HOURS: Check = _hours
POLICY: Check = _policy
