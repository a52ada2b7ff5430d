"""Values that somebody may not read, as they are shown instead: one table, kind by kind.

masked("tel", "+8613800000000")   -> "+86 ••• •••• 0000"
masked("email", "li@example.com") -> "l•••@e•••.com"
masked("text", "Example Ltd.")    -> "•••"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from intake import answer_contacts

MASK = "•••"  # as long for every value, so that length tells nothing
IN_TEXT = f"[{MASK}]"  # what screening leaves in the place of a value in free text

_DIGIT = re.compile(r"\d")
_LONG_NUMBER = 9  # digits without the country code; of shorter numbers four would be half


def masked(kind: str, value: str) -> str:
    """Return what may be shown to somebody who may not read the value: enough to recognise one's own."""
    mask = _MASKS.get(kind)
    return mask(value) if mask else MASK


def _phone(value: str) -> str:
    number = answer_contacts.kept_phone(value)
    if number is None:
        return MASK
    country, _, rest = answer_contacts.international(number).partition(" ")
    digits = len(_DIGIT.findall(rest))
    hidden = digits - (4 if digits >= _LONG_NUMBER else 2)
    return f"{country} {_DIGIT.sub('•', rest, count=hidden)}"


def _email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}{MASK}@{domain[:1]}{MASK}.{domain.rpartition('.')[2]}" if at else MASK


def _name(value: str) -> str:
    return value[:1] + MASK


# A kind that is not here shows nothing of its value.
_MASKS: Mapping[str, Callable[[str], str]] = MappingProxyType({"tel": _phone, "email": _email, "name": _name})
