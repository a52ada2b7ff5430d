"""What can be wrong with an answer: a value, not an exception, because a person's mistake is no error.

The code names the fault; its wording stands under `rejected.` + code. The example shows how a good answer looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why an answer cannot be kept. `example` is ours, never what the person typed."""

    code: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is held against: the region of local phone numbers, the length allowed, the choices."""

    region: str  # ISO 3166-1 alpha-2
    max_length: int  # characters, counted after normalising
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()  # value, labels in every language


NAME_EXAMPLE = "李华 / Li Hua"
TEXT_EXAMPLE = "示例科技 / Example Robotics Ltd."
ADDRESS_EXAMPLE = "1 Example Road, Pudong, Shanghai 200000"
EMAIL_EXAMPLE = "li.hua@example.com"
USCC_EXAMPLE = "91310000MA0000000Y"  # invented; its checksum holds

# Every fault, with the example shown beside it. Phones show one of the region asked for.
_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "text.empty": TEXT_EXAMPLE,
        "text.too_long": TEXT_EXAMPLE,
        "text.hidden_characters": TEXT_EXAMPLE,
        "address.empty": ADDRESS_EXAMPLE,
        "address.too_long": ADDRESS_EXAMPLE,
        "address.hidden_characters": ADDRESS_EXAMPLE,
        "name.empty": NAME_EXAMPLE,
        "name.too_long": NAME_EXAMPLE,
        "name.hidden_characters": NAME_EXAMPLE,
        "name.has_digits": NAME_EXAMPLE,
        "name.has_symbols": NAME_EXAMPLE,
        "name.no_letters": NAME_EXAMPLE,
        "phone.empty": "",
        "phone.not_a_number": "",
        "phone.several": "",
        "phone.extension": "",
        "phone.unknown_country": "",
        "phone.no_area_code": "",
        "phone.too_short": "",
        "phone.too_long": "",
        "phone.invalid": "",
        "email.empty": EMAIL_EXAMPLE,
        "email.hidden_characters": EMAIL_EXAMPLE,
        "email.space": EMAIL_EXAMPLE,
        "email.no_at": EMAIL_EXAMPLE,
        "email.two_ats": EMAIL_EXAMPLE,
        "email.nothing_before_at": EMAIL_EXAMPLE,
        "email.nothing_after_at": EMAIL_EXAMPLE,
        "email.too_long": EMAIL_EXAMPLE,
        "email.special_use": EMAIL_EXAMPLE,
        "email.domain": EMAIL_EXAMPLE,
        "email.invalid": EMAIL_EXAMPLE,
        "uscc.empty": USCC_EXAMPLE,
        "uscc.length": USCC_EXAMPLE,
        "uscc.characters": USCC_EXAMPLE,
        "uscc.checksum": USCC_EXAMPLE,
        "choice.unknown": "",
        "forbidden.id_number": "",
        "forbidden.bank_card": "",
    }
)
REJECTION_CODES: frozenset[str] = frozenset(_EXAMPLES)


def reject(code: str, example: str = "") -> Rejected:
    """Return the rejection with its example. Raises KeyError for a code that has no wording: ours, not theirs."""
    return Rejected(code, _EXAMPLES[code] or example)
