"""Every state of the widget, light and dark, in both languages, under axe: no violation, and nothing left undecided."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.chat_window import DESKTOP, PHONE
from tests.widget_tour import STATES, touring

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("locale", "scheme", "size"),
    [
        *((locale, scheme, DESKTOP) for locale in ("en", "zh-CN") for scheme in ("light", "dark")),
        ("en", "dark", PHONE),
        ("zh-CN", "light", PHONE),
    ],
)
async def test_axe_finds_nothing_in_any_state(
    browser: Browser, tmp_path: Path, scheme: str, size: tuple[int, int], locale: str
) -> None:
    """WCAG 2.2 AA as far as a program can tell: every state, light and dark, desktop and phone, both languages."""
    async with touring(browser, tmp_path, locale, scheme=scheme, size=size) as tour:
        seen = tour.seen
        found = {"page": await seen.axe()}
        # axe calls text undecided whose lines have different parts of the page behind the panel, opaque as that is
        await seen.page.evaluate(
            "for (const one of document.querySelectorAll('main, .top, .bottom')) one.hidden = true"
        )
        async for state in tour.states():
            found[state] = await seen.axe()

    assert {state: faults for state, faults in found.items() if faults} == {}
    assert tuple(found) == ("page", *STATES)
