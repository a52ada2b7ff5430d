"""The console's doors: by a one-time link, for a role, from our own pages, and out again."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.desk import Desk
from tests.selling import Person, selling_desk
from tests.staff_browser import Browser, served

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

ROLES = ("sales", "privacy", "admin")


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk without recipients."""
    async with selling_desk(tmp_path, data_url, keyring_url) as opened:
        yield opened


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    """A browser that nobody has signed in with."""
    async with served(desk) as opened:
        yield opened


async def test_a_stranger_is_shown_the_door(browser: Browser) -> None:
    """Without a session every page leads to the sign-in and the API says so."""
    reference = await Person(browser.desk).sends()

    for path in ("/staff", f"/staff/leads/{reference}"):
        assert (await browser.gets(path))[0] == 303
    for path in ("/api/v1/staff/leads", f"/api/v1/staff/leads/{reference}"):
        status, problem = await browser.gets(path)
        assert (status, problem["code"]) == (401, "not_signed_in")


async def test_the_door_page_needs_no_address_bar(browser: Browser) -> None:
    """The secret of a link may be pasted whole, and the page that takes it stores and sends nothing by itself."""
    secret = await browser.link()
    status, page = await browser.gets("/staff/enter")
    assert status == 200
    assert 'name="link"' in page

    form = {"link": f"{browser.url}/staff/enter#{secret}"}
    status, _ = await browser.asks("POST", "/staff/enter", data=form)

    assert status == 303
    assert (await browser.gets("/staff"))[0] == 200


async def test_a_spent_link_opens_nothing(browser: Browser) -> None:
    """The second use of a link is refused with a remedy."""
    secret = await browser.link()
    await browser.asks("POST", "/staff/enter", data={"link": secret})
    browser.http.cookie_jar.clear()

    status, page = await browser.asks("POST", "/staff/enter", data={"link": secret})

    assert status == 403
    assert "Ask whoever gave it to you for a new one." in page
    assert (await browser.gets("/staff"))[0] == 303


async def test_the_cookie_is_for_the_browser_alone(browser: Browser) -> None:
    """HttpOnly, SameSite=Lax, for every path of this host, gone at the end of the day."""
    form = {"link": await browser.link()}
    async with browser.http.post(f"{browser.url}/staff/enter", data=form, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"]

    assert cookie.startswith("askfirst-staff=")
    for mark in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"):
        assert mark in cookie
    assert "Domain" not in cookie


async def test_over_https_the_cookie_is_bound_to_the_host(
    data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """Behind https the name carries the `__Host-` promise, which needs Secure."""
    public = {"PUBLIC_URL": "https://desk.example.com"}
    async with selling_desk(tmp_path, data_url, keyring_url, **public) as desk, served(desk) as browser:
        form = {"link": await browser.link()}
        headers = {"Origin": "https://desk.example.com"}
        url = f"{browser.url}/staff/enter"
        async with browser.http.post(url, data=form, headers=headers, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]

    assert cookie.startswith("__Host-askfirst-staff=")
    assert "Secure" in cookie


ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("GET", "/api/v1/staff/leads"): ("sales", "privacy"),
    ("GET", "/api/v1/staff/leads/{ref}"): ("sales", "privacy"),
    ("POST", "/api/v1/staff/leads/{ref}/open"): ("sales", "privacy"),
    ("PATCH", "/api/v1/staff/leads/{ref}"): ("sales",),
    ("POST", "/api/v1/staff/leads/{ref}/reply"): ("sales",),
    ("POST", "/api/v1/staff/leads/{ref}/typing"): ("sales",),
    ("GET", "/staff"): ("sales", "privacy"),
    ("GET", "/staff/leads/{ref}"): ("sales", "privacy"),
    ("POST", "/staff/leads/{ref}"): ("sales",),
    ("POST", "/staff/leads/{ref}/open"): ("sales", "privacy"),
    ("POST", "/staff/leads/{ref}/reply"): ("sales",),
}


@pytest.mark.parametrize("role", ROLES)
async def test_roles_may_do_what_the_contract_says(browser: Browser, role: str) -> None:
    """The matrix: sales works on leads, privacy sees them masked or with a purpose, admin sees no person (S11)."""
    reference = await Person(browser.desk).sends()
    await browser.enters(role)
    status, page = await browser.gets("/staff")
    browser.csrf = browser.csrf or re.findall(r'name="csrf" value="(\w+)"', page)[0]
    body = {"purpose": "call_back", "fields": ["phone"], "text": "Hello", "status": "open"}

    for (method, path), roles in ALLOWED.items():
        sent = {} if method == "GET" else {"json": body} if path.startswith("/api") else {"data": body}
        status, answer = await browser.asks(method, path.replace("{ref}", reference), **sent)
        assert (status < 400) == (role in roles), (method, path, status)
        if role not in roles:
            assert status == 403
            assert "phone" not in str(answer)


@pytest.mark.parametrize("role", ["sales", "privacy"])
async def test_a_lead_shows_the_forms_that_its_reader_may_use(browser: Browser, role: str) -> None:
    """No more and no fewer: who may only look is offered neither status and owner nor an answer (S11)."""
    reference = await Person(browser.desk).sends()
    await browser.enters(role)
    allowed = {path for (method, path), roles in ALLOWED.items() if method == "POST" and role in roles}

    _, pane = await browser.gets(f"/staff/leads/{reference}")

    forms = re.findall(r'action="(/staff/leads/[^"]+)"', pane)
    assert {one.replace(reference, "{ref}") for one in forms} == {
        path for path in allowed if path.startswith("/staff/leads/")
    }


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "csrf"),
        ({"X-CSRF-Token": "0" * 64}, "csrf"),
        ({"X-CSRF-Token": "é"}, "csrf"),
        ({"Sec-Fetch-Site": "cross-site"}, "origin_not_allowed"),
        ({"Sec-Fetch-Site": "same-site"}, "origin_not_allowed"),
        ({"Origin": "https://evil.example"}, "origin_not_allowed"),
        ({"Origin": "null"}, "origin_not_allowed"),
    ],
)
async def test_another_sites_page_changes_nothing(
    browser: Browser, headers: dict[str, str], code: str
) -> None:
    """A change needs the session's own secret, and never comes from another site."""
    reference = await Person(browser.desk).sends()
    await browser.enters()
    if code != "csrf":
        headers = {"X-CSRF-Token": browser.csrf, **headers}

    status, problem = await browser.asks(
        "PATCH", f"/api/v1/staff/leads/{reference}", json={"status": "closed"}, headers=headers
    )

    assert (status, problem["code"]) == (403, code)
    assert (await browser.gets(f"/api/v1/staff/leads/{reference}"))[1]["status"] == "new"


async def test_a_forged_form_is_refused(browser: Browser) -> None:
    """A form without the secret is answered with a page that says what to do."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    status, page = await browser.asks(
        "POST", f"/staff/leads/{reference}", data={"status": "closed"}, headers={}
    )

    assert (status, "reload" in page) == (403, True)


async def test_nobody_is_signed_in_by_another_site(browser: Browser) -> None:
    """A link posted by a foreign page, to sign a victim in as somebody else, is not even spent."""
    secret = await browser.link()
    foreign = {"Origin": "https://evil.example"}

    status, _ = await browser.asks("POST", "/staff/enter", data={"link": secret}, headers=foreign)

    assert status == 403
    assert (await browser.asks("POST", "/staff/enter", data={"link": secret}))[0] == 303


@pytest.mark.parametrize(
    ("host", "status"), [("evil.example:8080", 403), ("192.0.2.7", 403), ("127.0.0.1:8080", 303)]
)
async def test_a_page_is_ours_at_a_name_that_nobody_else_can_take(
    browser: Browser, host: str, status: int
) -> None:
    """A stranger's name that resolves to the desk for a moment (DNS rebinding) signs nobody in and changes nothing."""
    form = {"link": await browser.link()}
    told = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}

    assert (await browser.asks("POST", "/staff/enter", data=form, headers=told))[0] == status


async def test_signing_out_ends_the_session(browser: Browser) -> None:
    """After signing out the cookie is gone and, if it was copied, worth nothing."""
    await browser.enters()
    kept = {cookie.key: cookie.value for cookie in browser.http.cookie_jar}

    status, _ = await browser.asks("POST", "/staff/leave", data={"csrf": browser.csrf}, headers={})

    assert status == 303
    assert list(browser.http.cookie_jar) == []
    browser.http.cookie_jar.update_cookies(kept)
    assert (await browser.gets("/api/v1/staff/leads"))[0] == 401


async def test_a_page_runs_nothing_foreign(browser: Browser) -> None:
    """Every page shuts out inline and foreign scripts, frames and forms, and is stored by nobody."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    for path in ("/staff", f"/staff/leads/{reference}", "/staff/enter"):
        async with browser.http.get(browser.url + path) as answer:
            policy, page = answer.headers["Content-Security-Policy"], await answer.text()
            assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style| style=| on\w+=", page)


@pytest.mark.parametrize("name", ["console.css", "enter.js", "typing.js"])
async def test_the_console_brings_its_own_files(browser: Browser, name: str) -> None:
    """Style and script come from here and say what they are; nothing else of the folder can be had."""
    async with browser.http.get(f"{browser.url}/staff/static/{name}") as answer:
        assert answer.status == 200
        assert answer.content_type in {"text/css", "text/javascript"}
    assert (await browser.gets("/staff/static/..%2fpages.py"))[0] == 404
    assert (await browser.gets("/staff/static/nothing.js"))[0] == 404
