"""Prepared answers: found by plain words, so that an operator can foresee every one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from unicodedata import normalize

from intake.rules import RULES_KEPT, Faq, Rules


def find(rules: Rules, text: str) -> Faq | None:
    """Return the first prepared answer all of whose words, in one of its wordings, stand in `text`."""
    said = normalize("NFKC", text).casefold()
    for faq, wordings in _wordings(rules):
        if any(all(word in said for word in words) for words in wordings):
            return faq
    return None


@lru_cache(RULES_KEPT)
def _wordings(rules: Rules) -> Sequence[tuple[Faq, Sequence[Sequence[str]]]]:
    """Return each prepared answer with the words of its wordings in all languages, as they are looked for."""
    return [
        (faq, [[word.casefold() for word in words] for asks in faq.asks.values() for words in asks])
        for faq in rules.faq
    ]
