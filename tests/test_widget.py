"""The widget in a real browser against a real desk: what visitors are promised, they see."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from tests.chat_window import FOCUSED, Served, Window

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVENTS = """() => { window.heard = [];
    for (const name of ["opened", "closed", "message", "consent", "submitted", "error"])
        addEventListener(`askfirst:${name}`, (one) => window.heard.push([name, one.detail])); }"""


async def test_nothing_is_stored_in_the_browser(chat: Window) -> None:
    """S8, L12: no cookie and no storage before, during and after a consultation; before opening, one request."""
    before, asked = await chat.stored(), [url for url in chat.requests if "widget" in url or "api" in url]
    await chat.open()
    await chat.to_review()
    during = await chat.stored()
    await chat.pick("Send")
    await chat.sees("Your reference is")

    assert before == during == await chat.stored() == ["", 0, 0, 0, 0]
    assert [url.rsplit("/", 1)[1] for url in asked] == ["widget.js"]
    assert all(url.startswith((chat.page.url, "data:", "blob:")) for url in chat.requests)


async def test_it_opens_only_when_somebody_opens_it(chat: Window) -> None:
    """L15, WCAG 3.2.1: the launcher is a real button that says its state; the first line says that this is a bot."""
    launcher = chat.page.locator("#launcher")
    assert await launcher.evaluate("one => [one.tagName, one.ariaExpanded, one.ariaHasPopup]") == [
        "BUTTON",
        "false",
        "dialog",
    ]
    assert await chat.dialog.count() == 0

    await chat.open()

    assert await launcher.get_attribute("aria-expanded") == "true"
    await expect(chat.dialog.locator(".said").first).to_contain_text("automated assistant")
    await launcher.click()
    await expect(chat.dialog).to_be_hidden()


async def test_refusing_leads_on_without_details(chat: Window) -> None:
    """S8, L4: who refuses is told how to reach the company, can go on asking, and nothing is stored."""
    await chat.open()
    await chat.to_consent()

    await chat.pick("Refuse")

    await chat.sees("Nothing of what you wrote is kept")
    await chat.sees("privacy@example.com")
    await chat.say("What is your warranty?")
    await chat.sees("three years")
    assert await chat.stored() == ["", 0, 0, 0, 0]


async def test_agreeing_and_refusing_look_the_same(chat: Window) -> None:
    """L2, S5: same size, colour and weight, side by side; nothing is ticked, neither button has the focus."""
    look = """one => { const s = getComputedStyle(one), r = one.getBoundingClientRect();
        return [r.width, r.height, r.top, s.color, s.backgroundColor, s.fontWeight, s.fontSize, s.borderColor]; }"""
    await chat.open()

    await chat.to_consent()

    pair = chat.dialog.locator(".foot .pair button")
    assert await pair.count() == 2
    assert await pair.nth(0).evaluate(look) == await pair.nth(1).evaluate(look)
    assert await chat.dialog.locator("input:checked").count() == 0
    assert await chat.dialog.locator("input[type=checkbox]").count() == 4
    assert await chat.page.evaluate(FOCUSED) == "Your choice"
    await expect(chat.answer).to_have_count(0)


async def test_only_ticked_purposes_are_agreed_to(chat: Window, served: Served) -> None:
    """L2: the boxes are sent one by one, and "my data" shows each decision."""
    await chat.open()
    await chat.to_consent()

    await chat.dialog.get_by_label("News").check()
    await chat.pick("Agree")

    await chat.sees("Agree · News")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.sees("News: agreed")
    await chat.sees("Affiliates: refused")
    await chat.dialog.get_by_role("button", name="Withdraw: News").click()
    await chat.sees("Withdrawn: News")


async def test_the_policy_can_be_read_on_the_card(chat: Window) -> None:
    """L1: the whole notice is one click away in place, and a link."""
    await chat.open()
    await chat.to_consent()

    await chat.dialog.get_by_text("Read the whole policy here").click()

    await expect(chat.dialog.locator(".notice h1")).to_contain_text("Example Instruments")
    link = chat.dialog.get_by_role("link", name="Privacy policy 2026-11")
    assert "/policy/2026-11?lang=en" in str(await link.get_attribute("href"))


async def test_a_sensitive_question_is_asked_with_its_warning(chat: Window) -> None:
    """S7: warning, reason and badge stand at the field, tied to it for screen readers; progress is shown."""
    await chat.open()
    await chat.to_consent()
    await chat.pick("Agree")
    await chat.pick("My own")
    await chat.asks("Name")

    described = await chat.answer.get_attribute("aria-describedby")

    assert described == "warning"
    await expect(chat.dialog.locator("#warning")).to_contain_text("A name is sensitive")
    await expect(chat.dialog.locator(".badge")).to_have_text("Sensitive")
    await expect(chat.dialog.locator(".progress")).to_have_text("1 of 6")
    assert await chat.answer.get_attribute("autocomplete") == "name"


async def test_that_a_question_may_be_skipped_is_said_once(chat: Window) -> None:
    """Of phone and e-mail one is needed: the warning says so, and no label calls either of them optional."""
    await chat.open()
    await chat.to_consent()
    await chat.pick("Agree")
    await chat.pick("My own")
    for label, answer in (("Name", "Li Na"), ("Company", "Example Pumps"), ("Mobile phone", "")):
        await chat.asks(label)
        if answer:
            await chat.say(answer)
    asked = chat.dialog.locator(".foot label")

    await expect(asked).to_have_text("Mobile phone")
    await expect(chat.dialog.locator("#warning")).to_contain_text("we need one; the other may be skipped")
    await chat.pick("Skip")
    await chat.asks("E-mail")
    await chat.say("li.na@example.com")
    await expect(asked).to_have_text("Position (optional)")


async def test_a_wrong_answer_stays_in_its_field(chat: Window) -> None:
    """WCAG 3.3.1: what was wrong stands under the field, the value is kept, the focus is on it."""
    await chat.open()
    await chat.to_consent()
    await chat.pick("Agree")
    await chat.pick("My own")
    await chat.asks("Name")

    await chat.say("Li Na 4")

    await expect(chat.dialog.locator("#fault")).to_contain_text("digits")
    await expect(chat.answer).to_have_value("Li Na 4")
    await expect(chat.answer).to_be_focused()
    assert await chat.answer.get_attribute("aria-invalid") == "true"
    assert "fault" in str(await chat.answer.get_attribute("aria-describedby"))
    await chat.say("Li Na")
    await chat.asks("Company")


async def test_a_reload_forgets(chat: Window) -> None:
    """S8: the session lives in the page's memory; after a reload there is a launcher and a new greeting."""
    await chat.open()
    await chat.to_consent()

    await chat.page.reload()

    assert await chat.dialog.count() == 0
    await chat.open()
    await expect(chat.dialog.locator(".said")).to_have_count(1)
    await chat.sees("is still kept by us")
    link = chat.dialog.get_by_role("link", name="My data")
    assert str(await link.get_attribute("href")).endswith("/my-data?lang=en")


async def test_a_topic_of_the_page_is_picked_in_an_open_chat(chat: Window) -> None:
    """Contract, "Web page API": picked while it is offered; later the open question has the focus and the word."""
    await chat.open()
    await chat.page.get_by_role("button", name="Service", exact=True).first.click()
    await chat.asks("Your question")
    await chat.page.evaluate("document.activeElement.blur()")

    await chat.page.get_by_role("button", name="Gateways", exact=True).first.click()

    await expect(chat.answer).to_be_focused()
    await expect(chat.dialog.locator(".status")).to_have_text("The open question comes first.")
    assert (await chat.dialog.locator(".visitor").all_inner_texts()) == ["Service"]


async def test_a_page_can_steer_the_chat_and_hears_nothing_personal(chat: Window) -> None:
    """Contract, "Web page API": start with a topic; events say that something happened, never what was said."""
    await chat.page.evaluate(EVENTS)
    await chat.page.get_by_role("button", name="Service", exact=True).click()
    await chat.asks("Your question")
    await chat.say("Ask Li Na at li.na@example.com")
    await chat.pick("Yes, please")
    await chat.pick("Agree")
    await chat.sees("Are the details your own")
    await chat.page.evaluate("askfirst.close()")
    await expect(chat.dialog).to_be_hidden()
    await chat.page.wait_for_function("() => window.heard.at(-1)[0] === 'closed'")

    heard = await chat.page.evaluate("window.heard")

    names = [name for name, _ in heard]
    assert names[0] == "opened"
    assert ["consent", {"decision": "agree"}] in heard
    assert "Li Na" not in json.dumps(heard)
    assert "example.com" not in json.dumps(heard)
    await chat.page.evaluate("askfirst.reset(); askfirst.toggle()")
    await chat.page.locator(".chip").first.wait_for()
