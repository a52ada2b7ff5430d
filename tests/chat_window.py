"""The chat as a visitor has it: a desk on a real port, a real browser, the widget in a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from bot.desk import Desk
from bot.running import open_desk, web_role
from config.load import Loaded
from intake.rules import Site
from storage.sources import Sources
from tests.accessibility import faults_of
from tests.house import settings, shipped
from tests.servers import free_port
from tests.templates import files

PATIENCE = 10_000  # ms until something that should be on the screen counts as missing
DESKTOP, PHONE = (1000, 760), (320, 568)  # CSS px

# What a browser could have kept; each must stay empty (S8, L12).
STORED = """async () => [document.cookie, localStorage.length, sessionStorage.length,
    (await indexedDB.databases()).length, (await caches.keys()).length]"""
# The element that has the focus, inside the widget too.
FOCUSED = """() => { let one = document.activeElement;
    while (one && one.shadowRoot && one.shadowRoot.activeElement) one = one.shadowRoot.activeElement;
    return one ? (one.getAttribute('aria-label') || one.innerText || one.id || one.tagName) : ''; }"""
IN_ROOT = "document.querySelector('askfirst-desk').shadowRoot"


@dataclass
class Served:
    """A desk that runs, and where."""

    desk: Desk
    url: str


@asynccontextmanager
async def served_desk(
    folder: Path,
    *origins: str,
    loaded: Loaded | None = None,
    port: int = 0,
    sources: Sources | None = None,
    **environment: str,
) -> AsyncIterator[Served]:
    """Yield a desk on SQLite at its public address; pages of `origins` may embed it too."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    given = loaded or shipped()
    given = replace(given, rules=replace(given.rules, sites={"default": Site(id="default", origins=origins)}))
    chosen = settings(folder, *files(folder), PUBLIC_URL=url, PORT=str(port), **environment)
    async with open_desk(chosen, given, sources, migrate=True) as desk, web_role(desk, port=port):
        yield Served(desk, url)


@asynccontextmanager
async def host_page(
    desk_url: str,
    csp: str,
    port: int,
    *,
    styles: str = "",
    scripts: int = 1,
    attributes: str = "",
    framed: bool = False,
) -> AsyncIterator[str]:
    """Yield the address of a customer's page on another origin that embeds the widget under a policy of its own.

    `framed`: the page stands in a frame of the one that is opened.
    """
    linked = '<link rel="stylesheet" href="/style.css">'

    async def show(request: web.Request) -> web.Response:
        script = f'<script src="{desk_url}/widget.js" {attributes} defer></script>' * scripts
        body = (
            '<!doctype html><html lang="en"><title>Host</title>'
            f"{linked if styles else ''}<body><h1>A host page</h1><p>Words of the host.</p>"
        )
        headers = {"Content-Security-Policy": csp}
        if framed and request.path == "/":
            script = '<iframe src="/inner" width="600" height="600"></iframe>'
        return web.Response(text=body + script, content_type="text/html", headers=headers)

    async def style(_: web.Request) -> web.Response:
        return web.Response(text=styles, content_type="text/css")

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_get("/inner", show)
    app.router.add_get("/style.css", style)
    app.router.add_get("/favicon.ico", style)  # which a browser may ask for
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


@dataclass
class Window:
    """One visitor's page with the widget in it."""

    page: Page
    context: BrowserContext
    faults: list[str]
    requests: list[str]

    @property
    def dialog(self) -> Locator:
        """The panel."""
        return self.page.locator("dialog")

    @property
    def answer(self) -> Locator:
        """The field of the open question."""
        return self.page.locator("#answer")

    async def open(self) -> None:
        """Open the chat and wait for the greeting."""
        await self.page.locator("#launcher").click()
        await self.sees("automated assistant", "自动")
        await self.page.locator(".chip").first.wait_for()

    async def pick(self, label: str) -> None:
        """Press a button of the open question."""
        await self.dialog.locator(".now, .foot, .view").get_by_role("button", name=label, exact=True).click()

    async def say(self, text: str) -> None:
        """Type and send."""
        await self.answer.fill(text)
        await self.page.keyboard.press("Enter")

    async def sees(self, *texts: str) -> None:
        """Wait until one of the texts is said in the conversation or shown on a card."""
        said = self.dialog.locator(".log, .now, .view")
        found = said.get_by_text(texts[0])
        for text in texts[1:]:
            found = found.or_(said.get_by_text(text))
        await expect(found.last).to_be_visible()

    async def asks(self, label: str) -> None:
        """Wait for the field with this label."""
        await expect(self.dialog.locator(".foot label")).to_contain_text(label)

    async def to_consent(self) -> None:
        """Ask something and wish for an answer; the consent card is open then."""
        await self.pick("Gateways")
        await self.asks("Your question")
        await self.say("Can your gateways read an old pump?")
        await self.pick("Yes, please")
        await self.sees("Your choice")

    async def to_review(self) -> None:
        """Give the invented details of nobody; the review card is open then."""
        await self.to_consent()
        await self.pick("Agree")
        await self.pick("My own")
        for label, text in (
            ("Name", "Li Na"),
            ("Company", "Example Pumps"),
            ("Mobile phone", "+86 138 0013 8000"),
        ):
            await self.asks(label)
            await self.say(text)
        for label in ("E-mail", "Position"):
            await self.asks(label)
            await self.pick("Skip")
        await self.pick("Water")
        await self.sees("Check before you send")

    async def tab_to(self, *names: str) -> str:
        """Press Tab until the focus is on something with one of these names, as somebody without a mouse does."""
        for _ in range(40):
            await self.page.keyboard.press("Tab")
            name = str(await self.page.evaluate(FOCUSED)).strip()
            if name in names:
                return name
        raise AssertionError(f"Tab never reached {names}")

    async def stored(self) -> list[Any]:
        """Return what the browser keeps of the visit: cookies, storages, caches."""
        return [*await self.page.evaluate(STORED), *await self.context.cookies()]

    async def axe(self) -> list[str]:
        """Return what axe finds or cannot decide in this state, by rule and place."""
        return await faults_of(self.page)

    async def sideways(self) -> list[str]:
        """Return what is wider than the window: the page, and whatever in the panel would need sideways scrolling."""
        wide: list[str] = await self.page.evaluate(
            f"""() => [document.documentElement, ...{IN_ROOT}.querySelectorAll('dialog, .talk, .view, .foot, .head')]
                .filter((one) => one.scrollWidth > one.clientWidth + 1)
                .map((one) => one.tagName + '.' + one.className)"""
        )
        return wide


@asynccontextmanager
async def window(
    browser: Browser,
    url: str,
    *,
    locale: str = "en-GB",
    size: tuple[int, int] = DESKTOP,
    scheme: Any = "light",
    motion: Any = "reduce",
    scale: int = 1,
) -> AsyncIterator[Window]:
    """Yield a fresh visitor's window on a page. Whatever the page throws, or its policy blocks, is a fault."""
    context = await browser.new_context(
        locale=locale,
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        color_scheme=scheme,
        reduced_motion=motion,
        accept_downloads=True,
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    seen = Window(page, context, [], [])
    page.on("pageerror", lambda fault: seen.faults.append(str(fault)))
    page.on("request", lambda request: seen.requests.append(request.url))
    await page.add_init_script(
        "addEventListener('securitypolicyviolation', (one) => { throw new Error('CSP: ' + one.violatedDirective); })"
    )
    await page.goto(url)
    yield seen
    await context.close()
    assert seen.faults == []
