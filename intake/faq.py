"""Prepared answers: found by plain words, so that an operator can foresee every one."""

from __future__ import annotations

from unicodedata import normalize

from intake.rules import Faq, Rules


def find(rules: Rules, text: str) -> Faq | None:
    """Return the first prepared answer all of whose words, in one of its wordings, stand in `text`."""
    said = normalize("NFKC", text).casefold()
    for faq in rules.faq:
        if any(
            all(word.casefold() in said for word in words) for asks in faq.asks.values() for words in asks
        ):
            return faq
    return None
