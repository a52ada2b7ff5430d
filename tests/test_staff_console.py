"""The console: nobody comes in without a link, nothing is seen unmasked without a purpose, nothing changes unasked."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot import staff
from bot.desk import Desk
from tests.selling import LI_NA, NEED, Person, selling_desk

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

ROLES = ("sales", "privacy", "admin")


@dataclass
class Browser:
    """A colleague's browser: it keeps cookies and says where it comes from."""

    http: aiohttp.ClientSession
    url: str
    desk: Desk
    csrf: str = ""

    async def link(self, role: str = "sales") -> str:
        """Return a fresh one-time secret of a colleague of this role."""
        colleagues, email = self.desk.storage.staff, f"{role}@desk.example.com"
        known = [one.email for one in await self.desk.call(colleagues.colleagues)]
        if email not in known:
            await self.desk.call(colleagues.add, email, role, self.desk.clock())
        return await self.desk.call(colleagues.link, email, self.desk.clock())

    async def enters(self, role: str = "sales") -> None:
        """Sign in."""
        form = {"link": await self.link(role)}
        async with self.http.post(f"{self.url}/staff/enter", data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
        async with self.http.get(f"{self.url}/api/v1/staff/leads") as answer:
            self.csrf = answer.headers.get("X-CSRF-Token", "")

    async def gets(self, path: str, **headers: str) -> tuple[int, Any]:
        """Get JSON, or a page's text."""
        return await self.asks("GET", path, headers=headers)

    async def asks(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Ask for anything; a change carries the session's CSRF secret unless `more` brings headers of its own."""
        more.setdefault("headers", {"X-CSRF-Token": self.csrf})
        async with self.http.request(method, self.url + path, allow_redirects=False, **more) as answer:
            body = await (answer.json(content_type=None) if "json" in answer.content_type else answer.text())
            return answer.status, body


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[Browser]:
    app = web.Application()
    app.add_routes(staff.routes(desk))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    cookies = aiohttp.CookieJar(unsafe=True)  # unsafe: cookies for a bare address
    async with aiohttp.ClientSession(cookie_jar=cookies) as http:
        yield Browser(http, f"http://127.0.0.1:{runner.addresses[0][1]}", desk)
    await runner.cleanup()


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
    assert "askfirst staff link" in page
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


async def test_the_list_is_masked(browser: Browser) -> None:
    """List and lead show names of details and a mask of one length, in the API and in HTML (S11)."""
    reference = await Person(browser.desk).sends("news")
    await browser.enters()

    status, listed = await browser.gets("/api/v1/staff/leads")
    _, one = await browser.gets(f"/api/v1/staff/leads/{reference}")
    _, pages = await browser.gets("/staff")
    _, pane = await browser.gets(f"/staff/leads/{reference}")

    assert status == 200
    assert listed == {"leads": [one], "cursor": None}
    assert (one["reference"], one["masked"], one["sensitive"], one["status"]) == (
        reference,
        True,
        True,
        "new",
    )
    assert one["purposes"] == ["contact", "news"]
    assert {field["value"] for field in one["fields"]} == {"••••"}
    assert {field["field"] for field in one["fields"]} == {*LI_NA, "need"}
    for text in (pages, pane, repr(one)):
        assert not re.search("canary|138", text, re.IGNORECASE)
    assert reference in pages


async def test_opening_shows_what_was_asked_for(browser: Browser) -> None:
    """With a purpose the details that were asked for come, no others, and the person can see it (S11, S21)."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()

    status, opened = await browser.asks(
        "POST",
        f"/api/v1/staff/leads/{reference}/open",
        json={"purpose": "call_back", "fields": ["phone"]},
    )

    assert status == 200
    assert opened == {"reference": reference, "purpose": "call_back", "values": {"phone": LI_NA["phone"]}}
    record = await browser.desk.call(browser.desk.storage.store.record, person.subject, purpose="view")
    assert [(row["purpose"], tuple(row["fields"])) for row in record.opened_by] == [("call_back", ("phone",))]


async def test_opening_on_the_page(browser: Browser) -> None:
    """The ticked details stand in the page, read as people write them, and nothing may store that page."""
    reference = await Person(browser.desk).sends()
    await browser.enters()
    form = {"csrf": browser.csrf, "purpose": "call_back", "fields": "phone"}

    url = f"{browser.url}/staff/leads/{reference}/open"
    async with browser.http.post(url, data=form) as answer:
        page, headers = await answer.text(), answer.headers

    assert "+86 138 0000 0000" in page
    assert LI_NA["name"] not in page
    assert "logged" in page
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"purpose": "", "fields": ["phone"]}, 400, "purpose_required"),
        ({"purpose": "curiosity", "fields": ["phone"]}, 400, "purpose_required"),
        ({"purpose": "news", "fields": ["email"]}, 403, "consent_required"),
        ({"purpose": "call_back", "fields": ["gender"]}, 404, "not_found"),
        ({"purpose": "call_back", "fields": "phone"}, 400, "bad_request"),
        ({"purpose": "call_back", "fields": [1]}, 400, "bad_request"),
        ({"purpose": 1, "fields": ["phone"]}, 400, "bad_request"),
        (["phone"], 400, "bad_request"),
    ],
)
async def test_what_cannot_be_opened_says_why(
    browser: Browser, asked: object, status: int, code: str
) -> None:
    """Each refusal is a problem with a stable code and a sentence, and opens nothing."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()

    got, problem = await browser.asks("POST", f"/api/v1/staff/leads/{reference}/open", json=asked)

    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert problem["title"].endswith(".")
    record = await browser.desk.call(browser.desk.storage.store.record, person.subject, purpose="view")
    assert record.opened_by == ()


async def test_a_body_that_is_no_json_is_refused(browser: Browser) -> None:
    """What cannot be read changes nothing."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    status, problem = await browser.asks("PATCH", f"/api/v1/staff/leads/{reference}", data=b"{")

    assert (status, problem["code"]) == (400, "bad_request")


async def test_withdrawal_shuts_an_open_console(browser: Browser) -> None:
    """A page that was open before the withdrawal opens nothing after it (L3)."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()
    await person.withdraws("contact")

    asked = {"purpose": "call_back", "fields": ["phone"]}
    status, problem = await browser.asks("POST", f"/api/v1/staff/leads/{reference}/open", json=asked)
    page_status, page = await browser.gets(f"/staff/leads/{reference}")

    assert (status, problem["code"]) == (403, "consent_required")
    assert (page_status, "withdrawn" in page) == (403, True)
    assert (await browser.gets("/api/v1/staff/leads"))[1]["leads"] == []


ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("GET", "/api/v1/staff/leads"): ("sales", "privacy"),
    ("GET", "/api/v1/staff/leads/{ref}"): ("sales", "privacy"),
    ("POST", "/api/v1/staff/leads/{ref}/open"): ("sales", "privacy"),
    ("PATCH", "/api/v1/staff/leads/{ref}"): ("sales",),
    ("POST", "/api/v1/staff/leads/{ref}/reply"): ("sales",),
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


async def test_a_lead_is_taken_and_closed(browser: Browser) -> None:
    """Status and owner are set by API and by form, and only to what exists."""
    reference = await Person(browser.desk).sends()
    await browser.enters()
    path = f"/api/v1/staff/leads/{reference}"

    _, taken = await browser.asks("PATCH", path, json={"status": "open", "assignee": "me"})
    (colleague,) = await browser.desk.call(browser.desk.storage.staff.colleagues)
    assert (taken["status"], taken["assignee"], taken["reply_due"]) == ("open", colleague.id, None)

    form = {"csrf": browser.csrf, "status": "closed", "assignee": ""}
    status, page = await browser.asks("POST", f"/staff/leads/{reference}", data=form, headers={})
    assert (status, "Saved." in page) == (200, True)
    _, closed = await browser.gets(path)
    assert (closed["status"], closed["assignee"]) == ("closed", "")

    for wrong in ({"status": "withdrawn"}, {"assignee": "0" * 32}, {"status": 1}):
        assert (await browser.asks("PATCH", path, json=wrong))[0] == 400


async def test_a_reply_reaches_the_chat(browser: Browser) -> None:
    """What a colleague writes is a message of the person's conversation, from staff."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()
    path = f"/api/v1/staff/leads/{reference}/reply"

    status, sent = await browser.asks("POST", path, json={"text": "Good morning!"})

    assert status == 201
    transcript = await browser.desk.call(browser.desk.storage.store.transcript, person.conversation, 0)
    (message,) = [one for one in transcript.messages if one.sender == "staff"]
    frame = browser.desk.wording.frame(message, values={}, record=None)
    assert (frame["text"], frame["seq"], frame["from"]) == ("Good morning!", sent["seq"], "staff")
    for text, refused in (("  ", 400), ("x" * 4001, 413), (7, 400)):
        assert (await browser.asks("POST", path, json={"text": text}))[0] == refused


async def test_a_reply_by_form(browser: Browser) -> None:
    """The page's form sends, too, and says so."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()

    form = {"csrf": browser.csrf, "text": "Good morning!"}
    status, page = await browser.asks("POST", f"/staff/leads/{reference}/reply", data=form, headers={})

    assert (status, "Sent." in page) == (200, True)
    assert NEED not in page


async def test_a_search_stands_in_no_url(browser: Browser) -> None:
    """The page posts what is searched for; it finds exact addresses and references only."""
    reference = await Person(browser.desk).sends()
    other = await Person(browser.desk).sends()
    await browser.enters()

    async def found(query: str, **more: str) -> set[str]:
        form = {"csrf": browser.csrf, "q": query, **more}
        _, page = await browser.asks("POST", "/staff", data=form, headers={})
        return {one for one in (reference, other) if one in page}

    assert await found(reference) == {reference}
    assert await found(LI_NA["phone"]) == {reference, other}
    assert await found(LI_NA["phone"], status="closed") == set()
    assert await found("canary") == set()


async def test_the_api_pages_and_filters(browser: Browser) -> None:
    """`status`, `q` and `cursor` narrow the list; what they cannot mean is refused."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    assert (await browser.gets("/api/v1/staff/leads?status=closed"))[1]["leads"] == []
    assert len((await browser.gets(f"/api/v1/staff/leads?q={reference}"))[1]["leads"]) == 1
    for query in ("status=withdrawn", "cursor=yesterday"):
        assert (await browser.gets(f"/api/v1/staff/leads?{query}"))[0] == 400


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
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style| style=| on\w+=", page)


@pytest.mark.parametrize("name", ["console.css", "enter.js"])
async def test_the_console_brings_its_own_files(browser: Browser, name: str) -> None:
    """Style and script come from here and say what they are; nothing else of the folder can be had."""
    async with browser.http.get(f"{browser.url}/staff/static/{name}") as answer:
        assert answer.status == 200
        assert answer.content_type in {"text/css", "text/javascript"}
    assert (await browser.gets("/staff/static/..%2fpages.py"))[0] == 404
    assert (await browser.gets("/staff/static/nothing.js"))[0] == 404


async def test_the_console_speaks_chinese(browser: Browser) -> None:
    """A colleague whose browser asks for Chinese gets it, labels of details included."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    _, page = await browser.gets(f"/staff/leads/{reference}", **{"Accept-Language": "zh-CN,zh;q=0.9"})

    assert '<html lang="zh-CN">' in page
    assert browser.desk.rules.fields["phone"].label["zh-CN"] in page
