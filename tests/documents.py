"""Reading the documents and what they are about: tables, sections, commands, addresses, metrics."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOT_OURS = {".venv", "var", "node_modules", "__pycache__"}
Address = tuple[str, str]  # method and path


def page(name: str) -> str:
    """Return a document."""
    return (ROOT / "docs" / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its rank or above."""
    rank = len(heading.partition(" ")[0])
    found = re.split(rf"^{re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)
    assert len(found) == 2, f"no heading {heading}"
    return re.split(rf"^#{{1,{rank}}} ", found[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row, headings left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {place - 1 for place, line in enumerate(lines) if re.fullmatch(r"[|\s:-]+", line)}
    plain = [
        line for place, line in enumerate(lines) if place not in heads and not re.fullmatch(r"[|\s:-]+", line)
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in plain]


def codes(cell: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def sources(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module below a folder."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def documents() -> list[Path]:
    """Return every document of the project."""
    found = (path for path in ROOT.rglob("*.md") if not NOT_OURS & {*path.relative_to(ROOT).parts})
    return sorted(path for path in found if not path.relative_to(ROOT).parts[0].endswith("_cache"))


def commands(whole: argparse.ArgumentParser) -> Iterator[tuple[str, set[str]]]:
    """Yield every command that does something, with its long options."""
    for path, parser in parsers(whole):
        shown = (one for one in parser._actions if one.help != argparse.SUPPRESS)
        options = {name for one in shown for name in one.option_strings if name.startswith("--")}
        yield path, options - {"--help"}


def parsers(whole: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that does something, with its parser."""
    below = [one for one in whole._actions if isinstance(one, argparse._SubParsersAction)]
    for branch in below:
        for name, inner in branch.choices.items():
            yield from parsers(inner, f"{path} {name}".strip())
    if not below:
        yield path, whole


def labelled(text: str) -> dict[str, tuple[str, ...]]:
    """Return the metrics that a text names, with their labels."""
    found = re.findall(r"`(askfirst_[a-z_]+)(?:\{([a-z,]+)\})?`", text)
    return {name: tuple(filter(None, labels.split(","))) for name, labels in found}


def written(text: str, known: set[Address], *, bare: bool) -> set[Address]:
    """Return the addresses that a text names. A `bare` path stands for GET, or for whatever answers there."""
    found = set(re.findall(r"`(GET|POST|PATCH|PUT|DELETE) (/[^`?\s]*)", text))
    for path in re.findall(r"`(/[^`?\s]*)", text) if bare else ():
        found |= (
            {one for one in known if one[1] == path and one[0] == "GET"}
            or {one for one in known if one[1] == path}
            or {("nothing answers", path)}
        )
    return found


def slug(heading: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
