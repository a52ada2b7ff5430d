"""The widget where it has little room or few rights: on small phones, and on other people's strict pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.chat_window import IN_ROOT, PHONE, Served, host_page, served_desk, window
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_strict_page_of_another_origin_can_embed_it(browser: Browser, tmp_path: Path) -> None:
    """S1: under a policy that allows the desk's scripts and connections nothing is blocked; an unlisted page is."""
    port, other = free_port(), free_port()
    async with served_desk(tmp_path, f"http://127.0.0.1:{port}") as served:
        socket = served.url.replace("http", "ws")
        csp = (
            f"default-src 'none'; script-src {served.url}; connect-src {served.url} {socket}; base-uri 'none'; "
            "form-action 'none'"
        )
        async with host_page(served.url, csp, port) as listed, window(browser, listed) as seen:
            await seen.open()
            await seen.to_consent()
            await seen.pick("Agree")
            await seen.sees("Are the details your own")
            assert await seen.stored() == ["", 0, 0, 0, 0]
        async with host_page(served.url, csp, other) as unlisted, window(browser, unlisted) as seen:
            await seen.page.locator("#launcher").click()
            await expect(seen.dialog.get_by_role("alert")).not_to_be_empty()


async def test_it_fits_a_small_phone(browser: Browser, served: Served) -> None:
    """WCAG 1.4.10: at 320 CSS px nothing needs sideways scrolling, and every target is 44 px high."""
    small = f"""() => [...{IN_ROOT}.querySelectorAll('button, input:not([type=checkbox]), textarea, .box')]
        .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
    async with window(browser, f"{served.url}/", size=PHONE) as seen:
        await seen.open()
        states = [await seen.sideways()]
        await seen.to_consent()
        states += [await seen.sideways(), await seen.page.evaluate(small)]
        assert await seen.dialog.evaluate("one => one.matches(':modal')")
        await seen.pick("Refuse")
        await seen.sees("Nothing of what you wrote is kept")
        await seen.page.evaluate("askfirst.reset()")
        await seen.page.locator(".chip").first.wait_for()
        await seen.to_review()
        states += [await seen.sideways(), await seen.page.evaluate(small)]
        await seen.dialog.get_by_role("button", name="Privacy and my data").click()
        await seen.sees("Li Na")
        states += [await seen.sideways(), await seen.page.evaluate(small)]

    assert states == [[]] * len(states)


async def test_at_the_size_of_a_magnified_window_everything_is_reached(
    browser: Browser, served: Served
) -> None:
    """WCAG 1.4.10: at 320 × 256 CSS px (400 % of a desktop) the whole dialog scrolls, and answers can be given."""
    async with window(browser, f"{served.url}/", size=(320, 256)) as seen:
        await seen.open()
        await seen.to_consent()

        await seen.pick("Agree")
        await seen.pick("My own")
        await seen.asks("Name")

        assert await seen.sideways() == []
        assert await seen.dialog.evaluate("one => getComputedStyle(one).overflowY") == "auto"
        await seen.say("Li Na")
        await seen.asks("Company")
        await expect(seen.answer).to_be_focused()
        await expect(seen.answer).to_be_in_viewport()


async def test_it_moves_only_where_that_is_wished(browser: Browser, served: Served) -> None:
    """WCAG 2.2.2: one short fade, and under reduced motion none at all."""
    moving = "one => one.getAnimations({ subtree: true }).length"
    for motion, animations in (("no-preference", 1), ("reduce", 0)):
        async with window(browser, f"{served.url}/", motion=motion) as seen:
            await seen.page.locator("#launcher").hover()
            await seen.page.wait_for_function(
                "() => performance.getEntriesByType('resource').some((one) => one.name.endsWith('/talk.js'))"
            )
            await seen.page.evaluate(
                "window.moved = 0; addEventListener('askfirst:opened', () => { window.moved ="
                f" ({moving})(document.querySelector('askfirst-desk').shadowRoot.querySelector('dialog')); }})"
            )
            await seen.open()

            assert await seen.page.evaluate("window.moved") == animations


HOSTILE = """
    * { all: unset !important; display: none !important; color: red !important; direction: rtl; }
    html, body, main, h1, p { display: block !important; }
    div, button, dialog, section, input, label { display: none !important; transform: rotate(7deg) !important; }
    :root { font-size: 40px !important; letter-spacing: 9px; line-height: 3; text-transform: uppercase; }
"""
LOOKS = f"""() => {{
    const parts = {IN_ROOT}.querySelectorAll('#launcher, dialog, .head, .bubble, .chip, textarea, .send');
    return [...parts].map((one) => {{
    const box = one.getBoundingClientRect(), looks = getComputedStyle(one);
    return [one.className, box.x, box.y, box.width, box.height, looks.color, looks.fontSize, looks.display,
        looks.letterSpacing, looks.textTransform, looks.transform, one.id || looks.direction]; }}) }}"""


async def looked_at(browser: Browser, folder: Path, script: str, *styles: str) -> list[list[Any]]:
    """Return what a script sees of the open panel on pages of another origin with these styles of their own."""
    port, found = free_port(), []
    async with served_desk(folder, f"http://127.0.0.1:{port}") as served:
        for one in styles:
            async with (
                host_page(served.url, documented_csp(served.url), port, styles=one) as page,
                window(browser, page) as seen,
            ):
                await seen.open()
                found.append(await seen.page.evaluate(script))
    return found


async def test_hostile_styles_of_the_page_do_not_reach_it(browser: Browser, tmp_path: Path) -> None:
    """Whatever the page's own style sheet says of every element, the widget looks the same to the pixel."""
    bare, hostile = await looked_at(browser, tmp_path, LOOKS, "", HOSTILE)

    assert bare == hostile
    assert len(bare) > 8


OWN_PROPERTIES = """
    * { --accent: red; --on-accent: red; --text: red; --ground: red; --af-accent: red; --af-on-accent: red; }
    @property --accent { syntax: "<color>"; inherits: false; initial-value: red; }
    @property --border { syntax: "<length>"; inherits: false; initial-value: 9px; }
"""
COLOURS = f"""() => [...{IN_ROOT}.querySelectorAll('*')].map((one) => {{ const looks = getComputedStyle(one);
    return [looks.color, looks.backgroundColor, looks.borderTopColor, looks.borderTopWidth].join(); }})"""


async def test_properties_of_the_pages_own_do_not_colour_it(browser: Browser, tmp_path: Path) -> None:
    """A page that sets `--accent` on every element, as some do, changes nothing; the documented property does."""
    themed = ":root { --askfirst-accent: #7a1f5c; }"
    bare, own, documented = await looked_at(browser, tmp_path, COLOURS, "", OWN_PROPERTIES, themed)

    assert bare == own
    assert any("rgb(122, 31, 92)" in one for one in documented)
    assert not any("rgb(21, 95, 168)" in one for one in documented)


async def test_it_changes_nothing_of_the_page(browser: Browser, tmp_path: Path) -> None:
    """Beside the launcher no pixel of the page is another one, nothing moved, and its body has one element more."""
    port = free_port()
    cover = "#launcher { visibility: hidden; }"
    async with served_desk(tmp_path, f"http://127.0.0.1:{port}") as served:
        pictures = []
        for scripts in (0, 1):
            async with (
                host_page(served.url, documented_csp(served.url), port, scripts=scripts) as page,
                window(browser, page) as seen,
            ):
                if scripts:
                    await seen.page.evaluate(
                        f"{{ const sheet = new CSSStyleSheet(); sheet.replaceSync({cover!r});"
                        f" {IN_ROOT}.adoptedStyleSheets.push(sheet); }}"
                    )
                pictures.append(await seen.page.screenshot())
                counted = await seen.page.evaluate("document.body.childElementCount")

    assert pictures[0] == pictures[1]
    assert counted == 4  # heading, paragraph, the script itself, the widget


SPREAD = "body { display: flex; flex-direction: column; justify-content: space-between; min-height: 100vh; margin: 0; }"
GRID = "body { display: grid; gap: 24px; margin: 0; }"


@pytest.mark.parametrize("styles", [SPREAD, GRID])
async def test_it_takes_no_place_in_the_pages_layout(browser: Browser, tmp_path: Path, styles: str) -> None:
    """A page that spreads what its body holds, or puts gaps between: nothing moves because of the widget."""
    port, places = free_port(), []
    async with served_desk(tmp_path, f"http://127.0.0.1:{port}") as served:
        for scripts in (0, 1):
            async with (
                host_page(
                    served.url, documented_csp(served.url), port, scripts=scripts, styles=styles
                ) as page,
                window(browser, page) as seen,
            ):
                places.append(
                    await seen.page.evaluate(
                        "[...document.querySelectorAll('h1, p')].map((one) => one.getBoundingClientRect().y)"
                        ".concat(document.body.offsetHeight)"
                    )
                )

    assert places[0] == places[1]


async def test_twice_on_a_page_there_is_one(browser: Browser, tmp_path: Path) -> None:
    """The tag stands twice, as after a careless merge: one launcher, one session."""
    port = free_port()
    async with (
        served_desk(tmp_path, f"http://127.0.0.1:{port}") as served,
        host_page(served.url, documented_csp(served.url), port, scripts=2) as page,
        window(browser, page) as seen,
    ):
        await seen.open()

        assert await seen.page.locator("askfirst-desk").count() == 1
        assert sum(url.endswith("/sessions") for url in seen.requests) <= 2  # the question and its preflight


async def test_in_a_frame_it_works_as_on_a_page(browser: Browser, tmp_path: Path) -> None:
    """A customer's page inside a frame of another: the chat opens and talks there."""
    port = free_port()
    async with (
        served_desk(tmp_path, f"http://127.0.0.1:{port}") as served,
        host_page(served.url, documented_csp(served.url), port, framed=True) as page,
        window(browser, page) as seen,
    ):
        frame = seen.page.frame_locator("iframe")
        await frame.locator("#launcher").click()

        await expect(frame.locator(".said").first).to_contain_text("automated assistant")
        await frame.locator(".chip").first.click()
        await expect(frame.locator(".visitor")).to_have_count(1)


async def test_the_documented_directives_are_enough(browser: Browser, tmp_path: Path) -> None:
    """A page with `default-src 'self'` and what docs/embedding.md adds: an empty console; the tag sets the theme."""
    port = free_port()
    async with (
        served_desk(tmp_path, f"http://127.0.0.1:{port}") as served,
        host_page(served.url, documented_csp(served.url), port, attributes='data-theme="dark"') as page,
        window(browser, page) as seen,
    ):
        spoken: list[str] = []
        seen.page.on("console", lambda one: spoken.append(one.text))
        await seen.open()
        await seen.to_consent()
        await seen.dialog.get_by_text("Read the whole policy here").click()
        await seen.dialog.locator(".notice h1").wait_for()
        ground = await seen.dialog.evaluate("one => getComputedStyle(one).backgroundColor")

    assert spoken == []
    assert ground == "rgb(18, 24, 31)"
    assert hosts(seen.requests) <= {served.url, page.rstrip("/")}


def hosts(requests: list[str]) -> set[str]:
    """Return the origins that were asked for anything."""
    return {"/".join(url.split("/")[:3]) for url in requests if url.startswith("http")}


def documented_csp(desk_url: str) -> str:
    """Return the policy of docs/embedding.md for a desk at this address."""
    text = (Path(__file__).parent.parent / "docs" / "embedding.md").read_text("utf-8")
    policy = " ".join(text.split("```csp\n")[1].split("```")[0].split())
    socket = desk_url.replace("http", "ws")
    return policy.replace("wss://desk.example.com", socket).replace("https://desk.example.com", desk_url)
