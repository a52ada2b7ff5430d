"""What is kept of free text: screened first, refused where it could mislead a reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from unicodedata import category

from intake.asking import Given
from intake.outcomes import Reply
from intake.policy import consent_outdated
from intake.rules import CONTACT
from intake.screening import screen, screen_forbidden

_LINES = "\n\r\t"
# Unicode UAX #9, explicit marks
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNREADABLE = frozenset(("Cc", "Cs", "Co"))  # control, surrogate, private use; Unicode general categories


@dataclass(frozen=True, slots=True)
class HeardText:
    """Free text after screening: what was masked in it, and why it cannot be taken, if so."""

    text: str = field(repr=False)
    found: tuple[str, ...] = ()
    fault: str = ""  # a rejection code, or ""


def hear(given: Given, text: str) -> HeardText:
    """Return `text` masked: of everything personal without a consent of today, of forbidden numbers always (S17)."""
    if _is_unreadable(text):
        return HeardText("", fault="text.hidden_characters")
    state = given.state
    agreed = CONTACT in state.agreed and not consent_outdated(given.rules, state, given.now)
    screened = screen_forbidden(text) if agreed else screen(text, region=given.rules.company.country)
    return HeardText(screened.text, screened.found, _length_fault(given, screened.text))


def _is_unreadable(text: str) -> bool:
    if text.isprintable():  # nearly always, and much sooner known: neither of the two can be printed
        return False
    return any(char in _REORDERING or (category(char) in _UNREADABLE and char not in _LINES) for char in text)


def _length_fault(given: Given, text: str) -> str:
    if not text.strip():
        return "text.empty"
    return "text.too_long" if len(text) > given.rules.need_max else ""


def masked_notice(heard: HeardText) -> tuple[Reply, ...]:
    """Return the message that says what was masked, if anything was."""
    return (Reply(key="masked.notice", params={"found": ",".join(heard.found)}),) if heard.found else ()
