"""The my-data page after a major version of the policy: it offers nothing that the desk would refuse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from storage.sources import Sources
from tests.chat_window import served_desk, window
from tests.house import two_versions
from tests.my_data_page import Ahead, comes_in, consulted
from tests.receivers import MailBox

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_nothing_is_offered_for_correction_that_would_be_refused(
    browser: Browser, tmp_path: Path, box: MailBox
) -> None:
    """S28, S21: it says who asks again, and where; reading, withdrawing and deleting stay."""
    ahead = Ahead()
    today = ahead().date()
    loaded = two_versions(tmp_path / "config", published=today, effective=today + timedelta(days=3))
    mail = f"smtp://127.0.0.1:{box.port}"
    async with served_desk(tmp_path, loaded=loaded, sources=Sources(clock=ahead), SMTP_URL=mail) as served:
        await consulted(served)
        async with window(browser, f"{served.url}/my-data") as seen:
            await comes_in(seen.page, served, box)
            await expect(seen.page.locator(".act button").first).to_be_visible()
            await expect(seen.page.locator(".person .note")).to_have_count(0)
        ahead.by = timedelta(days=4)

        async with window(browser, f"{served.url}/my-data") as seen:
            await comes_in(seen.page, served, box)
            person = seen.page.locator(".person")

            await expect(person.locator(".note")).to_contain_text(
                "in the chat where you gave it, or write to us"
            )
            await expect(person.locator(".note")).to_contain_text(loaded.rules.company.email)
            await expect(person).to_contain_text("Li Na")
            await expect(person.locator(".act")).to_have_count(0)
            await expect(person.get_by_role("button", name="Withdraw: News")).to_be_visible()
            await expect(person.get_by_role("button", name="Delete my data")).to_be_visible()
            assert await seen.axe() == []
