"""Numbers the way people type them: any script's digits, in groups, spaced, dashed, dotted, glued to words.

What the spotters of `forbidden_numbers` and `contact_details` share. `fold` makes a text plain without changing its
length, so that a place in the plain text is the same place in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple


class Span(NamedTuple):
    """Where a value stands, and its kind: phone, email, id_number, bank_card."""

    start: int
    end: int
    kind: str


class Window(NamedTuple):
    """Whole groups of digits in a row: a number, perhaps."""

    digits: str
    groups: tuple[tuple[int, int], ...]  # start and end of each group in the text
    whole: bool  # nothing but this stands between two words

    @property
    def start(self) -> int:
        """Return where the first digit stands."""
        return self.groups[0][0]

    @property
    def end(self) -> int:
        """Return where the last digit ends."""
        return self.groups[-1][1]

    @property
    def sizes(self) -> list[int]:
        """Return how many digits each group has."""
        return [end - start for start, end in self.groups]


_PRINTABLE_ASCII = frozenset(map(chr, range(0x20, 0x7F)))
_KEPT = frozenset("\t\n\r")
_FULL_WIDTH = range(0xFF01, 0xFF5F)  # U+FF01 to U+FF5E are U+0021 to U+007E, 0xFEE0 further on
_UNSEEN = "\u200b"  # stands for every invisible character
_BY_CATEGORY = {"Pd": "-", "Zs": " ", "Cf": _UNSEEN, "Cc": _UNSEEN}

BETWEEN = r"[ \t.\-_\u200b]"  # a character that may stand between the groups of one number
_BETWEEN_GROUPS = re.compile(BETWEEN + "{1,3}")
_DIGITS = re.compile(r"[0-9]+")
_ANY_DIGIT = re.compile(r"\d")


def count_digits(text: str) -> int:
    """Return how many decimal digits of any script stand in `text`."""
    return len(_ANY_DIGIT.findall(text))


def fold(text: str) -> str:
    """Return `text`, as long as before, with digits of any script, full-width forms, dashes and spaces made ASCII."""
    return text.translate({ord(c): _plain(c) for c in set(text) - _PRINTABLE_ASCII - _KEPT})


def _plain(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if ord(character) in _FULL_WIDTH:
        return chr(ord(character) - 0xFEE0)
    return "." if character in "·・" else _BY_CATEGORY.get(unicodedata.category(character), character)


def spot(plain: str, kind: str, lengths: range, end_of: Callable[[str, Window], int]) -> list[Span]:
    """Return where numbers of so many digits stand, the longest first, that `end_of` accepts.

    `end_of(plain, window)` gives the end of the value in the window, or 0. A number never cuts a group.
    """
    spans: list[Span] = []
    for run in _runs(plain):
        totals = [0, *accumulate(end - start for start, end in run)]
        digits = "".join(plain[start:end] for start, end in run)
        first = 0
        while first < len(run):
            taken = 1
            for window in _windows(run, totals, digits, first, lengths):
                if end := end_of(plain, window):
                    spans.append(Span(window.start, end, kind))
                    taken = len(window.groups)
                    break
            first += taken
    return spans


def _runs(plain: str) -> Iterator[list[tuple[int, int]]]:
    """Yield groups of digits that only spaces, dashes, dots or unseen characters hold apart."""
    groups = [match.span() for match in _DIGITS.finditer(plain)]
    run = groups[:1]
    for left, right in pairwise(groups):
        if not _BETWEEN_GROUPS.fullmatch(plain, left[1], right[0]):
            yield run
            run = []
        run.append(right)
    if run:
        yield run


def _windows(
    run: list[tuple[int, int]], totals: list[int], digits: str, first: int, lengths: range
) -> Iterator[Window]:
    """Yield the windows that begin with group `first`, longest first."""
    last = first
    while last < len(run) and totals[last + 1] - totals[first] < lengths.stop:
        last += 1
    for stop in range(last, first, -1):
        if totals[stop] - totals[first] < lengths.start:
            return
        yield Window(
            digits[totals[first] : totals[stop]], tuple(run[first:stop]), whole=stop - first == len(run)
        )


# Letters that a number is glued to make it a part number, unless they only name what follows: "tel13800138000".
_GLUE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_GLUED_MAX = 40  # characters looked at on either side


def letters_before(plain: str, start: int) -> str:
    """Return the letters glued in front of a number, in lower case."""
    before = plain[max(0, start - _GLUED_MAX) : start]
    return _letters(before[len(before.rstrip(_GLUE)) :])


def letters_after(plain: str, end: int) -> str:
    """Return the letters glued behind a number, in lower case."""
    after = plain[end : end + _GLUED_MAX]
    return _letters(after[: len(after) - len(after.lstrip(_GLUE))])


def _letters(glued: str) -> str:
    return "".join(filter(str.isalpha, glued)).lower()
