"""One parser per kind of answer, and the forms in which an answer is kept, shown and compared.

    parse("tel", "138 0000 0000", region="CN", max_length=32)   -> "+8613800000000"
    shown("tel", "+8613800000000")                              -> "+86 138 0000 0000"

What is wrong with an answer is a value, `Rejected`; nothing here raises because of what a person typed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from intake import answer_contacts, answer_words
from intake.rejection import REJECTION_CODES, Asked, Rejected

__all__ = ["KINDS", "REJECTION_CODES", "Rejected", "normalised", "parse", "shown"]

KINDS: Mapping[str, Callable[[str, Asked], str | Rejected]] = MappingProxyType(
    {
        "text": answer_words.parse_text,
        "name": answer_words.parse_name,
        "tel": answer_contacts.parse_phone,
        "email": answer_contacts.parse_email,
        "choice": answer_words.parse_choice,
        "uscc": answer_words.parse_uscc,
        "address": answer_words.parse_address,
    }
)


def parse(
    kind: str, text: str, *, region: str, max_length: int, choices: Sequence[tuple[str, Sequence[str]]] = ()
) -> str | Rejected:
    """Return the value to keep, or why it cannot be kept. A kept value parses to itself.

    Args:
        kind: A key of `KINDS`.
        text: What the person typed.
        region: ISO 3166-1 country of phone numbers written without a country code.
        max_length: Most characters of the kept value.
        choices: Each value with its labels in every language, for `choice`.

    Raises:
        KeyError: `kind` is none of `KINDS`; the rules are checked for that at start.
    """
    asked = Asked(region, max_length, tuple((value, tuple(labels)) for value, labels in choices))
    return KINDS[kind](text, asked)


def shown(kind: str, value: str) -> str:
    """Return how a kept value is read: a phone number in its international form, everything else as it is."""
    number = answer_contacts.kept_phone(value) if kind == "tel" else None
    return answer_contacts.international(number) if number else value


def normalised(kind: str, value: str) -> str:
    """Return the form in which two spellings of one value are the same, for the blind index (design: "Look-up")."""
    if kind == "tel":
        number = answer_contacts.kept_phone(value)
        return answer_contacts.e164(number) if number else unicodedata.normalize("NFKC", value).strip()
    if kind == "email":
        return answer_contacts.comparable_email(value)
    return unicodedata.normalize("NFKC", value).strip().casefold()
