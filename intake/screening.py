"""Free text, with what is personal or forbidden masked before anything is stored (obligations S5, S17).

What is looked for stands in `forbidden_numbers` and `contact_details`; `docs/screening.md` counts what is hit and
what is missed over the corpus of the tests. A mask is the same for every kind and says nothing: no length, no first
letter, no word of any language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from intake import contact_details, forbidden_numbers
from intake.digit_groups import Span, count_digits, fold
from intake.masking import IN_TEXT

# Without one of these and with few digits nothing can be found: most messages, at a hundredth of the cost.
_HINT = re.compile(r"[@＠]|\bat\b|[一幺][三四五六七八九]", re.IGNORECASE)

# A value that stands glued to another is seen once its neighbour is masked. Two rounds do for all that people write;
# the bound keeps a hostile text of 4,000 characters linear.
_ROUNDS_MAX = 4

_Spotter = Callable[[str], list[Span]]


@dataclass(frozen=True, slots=True)
class Screened:
    """A text that may be kept, and the kinds of what was masked in it, in order of appearance, each once."""

    text: str = field(repr=False)
    found: tuple[str, ...]


def screen(text: str, *, region: str) -> Screened:
    """Return `text` with phones, e-mails, ID and bank card numbers masked: for all that is said before consent.

    `region` is the ISO 3166-1 country of numbers written without a country code. Never raises, whatever the text.
    """
    if count_digits(text) < contact_details.PHONE_DIGITS_MIN and not _HINT.search(text):
        return Screened(text=text, found=())
    return _masked(
        text, (*_FORBIDDEN, contact_details.emails, lambda plain: contact_details.phones(plain, region))
    )


def screen_forbidden(text: str) -> Screened:
    """Return `text` with ID and bank card numbers masked: for everything, always (S17). Never raises."""
    if count_digits(text) < forbidden_numbers.DIGITS_MIN:
        return Screened(text=text, found=())
    return _masked(text, _FORBIDDEN)


_FORBIDDEN: tuple[_Spotter, ...] = (forbidden_numbers.id_numbers, forbidden_numbers.bank_cards)


def _masked(text: str, looking_for: Sequence[_Spotter]) -> Screened:
    spans, plain = _round(fold(text), looking_for)
    new, rounds = spans, 1
    while new and rounds < _ROUNDS_MAX:
        new, plain = _round(plain, looking_for)
        spans, rounds = spans + new, rounds + 1
    spans.sort()
    return Screened(text=_replaced(text, spans), found=tuple(dict.fromkeys(span.kind for span in spans)))


def _round(plain: str, looking_for: Sequence[_Spotter]) -> tuple[list[Span], str]:
    """Return what every spotter finds once, and the plain text without it."""
    spans: list[Span] = []
    for spot in looking_for:
        found = spot(plain)
        plain = _blanked(plain, found)
        spans += found
    return spans, plain


def _blanked(plain: str, spans: Sequence[Span]) -> str:
    """Return `plain`, as long as before, with what was found made to look like a mask to the next spotter."""
    pieces, end = [], 0
    for span in spans:
        pieces += [plain[end : span.start], "[", "•" * (span.end - span.start - 2), "]"]
        end = span.end
    return "".join(pieces) + plain[end:]


def _replaced(text: str, spans: Sequence[Span]) -> str:
    pieces, end = [], 0
    for span in spans:
        pieces += [text[end : span.start], IN_TEXT]
        end = span.end
    return "".join(pieces) + text[end:]
