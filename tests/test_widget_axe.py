"""Every state of the widget, light and dark, in both languages, under axe: no violation, and nothing left undecided."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.accessibility import Scheme, faults_in
from tests.chat_window import DESKTOP, PHONE
from tests.widget_tour import STATES, touring

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("locale", "size", "schemes"),
    [
        ("en", DESKTOP, ("light", "dark")),
        ("zh-CN", DESKTOP, ("light", "dark")),
        ("en", PHONE, ("dark",)),
        ("zh-CN", PHONE, ("light",)),
    ],
)
async def test_axe_finds_nothing_in_any_state(
    browser: Browser, tmp_path: Path, locale: str, size: tuple[int, int], schemes: tuple[Scheme, ...]
) -> None:
    """WCAG 2.2 AA as far as a program can tell: every state, light and dark, desktop and phone, both languages."""
    async with touring(browser, tmp_path, locale, scheme=schemes[0], size=size) as tour:
        page = tour.seen.page
        found = {"page": await faults_in(page, schemes)}
        # axe calls text undecided whose lines have different parts of the page behind the panel, opaque as that is
        await page.evaluate(
            "for (const one of document.querySelectorAll('main, .top, .bottom')) one.hidden = true"
        )
        async for state in tour.states():
            found[state] = await faults_in(page, schemes)

    assert {state: faults for state, faults in found.items() if any(faults.values())} == {}
    assert [tuple(one) for one in found.values()] == [schemes] * len(found)
    assert tuple(found) == ("page", *STATES)


async def test_a_fault_is_named_in_the_theme_that_has_it(browser: Browser) -> None:
    """What the other tests find is found in each theme, on a page that axe was brought into before."""
    page = await browser.new_page(color_scheme="light")
    await page.set_content(
        '<!doctype html><html lang="en"><title>Words</title><main><h1>Words</h1></main><style>'
        "@media (prefers-color-scheme: dark) { h1 { color: #777; background: #666 } }</style>"
    )

    found = await faults_in(page, ("light", "dark"))

    assert found["light"] == []
    assert [one.split()[:2] for one in found["dark"]] == [["violations:", "color-contrast"]]
    await page.close()
