"""What is sent of the widget's source: all that it does and says, and nothing that is written for its readers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.web.assets import PARCELS, loader, parcel

SOURCE = Path(__file__).parents[1] / "bot" / "widget"
NOTE = re.compile(r"(?:^|\s)//\s(?P<line>.+)$|/\*(?P<block>[\s\S]*?)\*/", re.MULTILINE)
TEXT = re.compile(r'"[^"\n]*"')
LONG = 20  # characters: what is so long stands in the source once
# A template within another: the minifier would take its spaces for code's.
NESTED = re.compile(r"`[^`]*\$\{[^`}]*`")
RULES = """(text) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(text);
    return [...sheet.cssRules].map((one) => one.cssText.replace(/\\s*,\\s*/g, ",")); }"""


def _sources(*suffixes: str) -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.iterdir()):
        if path.suffix in suffixes and not path.name.endswith(".d.ts"):
            yield path.name, path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sent() -> str:
    """Everything that is sent, in one text."""
    return "\n".join([loader(SOURCE, "1"), *(parcel(SOURCE, name) for name in PARCELS)])


def test_no_comment_is_sent(sent: str) -> None:
    """What explains the code to its readers stays at home, wherever it stands: no visitor pays for it."""
    notes = [
        found["line"] or found["block"]
        for _, text in _sources(".js", ".css")
        for found in NOTE.finditer(text)
    ]
    told = [note for note in notes if len(note) > LONG and note.strip() in sent]

    assert len(notes) > 100
    assert told == []


def test_every_word_is_sent_as_it_was_written(sent: str) -> None:
    """The spaces and signs within a text are the visitor's, none of them goes."""
    texts = [found[0] for _, source in _sources(".js") for found in TEXT.finditer(NOTE.sub("", source))]
    words = [
        text for text in texts if len(text) > LONG and not text.startswith('"./')
    ]  # not the modules' names

    assert len(words) > 50
    assert [word for word in words if word not in sent] == []


def test_no_template_stands_within_another() -> None:
    """Where one did, the minifier would drop the spaces of the inner one, and no other test need see it."""
    assert [name for name, text in _sources(".js") if NESTED.search(text)] == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", ["panel.css", "talk.css"])
async def test_a_sheet_has_the_rules_that_were_written(browser: Browser, name: str, sent: str) -> None:
    """The browser reads the same rules from what is sent as from the source."""
    page = await (await browser.new_context()).new_page()
    sheets = re.findall(r"(?<=replaceSync\()\"(?:[^\"\\]|\\.)*\"", sent)

    written = await page.evaluate(RULES, (SOURCE / name).read_text(encoding="utf-8"))

    assert written in [await page.evaluate(RULES, json.loads(sheet)) for sheet in sheets]
