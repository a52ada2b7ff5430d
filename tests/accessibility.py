"""What axe finds on a page, or cannot decide: asked again and again while the page changes, brought into it once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

Scheme: TypeAlias = Literal["light", "dark"]

AXE = Axe().axe_script  # half a megabyte
# only what is to be read leaves the browser: what axe is content with is ten times as much
ASKED = """() => axe.run({resultTypes: ['violations', 'incomplete']}).then((found) =>
    ['violations', 'incomplete'].flatMap((kind) => found[kind].flatMap((one) =>
        one.nodes.map((node) => `${kind}: ${one.id} ${node.target} ${node.failureSummary ?? ''}`))))"""


async def faults_of(page: Page) -> list[str]:
    """Return what axe finds or cannot decide on a page as it is shown now, by rule and place."""
    if await page.evaluate("typeof axe === 'undefined'"):
        await page.evaluate(AXE)
    found: list[str] = await page.evaluate(ASKED)
    return found


async def faults_in(page: Page, schemes: Sequence[Scheme]) -> dict[Scheme, list[str]]:
    """Return the same for each of these themes of the visitor's system; the last one stays."""
    found = dict[Scheme, list[str]]()
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        found[scheme] = await faults_of(page)
    return found
