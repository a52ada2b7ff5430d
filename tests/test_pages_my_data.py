"""The my-data page in a real browser: every right without the chat, with a code to one's address."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from storage.sources import Sources
from tests.chat_window import FOCUSED, PHONE, Served, Window, served_desk, window
from tests.mailing import code_in, delivered
from tests.my_data_page import EMAIL, Ahead, comes_in, consulted
from tests.receivers import MailBox

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = {
    "en-GB": (
        "Send me a code",
        "Show my data",
        "Your details",
        "Delete my data",
        "Everything about me",
        "Erased",
    ),
    "zh-CN": ("发送验证码", "显示我的信息", "您的信息", "删除我的信息", "我的全部信息", "已删除"),
}


@pytest.fixture
def ahead() -> Ahead:
    """The desk's clock."""
    return Ahead()


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path, box: MailBox, ahead: Ahead) -> AsyncIterator[Served]:
    """A desk that can send mail, where somebody has consulted."""
    mail = f"smtp://127.0.0.1:{box.port}"
    async with served_desk(tmp_path, sources=Sources(clock=ahead), SMTP_URL=mail) as running:
        await consulted(running)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def seen(browser: Browser, served: Served) -> AsyncIterator[Window]:
    """An English reader of the page."""
    async with window(browser, f"{served.url}/my-data") as opened:
        yield opened


@pytest.mark.parametrize(
    ("locale", "scheme", "size"), [("en-GB", "light", (1000, 760)), ("zh-CN", "dark", PHONE)]
)
async def test_everything_can_be_erased_without_the_chat(
    browser: Browser, served: Served, box: MailBox, locale: str, scheme: str, size: tuple[int, int]
) -> None:
    """S21, S24: address, code, what is kept, delete, certificate; by axe flawless in each state and theme."""
    send, show, details, delete, everything, erased = WORDS[locale]
    url = f"{served.url}/my-data"
    async with window(browser, url, locale=locale, scheme=scheme, size=size) as seen:
        page = seen.page
        await page.get_by_role("button", name=send).click()
        await expect(page.locator("#address")).to_have_attribute("aria-invalid", "true")
        found = {"address": await seen.axe()}
        await page.locator("#address").fill(EMAIL)
        await page.get_by_role("button", name=send).click()
        await page.get_by_role("button", name=show).wait_for()
        found["code"] = await seen.axe()
        await page.locator("#code").fill(code_in(await delivered(served.desk, box)))
        await page.get_by_role("button", name=show).click()
        await expect(page.locator(".person h2")).to_have_text(details)
        await page.locator(".person .rows").wait_for()
        found["kept"] = await seen.axe()
        await page.locator(".act button").nth(3).click()
        await page.locator(".correcting").wait_for()
        found["correcting"] = await seen.axe()
        await page.get_by_role("button", name=delete).click()
        found["deleting"] = await seen.axe()
        wide = [await seen.sideways()] if await page.locator("dialog").count() else []
        await page.get_by_role("button", name=everything).click()
        await expect(page.locator(".person h2")).to_have_text(erased)
        found["erased"] = await seen.axe()

        assert {state: faults for state, faults in found.items() if faults} == {}
        assert wide == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await page.evaluate(FOCUSED) == erased
        assert await seen.stored() == ["", 0, 0, 0, 0]


async def test_what_is_kept_is_shown_with_who_saw_it(seen: Window, served: Served, box: MailBox) -> None:
    """S21: values with when they were given, decisions, who received and opened them; the focus says what happened."""
    await comes_in(seen.page, served, box)
    person = seen.page.locator(".person")

    await expect(person.locator("dd", has_text="Li Na").first).to_be_visible()
    await expect(person).to_contain_text("policy 2026-11")
    await expect(person).to_contain_text("News: agreed")
    await expect(person.get_by_role("heading", name="Who looked at it")).to_be_visible()
    assert "It can be read for ten minutes" in str(await seen.page.evaluate(FOCUSED))
    assert await person.locator(".badge").count() == 4


async def test_a_detail_is_corrected_in_place(seen: Window, served: Served, box: MailBox) -> None:
    """S21: a wrong value is explained at its field and kept there; a right one is told; leaving changes nothing."""
    page = seen.page
    await comes_in(page, served, box)
    await page.get_by_role("button", name="Correct: Mobile phone").click()
    field = page.get_by_label("Mobile phone", exact=True)
    await expect(field).to_be_focused()
    await field.fill("12")
    await page.keyboard.press("Enter")
    await expect(page.locator(".correcting .fault")).to_contain_text("too short")
    await expect(field).to_be_focused()

    await field.fill("+86 139 0000 0000")
    await page.get_by_role("button", name="Save").click()

    await expect(page.locator(".person .status")).to_contain_text("Mobile phone is corrected")
    await expect(page.locator(".person")).to_contain_text("+86 139 0000 0000")
    await page.get_by_role("button", name="Correct: Name").click()
    await page.get_by_role("button", name="Leave it").click()
    assert await page.evaluate(FOCUSED) == "Correct: Name"


async def test_a_proven_address_is_changed_with_a_code_to_the_new_one(
    seen: Window, served: Served, box: MailBox
) -> None:
    """S8, S21: the page asks for the second code, in the row's place."""
    page = seen.page
    await comes_in(page, served, box)
    await page.get_by_role("button", name="Correct: E-mail").click()
    await page.get_by_label("E-mail", exact=True).fill("li.next@example.org")
    await page.keyboard.press("Enter")
    await expect(page.locator(".correcting")).to_contain_text("l•••@e•••.org")
    code = code_in(await delivered(served.desk, box))
    await page.get_by_label("Code with 6 digits").fill("1")
    await page.keyboard.press("Enter")
    await expect(page.locator(".correcting .fault")).not_to_be_empty()

    await page.get_by_label("Code with 6 digits").fill(code)
    await page.get_by_role("button", name="Confirm").click()

    await expect(page.locator(".person")).to_contain_text("li.next@example.org")
    assert box.got[-1]["To"] == "li.next@example.org"


async def test_a_consent_is_withdrawn_with_one_click(seen: Window, served: Served, box: MailBox) -> None:
    """L3: no more than it took to agree; it is told."""
    await comes_in(seen.page, served, box)

    await seen.page.get_by_role("button", name="Withdraw: News").click()

    await expect(seen.page.locator(".person")).to_contain_text("News: withdrawn")
    await expect(seen.page.locator(".person .status")).to_contain_text("It ends now")
    await expect(seen.page.locator(".person")).to_contain_text("Visit record: kept until")
    await seen.page.get_by_role("button", name="Withdraw: Answer this consultation").click()
    await expect(seen.page.locator(".person")).to_contain_text("nobody here may use these details any more")
    await expect(seen.page.get_by_role("button", name="Correct:")).to_have_count(1)  # the question's


async def test_copies_can_be_kept(seen: Window, served: Served, box: MailBox) -> None:
    """S15, L14: to read, for machines, and the receipts."""
    page = seen.page
    await comes_in(page, served, box)

    kept = {}
    for name in ("Download a copy", "Copy for machines (JSON)", "Consent receipts"):
        async with page.expect_download() as saving:
            await page.get_by_role("button", name=name).click()
        file = await (await saving.value).path()
        kept[name] = file.read_text(encoding="utf-8")

    assert "Li Na" in kept["Download a copy"]
    assert json.loads(kept["Copy for machines (JSON)"])["masked"] is False
    assert json.loads(kept["Consent receipts"])["receipts"]


@pytest.mark.parametrize(
    ("scope", "gone"), [("The visit record", "Firefox"), ("The last consultation", "Modbus")]
)
async def test_a_part_can_be_erased(
    scope: str, gone: str, seen: Window, served: Served, box: MailBox
) -> None:
    """S23: the rest stays; what went and what stays is told; "nothing" leads back."""
    page = seen.page
    await comes_in(page, served, box)
    await page.get_by_role("button", name="Delete my data").click()
    await page.get_by_role("button", name="Erase nothing").click()
    assert await page.evaluate(FOCUSED) == "Delete my data"

    await page.keyboard.press("Enter")
    await page.get_by_role("button", name=scope).click()

    await expect(page.locator(".person .ok")).to_have_text("Erased")
    await expect(page.locator(".person")).to_contain_text("Everything else: you chose only this part.")
    await expect(page.locator(".person")).not_to_contain_text(gone)
    await expect(page.locator(".person")).to_contain_text("Li Na")


async def test_a_wrong_code_is_told_at_its_field(seen: Window, served: Served, box: MailBox) -> None:
    """The field keeps the focus and says what is wrong; another code can be had."""
    page = seen.page
    await page.locator("#address").fill(EMAIL)
    await page.keyboard.press("Enter")
    await expect(page.locator("#code")).to_be_focused()
    code = code_in(await delivered(served.desk, box))
    for typed, told in (("12", "The code has 6 digits"), (f"{(int(code) + 1) % 10**6:06}", "not the code")):
        await page.locator("#code").fill(typed)
        await page.keyboard.press("Enter")
        await expect(page.locator("#door [role=alert]")).to_contain_text(told)
        await expect(page.locator("#code")).to_be_focused()

    await page.get_by_role("button", name="Ask again").click()

    await expect(page.locator("#address")).to_have_value(EMAIL)
    await expect(page.locator("#address")).to_be_focused()


async def test_a_visit_that_is_over_leads_back_to_the_door(
    seen: Window, served: Served, box: MailBox
) -> None:
    """It says so, and nothing is left standing."""
    page = seen.page
    await comes_in(page, served, box)
    ended = {"status": 401, "json": {"code": "unauthorized"}}
    await page.route("**/api/v1/me/withdraw", lambda route: route.fulfill(**ended))

    await page.get_by_role("button", name="Withdraw: News").click()

    await expect(page.locator("#door [role=alert]")).to_contain_text("This visit has ended")
    await expect(page.locator(".person")).to_have_count(0)


async def test_after_ten_minutes_values_are_hidden(
    seen: Window, served: Served, box: MailBox, ahead: Ahead
) -> None:
    """S8: what was masked says how it is read again; copies need a code, deleting does not."""
    page = seen.page
    await page.clock.install()
    await comes_in(page, served, box)

    ahead.by = timedelta(minutes=10)
    await page.clock.fast_forward(round(ahead.by / timedelta(milliseconds=1)))

    await expect(page.locator(".person .note")).to_contain_text("The ten minutes are over")
    await expect(page.locator(".person")).not_to_contain_text("Li Na")
    await expect(page.locator(".person")).not_to_contain_text("Firefox")
    await expect(page.get_by_text("It can be read for ten minutes")).to_have_count(0)
    await expect(page.get_by_role("button", name="Correct")).to_have_count(0)
    await expect(page.get_by_role("button", name="Download a copy")).to_have_count(0)
    await expect(page.get_by_role("button", name="Delete my data")).to_be_visible()
    await page.get_by_role("button", name="Have a new code sent").click()
    await expect(page.locator("#address")).to_be_focused()
