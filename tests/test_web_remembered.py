"""A remembered device over HTTP: the cookie's words, and what comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.remembered_browser import NAME, PAGE, Browser, remembered
from tests.visiting import Visit, visiting

MESSAGES, ME = "/api/v1/messages", "/api/v1/me"
AT_ONCE = 6  # pages of one browser


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


@pytest.fixture
def browser(visit: Visit) -> Browser:
    """A browser on a listed page."""
    return Browser(visit)


async def test_nothing_is_set_before_the_visitor_allowed_it(browser: Browser) -> None:
    """S8, L12: without `remember` there is no cookie, whatever the browser says of itself."""
    await browser.session(201)
    assert browser.set_cookie == ""
    await browser.session(201, remember=False)
    assert browser.set_cookie == ""


async def test_the_cookie_is_of_the_strictest_kind(browser: Browser) -> None:
    """S8: for this host alone, out of reach of scripts, over https, as long as configured."""
    await browser.session(201, remember=True)

    value, *rest = browser.set_cookie.split("; ")

    assert re.fullmatch(rf"{NAME}=[0-9a-f]{{32}}\.[\w-]{{43}}", value)
    assert set(rest) == {"Max-Age=2592000", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"}


@pytest.mark.parametrize(
    ("told", "origin", "where"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, PAGE, "SameSite=Lax"),
        ({"Sec-Fetch-Site": "same-site"}, PAGE, "SameSite=Lax"),
        ({"Sec-Fetch-Site": "cross-site"}, PAGE, "SameSite=None; Partitioned"),
        ({}, "http://localhost:8080", "SameSite=None; Partitioned"),
        ({}, PAGE, "SameSite=Lax"),
        ({}, "", "SameSite=Lax"),
    ],
)
async def test_a_page_of_another_site_gets_a_cookie_of_its_own_jar(
    told: dict[str, str], origin: str, where: str, browser: Browser
) -> None:
    """S8: on another company's page the cookie is partitioned: it is known on that page only."""
    browser.told, browser.origin = told, origin

    await browser.session(201, remember=True)

    assert browser.set_cookie.endswith(f"Secure; HttpOnly; {where}")


async def test_the_page_keeps_its_session_when_it_is_remembered(browser: Browser) -> None:
    """Also later, with the Bearer token: the same session and token; and it may be told to forget again."""
    opened = await browser.session(201)

    kept = await browser.session(200, opened["token"], remember=True)
    assert (kept["session"], kept["token"], kept["remembered"]) == (
        opened["session"],
        opened["token"],
        True,
    )
    assert "resumed" not in kept
    forgotten = await browser.session(200, opened["token"], remember=False)

    assert (forgotten["token"], forgotten["remembered"]) == (opened["token"], False)
    assert browser.set_cookie.startswith(f"{NAME}=; Max-Age=0; Path=/; Secure; HttpOnly")


async def test_a_cookie_resumes_the_conversation(browser: Browser) -> None:
    """S8: 200, `resumed`, the same conversation, a new token; the cookie changes with each use."""
    first = await browser.session(201, remember=True)
    given = browser.cookie

    back = await browser.session(200)

    assert (back["session"], back["resumed"]) == (first["session"], True)
    assert back["token"] != first["token"]
    assert browser.cookie.partition(".")[0] == given.partition(".")[0]
    assert browser.cookie != given
    assert (await browser.visit.call("GET", MESSAGES, back["token"])).status == 200


async def test_a_secret_that_was_used_ends_what_it_opened(browser: Browser) -> None:
    """S8: a copied cookie used twice ends the remembered session; who comes with it begins anew, with nothing."""
    await remembered(browser)
    thief = replace(browser)
    token = await browser.returns()
    talker = await browser.visit.talker(token)
    writing = await browser.visit.talker(token)

    other = await thief.session(201)

    assert "Max-Age=0" in thief.set_cookie
    assert await talker.closed() == 4401
    await writing.send(type="say", text="hello")
    assert await writing.closed() == 4401
    assert (await browser.visit.call("GET", MESSAGES, token)).status == 401
    assert (await browser.session(201))["session"] != other["session"]


async def test_a_cookie_used_twice_at_once_refuses_no_page(browser: Browser) -> None:
    """S8: it looks like a theft and ends the device; every page still gets a conversation, at worst a new one."""
    first = await browser.session(201, remember=True)
    pages = [replace(browser) for _ in range(AT_ONCE)]

    opened = await asyncio.gather(*(page.opens() for page in pages))

    assert {status for status, _ in opened} <= {200, 201}
    assert sum(body["session"] == first["session"] for _, body in opened) <= 1
    for _, body in opened:
        alive = (await browser.visit.call("GET", MESSAGES, body["token"])).status == 200
        assert alive == (body["session"] != first["session"])


async def test_forgetting_ends_what_came_of_the_device(browser: Browser) -> None:
    """S8: whoever came back with a copy of the cookie is out at once; the page that asked goes on."""
    page = await remembered(browser)
    token = await replace(browser).returns()
    talker = await browser.visit.talker(token)

    browser.cookie = ""
    await browser.session(200, page, remember=False)

    assert await talker.closed() == 4401
    assert (await browser.visit.call("GET", MESSAGES, token)).status == 401
    assert (await browser.visit.call("GET", MESSAGES, page)).status == 200


async def test_a_page_that_a_stolen_cookie_may_have_opened_is_not_remembered(browser: Browser) -> None:
    """S8: it comes with a cookie that somebody has used since: it ends, whoever it is, and so do they."""
    await remembered(browser)
    token = await browser.returns()
    thief = await browser.visit.talker(await replace(browser).returns())

    answer = await browser.session(401, token, remember=True)

    assert answer["code"] == "unauthorized"
    assert "Max-Age=0" in browser.set_cookie
    assert await thief.closed() == 4401
    assert (await browser.visit.call("GET", MESSAGES, token)).status == 401


async def test_a_forgotten_device_is_a_stranger(browser: Browser) -> None:
    """S8: what was cleared leads nowhere, even if the browser kept it."""
    token = await remembered(browser)
    kept = replace(browser)
    await browser.session(200, token, remember=False)

    await kept.session(201)

    assert "Max-Age=0" in kept.set_cookie


@pytest.mark.parametrize("origin", ["", "https://stranger.example"])
async def test_the_cookie_counts_on_a_listed_page_only(origin: str, browser: Browser) -> None:
    """S1, S8: without an Origin it is ignored, on a page that is not listed refused; it stays good."""
    first = await browser.session(201, remember=True)
    elsewhere = replace(browser, origin=origin)

    answer = await elsewhere.session(403 if origin else 201)

    assert answer.get("session") != first["session"]
    assert (await browser.session(200))["session"] == first["session"]


async def test_no_other_route_takes_the_cookie(browser: Browser) -> None:
    """Contract: accepted by this route alone."""
    await remembered(browser)
    headers = {"Cookie": f"{NAME}={browser.cookie}", "Origin": PAGE}

    for path in (ME, f"{ME}/export", f"{ME}/receipts", MESSAGES):
        assert (await browser.visit.call("GET", path, headers=headers)).status == 401
    await browser.returns()


async def test_erasing_clears_the_cookie(browser: Browser) -> None:
    """S8, S24: on the answer where the cookie came along, and whenever a page asks to be forgotten afterwards."""
    token = await remembered(browser)
    headers = {"Cookie": f"{NAME}={browser.cookie}", "Origin": PAGE}

    answer = await browser.visit.call("DELETE", ME, token, json={"scope": "all"}, headers=headers)
    gone = await browser.session(410, token, remember=False)

    assert answer.headers["Set-Cookie"].startswith(f"{NAME}=; Max-Age=0")
    assert gone["code"] == "erased"
    assert "Max-Age=0" in browser.set_cookie


async def test_a_site_that_is_none_clears_no_cookie(browser: Browser) -> None:
    """What was sent as the site's name stands in no header, whatever it is."""
    token = await browser.visit.token()
    await browser.visit.call("DELETE", ME, token, json={"scope": "all"})

    answer = await browser.visit.call("POST", "/api/v1/sessions", token, json={"site": "x;\r\nX-Added: 1"})

    assert answer.status == 410
    assert "Set-Cookie" not in answer.headers


async def test_an_unknown_token_is_not_remembered(browser: Browser) -> None:
    """401, and no cookie."""
    await browser.session(401, "nobody", remember=True)

    assert browser.set_cookie == ""


async def test_where_no_browser_keeps_it_nothing_is_promised(tmp_path: Path) -> None:
    """A desk on plain http in a network sets no cookie: browsers would drop it, and the page is told so."""
    async with visiting(tmp_path) as visit:
        settings = replace(visit.desk.settings, public_url="http://desk.example.com")
        async with visiting(tmp_path / "net", settings=settings) as plain:
            browser = Browser(plain, origin="http://desk.example.com")
            opened = await browser.session(201, remember=True)
            kept = await browser.session(200, opened["token"], remember=True)

    assert (kept["remembered"], browser.set_cookie) == (False, "")
