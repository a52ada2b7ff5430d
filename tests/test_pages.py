"""The pages that everybody may read: policy with its history, demo site, my data, what programs look for."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from playwright.async_api import Browser, expect

from tests.chat_window import Served, served_desk, window
from tests.house import two_versions

pytestmark = pytest.mark.asyncio(loop_scope="session")

TODAY = datetime.now(UTC).date()


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncIterator[ClientSession]:
    """A program that reads pages."""
    async with ClientSession() as session:
        yield session


async def _read(client: ClientSession, url: str, **headers: str) -> str:
    async with client.get(url, headers=headers) as answer:
        assert answer.status == 200, url
        return await answer.text()


async def test_the_policy_is_shown_with_version_dates_and_fingerprint(
    served: Served, client: ClientSession
) -> None:
    """S27: the page names the version and its dates; the exact text it gives has the fingerprint it shows (L14)."""
    page = await _read(client, f"{served.url}/policy?lang=en")
    text = await _read(client, f"{served.url}/policy/2026-11?lang=en&format=md")

    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    assert fingerprint == served.desk.rules.policies["2026-11"].notice_sha256["en"]
    for said in ("Version 2026-11", "November 1, 2026", fingerprint, "How Example Instruments treats"):
        assert said in page


async def test_pages_speak_the_readers_language(served: Served, client: ClientSession) -> None:
    """The address's `lang`, else the browser's language, decides; what it was is said in the answer."""
    for path in ("/", "/policy", "/my-data"):
        asked = await _read(client, f"{served.url}{path}?lang=zh-CN")
        preferred = await _read(client, f"{served.url}{path}", **{"Accept-Language": "zh-CN,zh;q=0.9"})
        default = await _read(client, f"{served.url}{path}")

        assert '<html lang="zh-CN">' in asked
        assert '<html lang="zh-CN">' in preferred
        assert '<html lang="en">' in default
        assert "隐私政策" in asked


async def test_a_version_to_come_is_announced_before_it_holds(client: ClientSession, tmp_path: Path) -> None:
    """S27: between publication and effect a banner announces it everywhere; `/policy` still shows the one in force."""
    coming = TODAY + timedelta(days=30)
    loaded = two_versions(tmp_path / "config", published=TODAY - timedelta(days=1), effective=coming)
    async with served_desk(tmp_path, loaded=loaded) as served:
        for path in ("/", "/policy", "/my-data"):
            assert "A new version, next, takes effect on" in await _read(client, f"{served.url}{path}")
        assert "Version 2026-11" in await _read(client, f"{served.url}/policy")
        announced = await _read(client, f"{served.url}/policy/next")
        assert "This version is not in force yet." in announced
        assert 'class="banner"' not in announced  # there it would lead to itself


async def test_from_its_date_on_the_new_version_holds(client: ClientSession, tmp_path: Path) -> None:
    """S27: once in force it is what `/policy` shows, without a banner; the old one stays readable, marked as past."""
    past = TODAY - timedelta(days=2)
    loaded = two_versions(tmp_path / "config", published=past, effective=past)
    async with served_desk(tmp_path, loaded=loaded) as served:
        page = await _read(client, f"{served.url}/policy")
        assert "Version next" in page
        assert 'class="banner"' not in page
        assert "no longer in force" in await _read(client, f"{served.url}/policy/2026-11")


async def test_what_is_not_published_is_nobodys_business(client: ClientSession, tmp_path: Path) -> None:
    """S27: before its publication a version is neither shown, listed nor compared; unknown ones do not exist."""
    later = TODAY + timedelta(days=9)
    loaded = two_versions(tmp_path / "config", published=later, effective=later)
    async with served_desk(tmp_path, loaded=loaded) as served:
        assert "policy/next" not in await _read(client, f"{served.url}/policy")
        for path in (
            "/policy/next",
            "/policy/diff/2026-11/next",
            "/policy/1999",
            "/static/none.css",
            "/widget/0/no.js",
        ):
            async with client.get(served.url + path) as answer:
                assert answer.status == 404, path


@pytest.mark.parametrize(
    "path", ["/nothing", "/policy/1999", "//example.com/x", "/staff/nothing", "/my-data/"]
)
async def test_who_went_astray_is_led_home(client: ClientSession, served: Served, path: str) -> None:
    """A browser gets a page in its language, with a way home and no link to where the address might lead."""
    for locale, said in (("en", "There is no page here"), ("zh-CN", "没有这个页面")):
        reads = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": locale}
        async with client.get(served.url + path, headers=reads) as answer:
            page = await answer.text()
            assert (answer.status, answer.content_type) == (404, "text/html")
            assert said in page
            assert f'href="/?lang={locale}"' in page
            assert "example.com/x" not in page


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
async def test_a_stranger_learns_of_no_metrics(client: ClientSession, served: Served, accept: str) -> None:
    """What came through a proxy is answered to the letter as if there were no such page."""
    headers = {"X-Forwarded-For": "203.0.113.7", "Accept": accept}
    told = []
    for path in ("/metrics", "/metricz"):
        async with client.get(served.url + path, headers=headers) as answer:
            kept = {name: one for name, one in answer.headers.items() if name != "Date"}
            told.append((answer.status, kept, await answer.text()))

    assert told[0][0] == 404
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("path", "accept"), [("/nothing", "*/*"), ("/nothing", "application/json"), ("/api/nothing", "text/html")]
)
async def test_a_program_that_went_astray_gets_a_problem(
    client: ClientSession, served: Served, path: str, accept: str
) -> None:
    """The API, and whoever reads no pages, gets RFC 9457."""
    async with client.get(served.url + path, headers={"Accept": accept}) as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
        assert (await answer.json())["code"] == "not_found"


async def test_two_versions_are_compared_for_readers(client: ClientSession, tmp_path: Path) -> None:
    """S27: the words that went and came, older version first, whichever order the address has."""
    loaded = two_versions(tmp_path / "config", published=TODAY, effective=TODAY)
    async with served_desk(tmp_path, loaded=loaded) as served:
        for order in ("2026-11/next", "next/2026-11"):
            page = await _read(client, f"{served.url}/policy/diff/{order}?lang=en")
            assert "What changed from 2026-11 to next" in page
            assert "<del>In short</del><ins>Quite shortly</ins>" in page
        same = await _read(client, f"{served.url}/policy/diff/next/next?lang=en")
        assert "Nothing changed in this language." in same


async def test_programs_find_what_they_look_for(served: Served, client: ClientSession) -> None:
    """L13, RFC 9116: gpc.json says that the signal is honoured; security.txt has a contact and ends within a year."""
    async with client.get(f"{served.url}/.well-known/gpc.json") as answer:
        assert answer.content_type == "application/json"
        assert await answer.json() == {"gpc": True, "lastUpdate": "2026-11-01"}
    text = await _read(client, f"{served.url}/.well-known/security.txt")
    lines = dict(line.split(": ", 1) for line in text.splitlines())
    assert lines["Contact"] == "mailto:privacy@example.com"
    assert lines["Canonical"] == f"{served.url}/.well-known/security.txt"
    ends = datetime.fromisoformat(lines["Expires"])
    assert timedelta(0) < ends - datetime.now(UTC) < timedelta(days=365)


async def test_the_widgets_files_are_for_every_page_and_cached_by_content(
    served: Served, client: ClientSession
) -> None:
    """The loader is fresh within minutes, parts change their address with their content; all are small."""
    async with client.get(f"{served.url}/widget.js") as answer:
        loader, headers = await answer.text(), answer.headers
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Cache-Control"] == "public, max-age=300"
        assert headers["Content-Encoding"] == "gzip"
        sizes = [int(headers["Content-Length"])]
    async with client.get(f"{served.url}/widget.js", headers={"If-None-Match": headers["ETag"]}) as answer:
        assert answer.status == 304
    version = loader.split("widget/", 1)[1].split("/", 1)[0]
    for name in ("panel.js", "talk.js", "polling.js"):
        async with client.get(f"{served.url}/widget/{version}/{name}") as answer:
            assert "immutable" in answer.headers["Cache-Control"]
            # its style sheets are in it: not every browser imports them
            assert "with { type:" not in await answer.text()
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            sizes.append(int(answer.headers["Content-Length"]))
        async with client.get(f"{served.url}/widget/0/{name}") as answer:
            assert answer.headers["Cache-Control"] == "no-cache"
    assert sizes[0] <= 1_500  # bytes, gzip: the loader, all that a page fetches before anybody opens the chat
    assert sum(sizes[:2]) <= 9_000  # with the panel and its looks: all that is needed until it stands
    assert sum(sizes) < 26_000  # everything there is, what only blocked networks need included


async def test_pages_allow_nothing_but_their_own_files(served: Served, client: ClientSession) -> None:
    """No inline script or style, no third-party host, no cookie on any page."""
    for path in ("/", "/policy", "/policy/2026-11", "/policy/diff/2026-11/2026-11", "/my-data"):
        async with client.get(served.url + path) as answer:
            policy, page = answer.headers["Content-Security-Policy"], await answer.text()
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert "Set-Cookie" not in answer.headers
            assert "<style" not in page
            assert " style=" not in page
            assert 'src="http' not in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_pages_are_accessible_and_fit_a_phone(
    browser: Browser, tmp_path: Path, scheme: str, locale: str
) -> None:
    """WCAG 2.2 AA as far as axe can tell, in both themes and languages; nothing is wider than 320 CSS px."""
    loaded = two_versions(tmp_path / "config", published=TODAY, effective=TODAY + timedelta(days=9))
    paths = ("/", "/my-data", "/policy", "/policy/next", "/policy/diff/2026-11/next", "/nothing")
    async with (
        served_desk(tmp_path, loaded=loaded) as served,
        window(browser, f"{served.url}/", locale=locale, scheme=scheme) as seen,
    ):
        found = {}
        for path in paths:
            await seen.page.set_viewport_size({"width": 1000, "height": 760})
            await seen.page.goto(served.url + path)
            faults = await seen.axe()
            await seen.page.set_viewport_size({"width": 320, "height": 568})
            wide = await seen.page.evaluate("document.documentElement.scrollWidth > innerWidth")
            found[path] = [*faults, *(["wide"] if wide else [])]

    assert found == {path: [] for path in paths}


async def test_the_demo_site_shows_how_a_page_steers_the_chat(browser: Browser, served: Served) -> None:
    """Contract, "Web page API": the tag, every call by the keyboard and as code, every event as it comes."""
    async with window(browser, f"{served.url}/") as seen:
        rows = seen.page.locator("[data-events] code")
        await expect(rows).to_have_text(["askfirst:ready"])
        await expect(seen.page.locator(".code")).to_have_text(
            f'<script src="{served.url}/widget.js" data-site="default" defer></script>'
        )

        for call in (
            "open()",
            'start({topic: "gateway"})',
            'setLocale("zh-CN")',
            "reset()",
            "close()",
            "toggle()",
        ):
            button = seen.page.get_by_role("button", name=call, exact=True)
            await button.focus()
            await seen.page.keyboard.press("Enter")
            await expect(rows.get_by_text(f"askfirst.{call}")).to_be_visible()
            if call == "open()":
                await seen.page.locator(".chip").first.wait_for()
            if call.startswith("start"):
                await seen.asks("Your question")

        await expect(seen.page.locator("#launcher")).to_have_attribute("aria-expanded", "true")
        heard = await rows.all_inner_texts()
        for event in ("askfirst:opened", "askfirst:closed", 'askfirst:message {"from":"bot","seq":1}'):
            assert event in heard


async def test_my_data_leads_into_the_chat(browser: Browser, served: Served) -> None:
    """S21: the page explains the three words, and its button opens the chat."""
    async with window(browser, f"{served.url}/my-data") as seen:
        for word in ("view", "correct", "delete"):
            await expect(seen.page.locator("dt").get_by_text(word, exact=True)).to_be_visible()

        await seen.page.get_by_role("button", name="Open the chat").first.click()

        await seen.sees("automated assistant")
