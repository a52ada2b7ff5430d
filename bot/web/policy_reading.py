"""The privacy policy as people read it: versions in order, safe HTML, and what a new one changed (S26–S28)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from functools import cache

import nh3
from markdown_it import MarkdownIt

from config.load import Loaded
from intake.rules import PolicyVersion

TAGS = frozenset(
    (
        *(
            "a",
            "blockquote",
            "br",
            "code",
            "em",
            "h1",
            "h2",
            "h3",
            "h4",
            "hr",
            "li",
            "ol",
            "p",
            "strong",
            "ul",
        ),
        *("table", "tbody", "td", "th", "thead", "tr"),
    )
)
_WORDS = re.compile(r"[^\W\u3400-\u9fff]+|[\u3400-\u9fff]|\s+|.", re.DOTALL)  # a Chinese sign is a word


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words within a changed paragraph: `same`, `removed` or `added`."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a comparison: `same`, `removed`, `added` or `changed`, then in pieces."""

    kind: str
    pieces: tuple[Piece, ...]


class Policies:
    """The published versions of the policy; each text was checked and filled in when it was loaded."""

    def __init__(self, loaded: Loaded) -> None:
        """Turn every text into HTML once."""
        self._versions, self._texts = loaded.rules.policies, loaded.policies
        self._html: Mapping[tuple[str, str], str] = {
            (version, locale): safe_html(text)
            for version, texts in loaded.policies.items()
            for locale, text in texts.items()
        }

    def published(self, today: date) -> tuple[PolicyVersion, ...]:
        """Return the versions that were published by `today`, newest first; a later one is nobody's business yet."""
        shown = [one for one in self._versions.values() if one.published_on <= today]
        return tuple(sorted(shown, key=lambda one: one.effective_on, reverse=True))

    def find(self, version: str, today: date) -> PolicyVersion | None:
        """Return a published version by its name."""
        return next((one for one in self.published(today) if one.version == version), None)

    def before(self, version: PolicyVersion, today: date) -> PolicyVersion | None:
        """Return the version that `version` replaced or will replace."""
        older = [one for one in self.published(today) if one.effective_on < version.effective_on]
        return older[0] if older else None

    def text(self, version: str, locale: str) -> str:
        """Return the Markdown that the notice's hash is taken of."""
        return self._texts[version][locale]

    def html(self, version: str, locale: str) -> str:
        """Return the text as HTML without anything that acts."""
        return self._html[version, locale]

    def compared(self, older: str, newer: str, locale: str) -> tuple[Paragraph, ...]:
        """Return what stayed, went and came from one version to another, paragraph by paragraph."""
        return tuple(compare(self.text(older, locale), self.text(newer, locale)))


@cache  # few texts, which never change; each is drawn at a start only
def safe_html(markdown: str) -> str:
    """Return the HTML of a document: headings, lists, tables and links, never a script, style or form."""
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    safe = nh3.clean(
        html, tags=set(TAGS), attributes={"a": {"href"}}, url_schemes={"https", "http", "mailto", "tel"}
    )
    return safe.replace("<table>", '<div class="wide" tabindex="0"><table>').replace(
        "</table>", "</table></div>"
    )


def compare(older: str, newer: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of two texts side by side; within a changed one, the words that differ."""
    old, new = _paragraphs(older), _paragraphs(newer)
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (Paragraph("same", (Piece("same", text),)) for text in new[c:d])
            continue
        pairs = min(b - a, d - c)
        for index in range(pairs):
            yield Paragraph("changed", tuple(_words(old[a + index], new[c + index])))
        yield from (Paragraph("removed", (Piece("removed", text),)) for text in old[a + pairs : b])
        yield from (Paragraph("added", (Piece("added", text),)) for text in new[c + pairs : d])


def _paragraphs(text: str) -> Sequence[str]:
    """Return paragraphs, list items and table rows, each on one line, without Markdown's marks."""
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.)\s?)", text)
    return [plain for block in blocks if (plain := _plain(" ".join(block.split())))]


def _plain(line: str) -> str:
    if re.fullmatch(r"[|:\- ]+", line):  # the rule between a table's head and body
        return ""
    cells = re.sub(r"\s*\|\s*", " · ", line.strip("| ")) if line.startswith("|") else line
    return re.sub(r"^#+\s*|\*\*|`", "", re.sub(r"^[-*]\s+", "• ", cells)).strip()


def _words(older: str, newer: str) -> Iterator[Piece]:
    """Yield the words of a changed paragraph; changes that only a space parts are told as one."""
    removed, added = "", ""
    for kind, went, came in _opcodes(_WORDS.findall(older), _WORDS.findall(newer)):
        if kind != "equal" or ((removed or added) and came.isspace()):
            removed, added = removed + went, added + came
            continue
        yield from _change(removed, added)
        removed = added = ""
        yield Piece("same", came)
    yield from _change(removed, added)


def _change(removed: str, added: str) -> Iterator[Piece]:
    """Yield what went and what came; a space that both end with stands behind them."""
    space = " " if removed.endswith(" ") and added.endswith(" ") else ""
    pieces = (("removed", removed), ("added", added))
    yield from (Piece(kind, text.removesuffix(space)) for kind, text in pieces if text.removesuffix(space))
    if space:
        yield Piece("same", space)


def _opcodes(old: list[str], new: list[str]) -> Iterator[tuple[str, str, str]]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield kind, "".join(old[a:b]), "".join(new[c:d])
