"""Words that mean view / correct / delete / … in English and Chinese, whatever the language of the conversation.

Only whole phrases count, never a word inside a sentence: "view" and "show me my data" are the command, "can I view the
gateway's log?" is a question. The phrases are in `command_phrases`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from intake.command_phrases import ASKING_BEFORE, COURTESY_AFTER, COURTESY_BEFORE, NO, PHRASES, SKIP, YES

NAMES = (
    "help", "view", "correct", "delete", "withdraw", "export", "policy", "receipts", "language", "human", "cancel", "new",
)  # fmt: skip

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
    return next(filter(None, (_phrase(wording, known) for wording in _wordings(said))), None)


def is_yes(text: str) -> bool:
    """Return whether `text` says yes and nothing else."""
    return _YES.fullmatch(plain(text)) is not None


def is_no(text: str) -> bool:
    """Return whether `text` says no and nothing else."""
    return _NO.fullmatch(plain(text)) is not None


def is_skip(text: str) -> bool:
    """Return whether `text` says that a question be skipped, and nothing else."""
    return _SKIP.fullmatch(plain(text)) is not None


_HAN = "\u3400-\u9fff"
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": None, "”": None, '"': None, "「": None, "」": None})
_BESIDE_HAN = re.compile(rf"(?<=[{_HAN}]) | (?=[{_HAN}])")
_ENDING = " .!?~…,;:。！？～，、；："


def plain(text: str) -> str:
    """Return `text` as the phrases are written: NFKC, lower case, single spaces, no closing punctuation."""
    line = " ".join(unicodedata.normalize("NFKC", text).casefold().translate(_QUOTES).split())
    return _BESIDE_HAN.sub("", line.rstrip(_ENDING) or line)


def _one_of(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases))


def _with_slots(phrase: str) -> str:
    for slot in ("field", "purpose", "locale"):
        phrase = phrase.replace(f"{{{slot}}}", f"(?P<{slot}>.+?)")
    return phrase


def _alternatives(phrase: str) -> Iterator[str]:
    """Yield the alternatives of a phrase at its outermost level: each is tried alone, a slot name occurs once in one."""
    depth, start = 0, 0
    for place, character in enumerate(phrase):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            yield phrase[start:place]
            start = place + 1
    yield phrase[start:]


_YES, _NO, _SKIP = _one_of(YES), _one_of(NO), _one_of(SKIP)
_FIXED = {
    name: _one_of(*(one for phrase in phrases for one in _alternatives(phrase) if "{" not in one))
    for name, phrases in PHRASES.items()
}
_NAMING = tuple(
    (name, re.compile(_with_slots(one)))
    for name, phrases in PHRASES.items()
    for phrase in phrases
    for one in _alternatives(phrase)
    if "{" in one
)
# Answers to questions are typed far more often than commands: one look at all phrases turns them away in microseconds.
_ANY = _one_of(*(re.sub(r"\{\w+\}", ".+", phrase) for phrases in PHRASES.values() for phrase in phrases))
_BEFORE, _AFTER = re.compile(f"(?:{COURTESY_BEFORE})+"), re.compile(f"(?:{COURTESY_AFTER})+$")
_ASKING = re.compile(ASKING_BEFORE)
_ABOUT_ME = re.compile(r"\b(?:my|me)\b|我")
_SLASH = re.compile(rf"/([a-z]+)(?:@[a-z0-9_]+)?(?: |(?=[{_HAN}])|$)(.*)")
_SLASH_ALSO = {"start": "new", "restart": "new", "stop": "cancel", "lang": "language"}


def _wordings(said: str) -> Iterator[str]:
    """Yield what was said, then without its courtesies, then without the words that make it a question."""
    yield said
    bare = _AFTER.sub("", _BEFORE.sub("", said, count=1))
    if bare != said:
        yield bare
    asked = _ASKING.sub("", bare, count=1)
    if asked != bare and _ABOUT_ME.search(asked):
        yield asked


def _phrase(said: str, known: Mapping[str, Words]) -> Command | None:
    if not _ANY.fullmatch(said):
        return None
    for name, pattern in _FIXED.items():
        if pattern.fullmatch(said):
            return Command(name)
    for name, pattern in _NAMING:
        match = pattern.fullmatch(said)
        for slot, word in match.groupdict().items() if match else ():
            if meant := _meant(word, known[slot]):
                return Command(name, meant if name in _TAKES_ARGUMENT else "")
    return None


_TAKES_ARGUMENT = frozenset({"correct", "withdraw", "language"})


def _slash(said: str, known: Mapping[str, Words]) -> Command | None:
    match = _SLASH.fullmatch(said)
    name = match and _SLASH_ALSO.get(match[1], match[1])
    if match is None or name not in NAMES:
        return None
    slot = {"correct": "field", "withdraw": "purpose", "language": "locale"}.get(name, "")
    return Command(name, _meant(match[2], known[slot]) if slot else "")


def _meant(word: str, known: Words) -> str:
    """Return the id that `word` means, or nothing."""
    return next((one for one, words in known.items() if word in {plain(each) for each in (one, *words)}), "")
