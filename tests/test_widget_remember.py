"""A device that is remembered because somebody asked for it: what the browser keeps, what returns, what is hidden."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.chat_window import FOCUSED, PHONE, Served, Window, host_page, served_desk, window
from tests.mailing import code_in, delivered
from tests.receivers import MailBox
from tests.servers import free_port
from tests.visiting import CONSULTATION

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTHING = ["", 0, 0, 0, 0]
VALUES = ("Li Na", "Example Valves", "138 0000 0000", "li.na@example.com")
# What the widget asks of the desk for a consultation that is remembered at its end.
REMEMBERED = """async ([url, frames]) => {
    let token = '';
    const statuses = [];
    const ask = async (path, body) => {
        const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
        const answer = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: JSON.stringify(body), headers,
            credentials: path === 'sessions' ? 'include' : 'omit' });
        statuses.push(answer.status);
        return answer.json();
    };
    token = (await ask('sessions', { locale: 'en' })).token;
    for (const [number, frame] of frames.entries()) await ask('messages', { id: `c${number}`, ...frame });
    await ask('sessions', { remember: true });
    return statuses;
}"""
DETAILS = (
    ("Name", "Li Na"),
    ("Company", "Example Pumps"),
    ("Mobile phone", "+86 138 0013 8000"),
    ("E-mail", "li.na@example.com"),
)


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path, box: MailBox) -> AsyncIterator[Served]:
    """A desk that can send mail."""
    async with served_desk(tmp_path, SMTP_URL=f"smtp://127.0.0.1:{box.port}") as running:
        yield running


async def consulted(chat: Window) -> None:
    """Hold a consultation and send it."""
    await chat.open()
    await chat.to_consent()
    await chat.pick("Agree")
    await chat.pick("My own")
    for label, text in DETAILS:
        await chat.asks(label)
        await chat.say(text)
    await chat.asks("Position")
    await chat.pick("Skip")
    await chat.pick("Water")
    await chat.sees("Check before you send")
    await chat.pick("Send")
    await chat.sees("Your reference is")


async def remembered(chat: Window, served: Served) -> None:
    """Consult and have the browser remembered, at once: what the page would send, from the page."""
    ending = ({"type": "say", "text": "Engineer"}, {"type": "pick", "value": "field:skip"})
    frames = [*CONSULTATION, *ending, {"type": "pick", "value": "review:send"}]
    statuses = await chat.page.evaluate(REMEMBERED, [served.url, frames])
    assert statuses == [201, *[200] * len(frames), 200]


async def comes_back(chat: Window) -> None:
    """Load the page anew, as on another day, and open the chat."""
    await chat.page.reload()
    await chat.page.locator("#launcher").click()
    await chat.sees("Welcome back")


async def enters(chat: Window, served: Served, box: MailBox) -> None:
    """Type the code that came by mail."""
    await chat.asks("One-time code")
    await chat.say(code_in(await delivered(served.desk, box)))


async def test_nothing_is_kept_until_somebody_asks_for_it(chat: Window) -> None:
    """S8: not before, during or after a consultation; then one cookie that no script can read, and no storage."""
    before = await chat.stored()
    await consulted(chat)
    sent = await chat.stored()

    await chat.dialog.get_by_role("button", name="Remember me on this device").click()
    await chat.dialog.get_by_text("This device is remembered.").wait_for()

    assert before == sent == NOTHING
    assert await chat.page.evaluate(FOCUSED) == "Forget this device"
    (cookie,) = await chat.context.cookies()
    assert cookie["name"] == "__Host-askfirst-default"
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
    assert (await chat.stored())[:5] == NOTHING


async def test_a_refusal_keeps_nothing(chat: Window) -> None:
    """S8: whoever refused to have anything kept is not offered to be remembered, there or under "my data"."""
    await chat.open()
    await chat.to_consent()
    await chat.pick("Refuse")
    await chat.sees("Nothing of what you wrote is kept")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.dialog.locator(".view .record").wait_for()

    await expect(chat.dialog.get_by_role("button", name="Remember me on this device")).to_have_count(0)
    assert await chat.stored() == NOTHING


async def test_it_can_be_asked_for_under_my_data(chat: Window) -> None:
    """S8: as soon as something was agreed to; the button then takes it back."""
    await chat.open()
    await chat.to_consent()
    await chat.pick("Agree")
    await chat.sees("Are the details your own")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()

    await chat.pick("Remember me on this device")
    await chat.dialog.get_by_text("This device is remembered.").wait_for()
    kept = len(await chat.context.cookies())
    await chat.pick("Forget this device")
    await chat.dialog.get_by_text("This device is forgotten.").wait_for()

    assert kept == 1
    assert await chat.stored() == NOTHING


async def test_who_comes_back_goes_on_with_values_hidden(chat: Window, served: Served) -> None:
    """S8, S21: nothing is fetched before the chat is opened; then the conversation is there, every value hidden."""
    await remembered(chat, served)
    before = len(chat.requests)
    await chat.page.reload()
    await chat.page.locator("#launcher").wait_for()
    asked = [url for url in chat.requests[before:] if "/api/" in url]

    await chat.page.locator("#launcher").click()
    await chat.sees("Welcome back")

    said = await chat.dialog.inner_text()
    assert asked == []
    assert [value for value in VALUES if value in said] == []
    assert "•••" in said
    await expect(chat.dialog.get_by_text("Hidden until you enter a code").first).to_be_attached()
    await expect(chat.dialog.locator(".offer")).to_have_count(0)


async def test_a_code_shows_values_again(chat: Window, served: Served, box: MailBox) -> None:
    """S8, S21: "view" shows them hidden; "Show in full" asks for a code, says where it went, and then they are read."""
    await remembered(chat, served)
    await comes_back(chat)
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.dialog.locator(".view .record").wait_for()
    hidden = await chat.dialog.locator(".view").inner_text()
    await chat.pick("Show in full")
    await chat.asks("One-time code")
    await expect(chat.dialog.locator(".foot")).to_contain_text("Sent to l•••@e•••.com")
    await expect(chat.answer).to_have_attribute("inputmode", "numeric")
    await expect(chat.answer).to_have_attribute("autocomplete", "one-time-code")
    await chat.say("12")
    await expect(chat.dialog.locator("#fault")).to_contain_text("6 digits")

    await enters(chat, served, box)

    await chat.sees("Li Na")
    assert [value for value in VALUES if value in hidden] == []
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await expect(chat.dialog.locator(".view .record")).to_contain_text("li.na@example.com")


async def test_a_copy_needs_a_code(chat: Window, served: Served, box: MailBox) -> None:
    """S8, S15: the button leads to the code; with it the copy can be saved."""
    await remembered(chat, served)
    await comes_back(chat)
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.pick("Download a copy")

    await enters(chat, served, box)

    await chat.sees("Li Na")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    async with chat.page.expect_download() as saving:
        await chat.pick("Download a copy")
    assert "Li Na" in (await (await saving.value).path()).read_text(encoding="utf-8")


async def test_a_device_is_forgotten_with_one_press(chat: Window, served: Served) -> None:
    """S8: the cookie goes, the conversation stays until the page is left; the next visit begins anew."""
    await remembered(chat, served)
    await comes_back(chat)
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()

    await chat.pick("Forget this device")
    await chat.dialog.get_by_text("This device is forgotten.").wait_for()

    assert await chat.stored() == NOTHING
    await chat.page.reload()
    await chat.open()
    await expect(chat.dialog.get_by_text("Welcome back")).to_have_count(0)


async def test_erasing_everything_takes_the_cookie_along(chat: Window, served: Served) -> None:
    """S8, S24: no code is asked for it; nothing is left in the browser."""
    await remembered(chat, served)
    await comes_back(chat)
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.pick("Delete my data")
    async with chat.page.expect_response("**/api/v1/sessions"):
        await chat.pick("Everything about me")
    await chat.sees("What went")

    assert await chat.stored() == NOTHING


async def test_another_conversation_can_be_begun_on_a_remembered_device(chat: Window, served: Served) -> None:
    """It is a fresh one, with nothing of the remembered one in it; the device stays remembered."""
    await remembered(chat, served)
    await comes_back(chat)

    await chat.page.evaluate("askfirst.reset()")

    await chat.page.locator(".chip").first.wait_for()
    await expect(chat.dialog.get_by_text("Welcome back")).to_have_count(0)
    await comes_back(chat)


async def test_a_page_of_another_site_has_a_cookie_of_its_own(
    browser: Browser, tmp_path: Path, box: MailBox
) -> None:
    """S8: there the cookie is partitioned: it comes back on that site, and no other site's page sees it."""
    port = free_port()
    other = f"http://localhost:{port}"
    async with served_desk(tmp_path, other) as served:
        csp = f"script-src {served.url}; connect-src {served.url} {served.url.replace('http', 'ws')}"
        async with host_page(served.url, csp, port), window(browser, f"{other}/") as seen:
            await remembered(seen, served)
            (cookie,) = await seen.context.cookies()
            await comes_back(seen)
            await seen.page.goto(f"{served.url}/")
            await seen.open()

            assert (cookie["sameSite"], cookie["httpOnly"]) == ("None", True)
            assert cookie.get("partitionKey")
            await expect(seen.dialog.get_by_text("Welcome back")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "size"), [("light", (1000, 760)), ("dark", PHONE)])
async def test_axe_finds_nothing_when_somebody_comes_back(
    browser: Browser, served: Served, scheme: str, size: tuple[int, int]
) -> None:
    """WCAG 2.2 AA as far as a program can tell, in the states that only a remembered device has."""
    async with window(browser, f"{served.url}/", scheme=scheme, size=size) as seen:
        await remembered(seen, served)
        found = {}
        await comes_back(seen)
        await seen.page.evaluate(
            "for (const one of document.querySelectorAll('main, .top, .bottom')) one.hidden = true"
        )
        found["back"] = await seen.axe()
        await seen.dialog.get_by_role("button", name="Privacy and my data").click()
        await seen.dialog.locator(".view .record").wait_for()
        found["hidden"] = await seen.axe()
        wide = [await seen.sideways()]
        await seen.pick("Show in full")
        await seen.asks("One-time code")
        found["code"] = await seen.axe()
        await expect(seen.answer).to_be_focused()
        await seen.say("000")
        await seen.dialog.locator("#fault").wait_for()
        found["wrong"] = await seen.axe()
        wide.append(await seen.sideways())

    assert {state: faults for state, faults in found.items() if faults} == {}
    assert wide == [[], []]
