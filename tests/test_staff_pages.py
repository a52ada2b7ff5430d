"""The console's pages in a real browser: the link fills itself in, everybody can use them, at every width and theme."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Response

from bot.desk import Desk
from intake.events import Picked, Said
from tests.accessibility import faults_of
from tests.selling import LI_NA, NEED, Person, selling_desk
from tests.staff_browser import Browser as Console
from tests.staff_browser import served

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

FIRST_PAGE = 12_000  # bytes, gzipped; visual, "Console"
NARROW = 320  # CSS pixels; WCAG 2.2, 1.4.10


@pytest_asyncio.fixture(loop_scope="session")
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk without recipients."""
    async with selling_desk(tmp_path, data_url, keyring_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def console(desk: Desk) -> AsyncIterator[Console]:
    """The console, served."""
    async with served(desk) as opened:
        yield opened


async def _signed_in(browser: Browser, console: Console, scheme: Literal["light", "dark"] = "light") -> Page:
    """Return a page on which a colleague has come in by their link; a script error fails the test."""
    page = await browser.new_page(color_scheme=scheme)
    page.on("pageerror", lambda fault: pytest.fail(str(fault)))
    await page.goto(f"{console.url}/staff/enter#{await console.link()}")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(re.compile(r"/staff$"))
    return page


async def test_a_link_fills_itself_in(browser: Browser, console: Console) -> None:
    """The secret goes from the link into the form and out of the address bar; one press comes in."""
    page = await browser.new_page()
    secret = await console.link()
    await page.goto(f"{console.url}/staff/enter")  # where the page may stand already

    await page.goto(f"{console.url}/staff/enter#{secret}")
    await page.wait_for_url(re.compile(r"/staff/enter$"))

    assert await page.get_by_label("One-time link").input_value() == secret
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/staff$"))
    await page.close()


async def test_a_detail_is_opened_by_hand(browser: Browser, console: Console) -> None:
    """From the list to a lead, a tick, a purpose that covers it, a press: the phone is there, no more (S11)."""
    await Person(console.desk).sends("news", "visit")
    page = await _signed_in(browser, console)

    await page.get_by_role("link", name="Gateways").click()
    offered = await page.get_by_label("What for").locator("option").all_inner_texts()
    assert "News" in offered
    assert "Visit record" not in offered  # nothing of it stands here
    await page.get_by_label("Mobile phone").check()
    await page.get_by_label("What for").select_option(label="Call back")
    await page.get_by_role("button", name="Show ticked details").click()

    await page.get_by_text("+86 138 0000 0000").wait_for()
    assert LI_NA["name"] not in await page.content()
    await page.close()


async def test_what_is_all_open_is_not_offered_again(browser: Browser, console: Console) -> None:
    """Once every detail is shown there is nothing to tick, and no button for it."""
    reference = await Person(console.desk).sends()
    page = await _signed_in(browser, console)
    await page.goto(f"{console.url}/staff/leads/{reference}")
    await page.get_by_label("Tick all").check()
    await page.get_by_label("What for").select_option(label="Call back")
    await page.get_by_role("button", name="Show ticked details").click()

    await page.get_by_text(LI_NA["name"]).wait_for()

    assert await page.get_by_role("button", name="Show ticked details").count() == 0
    assert await page.locator(".answers input").count() == 0
    await page.close()


async def test_who_replies_goes_on_with_what_is_open(browser: Browser, console: Console) -> None:
    """A tick keeps the details open after the reply; that is one more opening, logged for the same purpose (S11)."""
    person = Person(console.desk)
    reference = await person.sends()
    await person.does(Said("One thing more: canary-later"))
    page = await _signed_in(browser, console)
    await page.get_by_text("wrote again").wait_for()
    await page.goto(f"{console.url}/staff/leads/{reference}")
    await page.get_by_label("Tick all").check()
    await page.get_by_label("What for").select_option(label="Call back")
    await page.get_by_role("button", name="Show ticked details").click()
    await page.get_by_text("canary-later").wait_for()

    await page.get_by_label("Your message").fill("Good morning!")
    await page.locator("form[action$=reply]").get_by_label("Keep open what is shown").check()
    await page.get_by_role("button", name="Send").click()

    await page.locator(".talk .staff").get_by_text("Good morning!").wait_for()
    assert LI_NA["name"] in await page.content()
    assert await page.get_by_text("wrote again").count() == 0
    record = await console.desk.call(console.desk.storage.store.record, person.subject, purpose="own_view")
    assert [row["purpose"] for row in record.opened_by] == ["call_back", "call_back"]
    await page.close()


async def test_nothing_in_the_search_is_cut(browser: Browser, console: Console) -> None:
    """The field says whole what may be looked for, on a desk and on a phone."""
    page = await _signed_in(browser, console)
    for width in (1280, NARROW):
        await page.set_viewport_size({"width": width, "height": 640})
        field = page.get_by_label("Search")
        await field.fill(str(await field.get_attribute("placeholder")))
        assert await field.evaluate("one => one.scrollWidth <= one.clientWidth")
    await page.close()


async def test_times_are_the_same_in_every_language(browser: Browser, console: Console) -> None:
    """Year, month, day, at the company's place; and who chose no topic is not a dash."""
    person = Person(console.desk)
    await person.opens()
    for event in (Said(NEED), Picked("followup:yes"), Picked("consent:agree"), Picked("whose:own")):
        await person.does(event)
    for value in LI_NA.values():
        await person.does(Said(value))
    for pick in ("field:skip", "review:send"):
        await person.does(Picked(pick))
    page = await _signed_in(browser, console)

    row = page.locator("a.row")

    assert await row.locator("strong").inner_text() == "No topic"
    sent = console.desk.clock().astimezone(console.desk.rules.hours.zone)
    assert f"{sent:%Y-%m-%d} " in await row.locator(".what .sub").inner_text()
    await page.close()


async def test_nothing_opens_without_saying_what_for(browser: Browser, console: Console) -> None:
    """No purpose is chosen beforehand, and without one the form does not leave the page."""
    reference = await Person(console.desk).sends()
    page = await _signed_in(browser, console)
    await page.goto(f"{console.url}/staff/leads/{reference}")

    await page.get_by_label("Mobile phone").check()
    await page.get_by_role("button", name="Show ticked details").click()

    assert page.url.endswith(reference)
    assert await page.get_by_label("What for").input_value() == ""
    await page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_the_console(
    browser: Browser, console: Console, scheme: Literal["light", "dark"]
) -> None:
    """axe finds nothing wrong and nothing doubtful on any page, in either theme, wide or narrow."""
    reference = await Person(console.desk).sends("news")
    page = await _signed_in(browser, console, scheme)

    for width in (1280, 800, NARROW):
        await page.set_viewport_size({"width": width, "height": 800})
        for path in ("/staff", f"/staff/leads/{reference}", "/staff/enter", "/staff/leads/AF-2222-2222"):
            await page.goto(console.url + path)
            doubts = [(path, width, one) for one in await faults_of(page)]
            assert doubts == []
    await page.close()


async def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, console: Console) -> None:
    """At 320 pixels every page fits, and what is pressed is 44 pixels high (WCAG 1.4.10, 2.5.8)."""
    reference = await Person(console.desk).sends("news")
    page = await _signed_in(browser, console)
    await page.set_viewport_size({"width": NARROW, "height": 640})

    for path in ("/staff", f"/staff/leads/{reference}", "/staff/enter"):
        await page.goto(console.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW, path
        heights = "[...document.querySelectorAll('button, select, .row[href]')].map(e => e.offsetHeight).filter(h => h)"
        assert min(await page.evaluate(heights)) >= 44
    await page.close()


async def test_the_first_page_is_light(browser: Browser, console: Console) -> None:
    """A list with its style fits 12 kB gzipped and asks nobody else for anything (visual, "Console")."""
    for _ in range(10):
        await Person(console.desk).sends("news")
    page = await _signed_in(browser, console)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))

    await page.goto(f"{console.url}/staff", wait_until="networkidle")

    bodies = [await answer.body() for answer in answers]
    assert all(answer.url.startswith(console.url) for answer in answers)
    assert sum(len(gzip.compress(body)) for body in bodies) <= FIRST_PAGE
    await page.close()
