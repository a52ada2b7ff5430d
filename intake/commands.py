"""Words that mean view / correct / delete / … in English and Chinese, whatever the language of the conversation.

Only whole phrases count, never a word inside a sentence: "view" and "show me my data" are the command, "can I view the
gateway's log?" is a question. The phrases are in `command_phrases`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from intake.command_phrases import (
    ASKING_BEFORE,
    COURTESY_AFTER,
    COURTESY_BEFORE,
    FIX_MINE,
    FIX_SOMETHING,
    GREETING,
    NO,
    PHRASES,
    SKIP,
    SKIP_ITSELF,
    THANKS,
    YES,
)

NAMES = tuple(PHRASES)  # help view correct delete withdraw export policy receipts language human cancel new

_LENGTH_MAX = 80  # characters; the longest phrase with its courtesies is shorter

Words = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Command:
    """What the person asked for. `argument` is the field, purpose or locale that the phrase names, or empty."""

    name: str
    argument: str = ""


def recognise(text: str, *, fields: Words, purposes: Words, locales: Words) -> Command | None:
    """Return the command that the whole of `text` is, or None.

    Each mapping gives, for an id of the configuration, the words of all languages that mean it; the id means itself.
    """
    if len(text) > _LENGTH_MAX:
        return None
    known = {"field": fields, "purpose": purposes, "locale": locales}
    said = plain(text)
    if said.startswith("/"):
        return _slash(said, known)
    wordings = _wordings(said) if _PERHAPS.fullmatch(said) else ()
    return next(filter(None, (_phrase(wording, known) for wording in wordings)), _locale_alone(said, locales))


def is_greeting(text: str) -> bool:
    """Tell whether `text` is a greeting and nothing else."""
    return _GREETING.fullmatch(plain(text)) is not None


def is_yes(text: str) -> bool:
    """Return whether `text` says yes and nothing else."""
    return _says(_YES, text)


def is_no(text: str) -> bool:
    """Return whether `text` says no and nothing else."""
    return _says(_NO, text)


def is_skip(text: str) -> bool:
    """Return whether `text` says that a question be skipped, and nothing else."""
    return _SKIP.fullmatch(plain(text)) is not None


def is_plain_skip(text: str) -> bool:
    """Return whether `text` is the word "skip" itself: "none" or "next" may be somebody's answer."""
    return _PLAIN_SKIP.fullmatch(plain(text)) is not None


def is_thanks(text: str) -> bool:
    """Return whether `text` thanks, agrees or takes leave, and nothing else."""
    return _says(_THANKS, text) or is_yes(text) or is_no(text)


def is_correction(text: str, *, mine: bool) -> bool:
    """Return whether `text` asks to correct something, whatever it is; with `mine` only where it says "my"."""
    said = plain(text)
    return any(pattern.fullmatch(said) for pattern in (_FIX_MINE, *(() if mine else (_FIX_SOMETHING,))))


def bare(text: str) -> str:
    """Return `text` without case, width and punctuation, as labels are compared."""
    line = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    words = "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in line).split()
    return _BESIDE_HAN.sub("", " ".join(words))


def _says(phrases: re.Pattern[str], text: str) -> bool:
    said = bare(text)[: _LENGTH_MAX + 1]
    return any(phrases.fullmatch(one) for one in (plain(text), said, _COURTEOUS.sub("", said)))


_APOSTROPHES = {ord(sign): None for sign in "'’‘`"}
_COURTEOUS = re.compile(r"(?: (?:please|thanks|thank you)|谢谢您?你?|多谢|麻烦(?:您|你)?了?)+$")
_HAN = "\u3400-\u9fff"
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": None, "”": None, '"': None, "「": None, "」": None})
_BESIDE_HAN = re.compile(rf"(?<=[{_HAN}]) | (?=[{_HAN}])")
_ENDING = " .!?~…,;:。！？～，、；："


def plain(text: str) -> str:
    """Return `text` as the phrases are written: NFKC, lower case, single spaces, no closing punctuation."""
    line = " ".join(unicodedata.normalize("NFKC", text).casefold().translate(_QUOTES).split())
    return _BESIDE_HAN.sub("", line.rstrip(_ENDING) or line)


def _one_of(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(phrases))


def _with_slots(phrase: str) -> str:
    for slot in ("field", "purpose", "locale"):
        phrase = phrase.replace(f"{{{slot}}}", f"(?P<{slot}>.+?)")
    return phrase


_YES, _NO, _SKIP, _GREETING, _THANKS = map(_one_of, (YES, NO, SKIP, GREETING, THANKS))
_PLAIN_SKIP, _FIX_MINE, _FIX_SOMETHING = map(_one_of, (SKIP_ITSELF, FIX_MINE, FIX_SOMETHING))
_FIXED = {
    name: _one_of(phrase for phrase in phrases if "{" not in phrase) for name, phrases in PHRASES.items()
}
_NAMING = tuple(
    (name, re.compile(_with_slots(phrase)))
    for name, phrases in PHRASES.items()
    for phrase in phrases
    if "{" in phrase
)
_BEFORE, _ASKING, _AFTER = (
    _one_of(words).pattern for words in (COURTESY_BEFORE, ASKING_BEFORE, COURTESY_AFTER)
)
_ANY = _one_of(re.sub(r"\{\w+\}", ".+", phrase) for phrases in PHRASES.values() for phrase in phrases).pattern
# Answers are typed far more often than commands: one look at all phrases turns them away in microseconds.
_PERHAPS = re.compile(rf"(?:{_BEFORE})*(?:{_ASKING})?(?:{_ANY})(?:{_AFTER})*")
_COURTESIES = re.compile(rf"^(?:{_BEFORE})+|(?:{_AFTER})+$")
_ASKED = re.compile(rf"^(?:{_ASKING})")
_ABOUT_ME = re.compile(r"\b(?:my|me|human|person|agent)\b|我|人工|真人|客服")
_SLASH = re.compile(rf"/([a-z]+)(?:@[a-z0-9_]+)?(?: |(?=[{_HAN}])|$)(.*)")
_SLASH_ALSO = {"start": "new", "restart": "new", "stop": "cancel", "lang": "language"}
_SLOTS = {"correct": "field", "withdraw": "purpose", "language": "locale"}  # commands that take an argument


def _wordings(said: str) -> Iterator[str]:
    """Yield what was said, then without its courtesies, then without the words that make it a question."""
    yield said
    bare = _COURTESIES.sub("", said)
    yield bare
    asked = _ASKED.sub("", bare)
    if _ABOUT_ME.search(asked):
        yield asked


def _phrase(said: str, known: Mapping[str, Words]) -> Command | None:
    for name, pattern in _FIXED.items():
        if pattern.fullmatch(said):
            return Command(name)
    for name, pattern in _NAMING:
        match = pattern.fullmatch(said)
        for slot, word in match.groupdict().items() if match else ():
            if meant := _meant(word, known[slot]):
                return Command(name, meant if name in _SLOTS else "")
    return None


def _locale_alone(said: str, locales: Words) -> Command | None:
    named = {each.casefold(): one for one, words in locales.items() for each in (one, *words)}
    if not any(word in said for word in named):  # most of what is typed; courtesies are slow to look for
        return None
    one = named.get(_COURTESIES.sub("", said))
    return Command("language", one) if one else None


def _slash(said: str, known: Mapping[str, Words]) -> Command | None:
    match = _SLASH.fullmatch(said)
    name = _SLASH_ALSO.get(match[1], match[1]) if match else ""
    if match is None or name not in NAMES:
        return None
    return Command(name, _meant(match[2], known[_SLOTS[name]]) if name in _SLOTS else "")


def _meant(word: str, known: Words) -> str:
    """Return the id that `word` means, or nothing."""
    return next((one for one, words in known.items() if word in {plain(each) for each in (one, *words)}), "")
