"""Answers in words: text, names, postal addresses, choices and the unified social credit code."""

from __future__ import annotations

import re
import unicodedata

from stdnum import exceptions
from stdnum.cn import uscc

from intake.rejection import Asked, Rejected, reject
from intake.screening import screen_forbidden

# Control, format (bidirectional, zero-width), surrogates, private use, unassigned.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters, marks and symbols that draw nothing: joiner, Hangul and Khmer fillers, Mongolian selectors, blank Braille.
_HIDDEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_WHITESPACE = re.compile(r"[\t\n\r \u2028\u2029]+")  # after NFKC, which makes spaces of every width one

_JOINING = frozenset(" '’‘.-‐–·・•,")  # apostrophes, dots, hyphens and the dot inside transliterated names
_IDEOGRAPHIC_ZERO = "〇"  # a number to Unicode, a letter in Chinese names


def has_hidden_characters(text: str) -> bool:
    """Return whether something in `text` cannot be seen, so that it would read otherwise than it is."""
    if text.isprintable() and _HIDDEN.isdisjoint(text):  # nearly always, and much sooner known
        return False
    return any(c in _HIDDEN or unicodedata.category(c) in _HIDDEN_CATEGORIES for c in text)


def _clean(text: str) -> str:
    return _WHITESPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip(" ")


def _parse_line(kind: str, text: str, asked: Asked) -> str | Rejected:
    line = _clean(text)
    if not line:
        return reject(f"{kind}.empty")
    if len(line) > asked.max_length:
        return reject(f"{kind}.too_long")
    if has_hidden_characters(line):
        return reject(f"{kind}.hidden_characters")
    forbidden = screen_forbidden(line).found
    return reject(f"forbidden.{forbidden[0]}") if forbidden else line


def parse_text(text: str, asked: Asked) -> str | Rejected:
    """Return one line, NFKC-normalised, or what is wrong with it."""
    return _parse_line("text", text, asked)


def parse_address(text: str, asked: Asked) -> str | Rejected:
    """Return a postal address on one line, NFKC-normalised, or what is wrong with it."""
    return _parse_line("address", text, asked)


def parse_name(text: str, asked: Asked) -> str | Rejected:
    """Return a person's name: letters and marks of any script, spaces, apostrophes, hyphens, dots."""
    line = _parse_line("name", text, asked)
    if isinstance(line, Rejected):
        return line
    classes = {
        "L" if c == _IDEOGRAPHIC_ZERO else unicodedata.category(c)[0] for c in line if c not in _JOINING
    }
    if "N" in classes:
        return reject("name.has_digits")
    if not classes <= {"L", "M"}:
        return reject("name.has_symbols")
    return line if "L" in classes else reject("name.no_letters")


def parse_choice(text: str, asked: Asked) -> str | Rejected:
    """Return the value that `text` is, or whose label it is in any language."""
    wanted = _clean(text).casefold()
    for value, labels in asked.choices:
        if wanted in {_clean(word).casefold() for word in (value, *labels)}:
            return value
    return reject("choice.unknown")


_USCC_LENGTH = 18  # characters; GB 32100-2015


def parse_uscc(text: str, _asked: Asked) -> str | Rejected:
    """Return a unified social credit code in capitals, its checksum verified, or what is wrong with it."""
    code = re.sub(r"[\s\-‐–]", "", unicodedata.normalize("NFKC", text)).upper()
    if not code:
        return reject("uscc.empty")
    if len(code) != _USCC_LENGTH:
        return reject("uscc.length")
    try:
        return str(uscc.validate(code))
    except exceptions.InvalidChecksum:
        return reject("uscc.checksum")
    except exceptions.ValidationError:
        return reject("uscc.characters")
