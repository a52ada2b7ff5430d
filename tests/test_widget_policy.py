"""The widget while the policy changes: announced before its date; once it holds, consent is asked again (S27, S28)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.widget_tour import SATURDAY, SUNDAY, Tour, touring

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _opened(tour: Tour) -> dict[str, Any]:
    """Open the chat; return what the desk answered."""
    async with tour.seen.page.expect_response("**/api/v1/sessions") as waiting:
        await tour.seen.open()
    answer: dict[str, Any] = await (await waiting.value).json()
    return answer


async def test_outside_business_hours_the_visitor_is_told_so(browser: Browser, tmp_path: Path) -> None:
    """On a Saturday night the greeting says that nobody is there, and when a colleague answers."""
    async with touring(browser, tmp_path, "en") as tour:
        tour.clock.now = SATURDAY
        session = await _opened(tour)

        await tour.seen.sees("Nobody is here right now")
        assert "coming" not in session["policy"]
        await expect(tour.seen.dialog.locator(".coming")).to_have_count(0)


async def test_a_version_to_come_is_announced_in_the_chat(browser: Browser, tmp_path: Path) -> None:
    """S27: from its publication on a quiet line says from when, what changes, and where it is read."""
    async with touring(browser, tmp_path, "en") as tour:
        tour.clock.now = SUNDAY
        session = await _opened(tour)

        coming = session["policy"]["coming"]
        assert (coming["version"], coming["effective_on"]) == ("next", "2026-11-30")
        banner = tour.seen.dialog.locator(".coming")
        await expect(banner).to_contain_text(
            "On Nov 30, 2026 a new privacy policy takes effect: The phone may be kept longer."
        )
        assert str(await banner.locator("a").get_attribute("href")).endswith("/policy/next?lang=en")
        await tour.seen.page.evaluate("askfirst.reset()")
        await tour.seen.page.locator(".chip").first.wait_for()
        await expect(banner).to_have_count(1)


async def test_from_its_date_on_consent_is_asked_again_before_anything_is_taken(
    browser: Browser, tmp_path: Path
) -> None:
    """S28: the card shows what changed and asks for what was agreed to; agreeing leads back to the open question."""
    async with touring(browser, tmp_path, "en") as tour:
        seen, tour.clock.now = tour.seen, SUNDAY
        token = (await _opened(tour))["token"]
        await seen.to_consent()
        await seen.dialog.get_by_label("News").check()
        await seen.pick("Agree")
        await seen.pick("My own")
        await seen.asks("Name")
        tour.clock.tick(minutes=20)

        await seen.say("Li Na")

        await seen.sees("Our policy has changed: your choice again")
        await seen.sees("The phone may be kept longer.")
        await expect(seen.dialog.locator(".box")).to_have_count(1)
        assert await seen.dialog.locator("input:checked").count() == 0
        compared = seen.dialog.get_by_role("link", name="Compare both versions")
        assert str(await compared.get_attribute("href")).endswith("/policy/diff/2026-11/next?lang=en")
        refused = await seen.context.request.patch(
            seen.page.url + "api/v1/me", data={"name": "Li Na"}, headers={"Authorization": f"Bearer {token}"}
        )
        assert (refused.status, (await refused.json())["code"]) == (403, "consent_required")
        await seen.pick("Agree")
        await seen.asks("Name")
        await seen.say("Li Na")
        await seen.asks("Company")
