"""Make the pictures of `docs/pictures/`: every state of the widget on one sheet for each language and theme.

`make pictures` runs it. To be looked at one by one after each change of the widget's looks.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.servers import chromium_path
from tests.widget_tour import touring

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
WINDOW = (480, 760)  # CSS px; a step wider than where the panel fills the screen
TILE = 260  # CSS px wide on a sheet
LARGE = 576  # CSS px wide in the README, at one and a half times the size on a page
README = ("en", "light"), ("consent", "review")
COLUMNS = 6
QUALITY = 72  # per cent, JPEG
SHEET = """<!doctype html><html lang="en"><title>States</title><style>
body { margin: 0; padding: 12px; background: #8a949e; font: 13px system-ui, sans-serif; color: #fff }
main { display: grid; grid-template-columns: repeat(%d, %dpx); gap: 12px }
figure { margin: 0 } img { width: 100%%; display: block; border-radius: 8px } figcaption { padding: 2px 4px }
</style><main>%s</main>"""
FIGURE = '<figure><figcaption>{}</figcaption><img alt="" src="data:image/png;base64,{}"></figure>'


async def shots(browser: Browser, locale: str, scheme: str) -> dict[str, bytes]:
    """Return a picture of every state, twice as fine as it is shown."""
    with tempfile.TemporaryDirectory() as folder:
        size = (WINDOW[0] + 1, WINDOW[1])
        async with touring(browser, Path(folder), locale, scheme=scheme, size=size, scale=2) as tour:
            taken = {}
            async for state in tour.states():
                await tour.seen.page.wait_for_timeout(200)  # ms; what scrolls comes to rest
                taken[state] = await tour.seen.dialog.screenshot()
            return taken


async def sheet(browser: Browser, name: str, pictures: Mapping[str, bytes], columns: int, tile: int) -> None:
    """Put pictures beside each other into a file, `tile` pixels wide each, under their names where they are many."""
    shown = "".join(
        FIGURE.format(escape(state) if columns == COLUMNS else "", b64encode(picture).decode())
        for state, picture in pictures.items()
    )
    page = await browser.new_page(viewport={"width": columns * (tile + 12) + 12, "height": 400})
    await page.set_content(SHEET % (columns, tile, shown))
    path = FOLDER / name
    await page.screenshot(path=path, full_page=True, type="jpeg", quality=QUALITY)
    await page.close()
    sys.stdout.write(f"{path.relative_to(FOLDER.parent.parent)}: {path.stat().st_size // 1000} kB\n")


async def main() -> None:
    """Make all sheets, and the picture of the README."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path())
        for locale in ("en", "zh-CN"):
            for scheme in ("light", "dark"):
                taken = await shots(browser, locale, scheme)
                await sheet(browser, f"widget-states-{locale}-{scheme}.jpg", taken, COLUMNS, TILE)
                if (locale, scheme) == README[0]:
                    first = {state: taken[state] for state in README[1]}
                    await sheet(browser, "widget.jpg", first, len(first), LARGE)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
