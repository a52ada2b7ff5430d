"""Every state of the widget, light and dark, in both languages, under axe: no violation, and nothing left undecided."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.chat_window import PHONE, Window, served_desk, window

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def states(seen: Window) -> dict[str, list[str]]:
    """Go through a consultation and return what axe finds in each state."""
    found: dict[str, list[str]] = {"page": await seen.axe()}
    # axe calls text undecided whose lines have different parts of the page behind the panel, opaque as that is
    await seen.page.evaluate(
        "for (const one of document.querySelectorAll('main, .top, .bottom')) one.hidden = true"
    )
    await seen.open()
    found["greeting"] = await seen.axe()
    await seen.to_consent()
    found["consent"] = await seen.axe()
    await seen.dialog.get_by_text("Read the whole policy here").click()
    await seen.dialog.locator(".notice h1").wait_for()
    found["policy on the card"] = await seen.axe()
    await seen.pick("Agree")
    await seen.pick("My own")
    await seen.asks("Name")
    found["field"] = await seen.axe()
    await seen.say("Li Na 4")
    await seen.dialog.locator("#fault").wait_for()
    found["rejection"] = await seen.axe()
    await seen.say("Li Na")
    await seen.asks("Company")
    await seen.say("Example Pumps")
    await seen.asks("Mobile phone")
    await seen.say("+86 138 0013 8000")
    for label in ("E-mail", "Position"):
        await seen.asks(label)
        await seen.pick("Skip")
    await seen.sees("Which industry")
    found["choice"] = await seen.axe()
    await seen.pick("Water")
    await seen.sees("Check before you send")
    found["review"] = await seen.axe()
    await seen.pick("Send")
    await seen.sees("Your reference is")
    found["sent"] = await seen.axe()
    await seen.say("view")
    await seen.dialog.locator(".log .record").wait_for()
    found["record"] = await seen.axe()
    await seen.dialog.get_by_role("button", name="Privacy and my data").click()
    await seen.dialog.locator(".view .record").wait_for()
    found["my data"] = await seen.axe()
    await seen.pick("Delete my data")
    await seen.sees("What shall be erased")
    found["confirm"] = await seen.axe()
    await seen.context.set_offline(True)
    await seen.dialog.locator(".bar:not(:empty)").wait_for()
    found["offline"] = await seen.axe()
    await seen.context.set_offline(False)
    await seen.dialog.locator(".bar:not(:empty)").wait_for(state="hidden")
    await seen.pick("Everything about me")
    await seen.sees("What went")
    found["erased"] = await seen.axe()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1000, 760), PHONE], ids=["desktop", "phone"])
async def test_axe_finds_nothing_in_any_state(
    browser: Browser, tmp_path: Path, scheme: str, size: tuple[int, int]
) -> None:
    """WCAG 2.2 AA as far as a program can tell, in fourteen states, light and dark, desktop and phone."""
    async with (
        served_desk(tmp_path) as served,
        window(browser, f"{served.url}/", scheme=scheme, size=size) as seen,
    ):
        found = await states(seen)

    assert {state: faults for state, faults in found.items() if faults} == {}
    assert len(found) == 14
