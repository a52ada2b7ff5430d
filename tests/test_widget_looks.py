"""What axe cannot see, in every state of the widget: overlapping text, covered focus, wider spacing, forced colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.chat_window import DESKTOP, IN_ROOT, PHONE
from tests.widget_tour import STATES, touring

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Pairs of texts that lie on each other: each visible line of text against every other one.
OVERLAPS = f"""() => {{
    const root = {IN_ROOT}, lines = [], found = [];
    const walker = document.createTreeWalker(root.querySelector('dialog'), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {{
        const node = walker.currentNode, range = document.createRange();
        if (!node.data.trim() || !node.parentElement.checkVisibility()) continue;
        range.selectNodeContents(node);
        for (const box of range.getClientRects()) {{
            const hit = root.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            const seen = hit && (hit.contains(node) || node.parentElement.contains(hit));
            if (box.width > 1 && seen) lines.push({{ node, box }});
        }}
    }}
    for (const [at, one] of lines.entries()) for (const other of lines.slice(at + 1)) {{
        if (one.node === other.node) continue;
        const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (wide > 2 && high > 4) found.push(`${{one.node.data.slice(0, 30)}} | ${{other.node.data.slice(0, 30)}}`);
    }}
    return found; }}"""
# What has the focus, where its middle is covered or out of sight; headings that are read first can be scrolled to.
COVERED = f"""() => {{
    const root = {IN_ROOT}, one = root.activeElement;
    if (!one || !root.querySelector('dialog').contains(one) || one.matches('.talk, .view, dialog, .title')) return [];
    const box = one.getBoundingClientRect();
    const hit = root.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, 44) / 2);
    return hit && (one.contains(hit) || hit.contains(one)) ? [] : [one.outerHTML.slice(0, 80)]; }}"""
# Text that its own box cuts off.
CUT = f"""() => [...{IN_ROOT}.querySelectorAll('dialog *')]
    .filter((one) => one.checkVisibility() && !one.matches('.sr, .sr *, .talk, .view, input, textarea'))
    .filter((one) => getComputedStyle(one).overflow === 'hidden' || one.matches('button'))
    .filter((one) => one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2)
    .map((one) => one.outerHTML.slice(0, 80))"""
# WCAG 1.4.12, its very numbers.
SPACED = f"""() => {{
    const wide = new CSSStyleSheet();
    wide.replaceSync(`* {{ line-height: 1.5 !important; letter-spacing: 0.12em !important;
        word-spacing: 0.16em !important }} p {{ margin-bottom: 2em !important }}`);
    const root = {IN_ROOT};
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, wide]; }}"""
# Controls and cards without a border that forced colours draw.
CONTROLS = "dialog, button:not(.link, .close), input:not([type=checkbox]), textarea, .card"
BORDERLESS = f"""() => [...{IN_ROOT}.querySelectorAll('{CONTROLS}')]
    .filter((one) => one.checkVisibility()).filter((one) => {{
        const style = getComputedStyle(one);
        return style.borderTopStyle === 'none' || parseFloat(style.borderTopWidth) === 0; }})
    .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize(("locale", "size"), [("en", PHONE), ("zh-CN", DESKTOP)])
async def test_no_text_lies_on_another_and_the_focus_is_seen(
    browser: Browser, tmp_path: Path, locale: str, size: tuple[int, int]
) -> None:
    """WCAG 2.4.7, 2.4.11: in every state each line can be read, and what has the focus is not covered."""
    found: dict[str, list[str]] = {}
    async with touring(browser, tmp_path, locale, size=size) as tour:
        seen = tour.seen
        async for state in tour.states():
            found[state] = [*await seen.page.evaluate(OVERLAPS), *await seen.page.evaluate(COVERED)]

    assert {state: faults for state, faults in found.items() if faults} == {}
    assert tuple(found) == STATES


async def test_wider_spacing_of_text_cuts_nothing_off(browser: Browser, tmp_path: Path) -> None:
    """WCAG 1.4.12: with its spacing of lines, letters, words and paragraphs nothing is cut, covered or too wide."""
    found: dict[str, list[str]] = {}
    async with touring(browser, tmp_path, "en", size=PHONE) as tour:
        seen = tour.seen
        async for state in tour.states():
            if state == STATES[0]:
                await seen.page.evaluate(SPACED)
            cut = await seen.page.evaluate(CUT)
            found[state] = [*await seen.page.evaluate(OVERLAPS), *cut, *await seen.sideways()]

    assert {state: faults for state, faults in found.items() if faults} == {}


async def test_forced_colours_draw_every_control(browser: Browser, tmp_path: Path) -> None:
    """WCAG 1.4.11 under forced colours: what is pressed or typed into has a border that is really there."""
    found: dict[str, list[str]] = {}
    async with touring(browser, tmp_path, "en") as tour:
        seen = tour.seen
        await seen.page.emulate_media(forced_colors="active")
        async for state in tour.states():
            found[state] = await seen.page.evaluate(BORDERLESS)

    assert {state: faults for state, faults in found.items() if faults} == {}
