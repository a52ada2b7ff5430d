"""What the widget costs a page, in Chromium with a processor four times slower and a slow 4G line, beside the peers."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from tests.bench.scripting import BEGUN, CATEGORIES, DONE, traced_ms
from tests.chat_window import IN_ROOT, Window, served_desk, window
from tests.servers import chromium_path

ROUNDS = 5  # the median counts
SLOWER = 4  # times
# ms, bytes/s
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 93_750}
WATCH = """() => {
    window.shifted = 0; window.blocked = 0;
    const watch = (type, note) =>
        new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
    watch('layout-shift', (one) => { window.shifted += one.value; });
    watch('longtask', (one) => { window.blocked += Math.max(0, one.duration - 50); });
    window.after = (sign) => new Promise((done) => {
        const root = document.querySelector('askfirst-desk').shadowRoot;
        const begun = performance.mark('BEGUN').startTime;
        const changed = new MutationObserver(() => {
            if (!root.querySelector(sign)) return;
            performance.mark('DONE');
            changed.disconnect();
            requestAnimationFrame(() => done(performance.now() - begun));
        });
        changed.observe(root, { childList: true, subtree: true, attributeFilter: ['open'] });
        root.querySelector('#launcher').click();
    }); }""".replace("BEGUN", BEGUN).replace("DONE", DONE)
COUNT = f"{IN_ROOT}.querySelectorAll('*').length + 1"
LOADER, SCRIPT, PROMISES = "script CPU of the loader, ms", "script CPU, ms", "script CPU with promises, ms"
HOW_COUNTED = f"""script CPU: the processor's time of the page's own thread from the click to the greeting that can be
answered, cold, as Chromium's ScriptDuration counts it: to compile, evaluate and call functions, less style and layout.
With promises: what goes on after an `await` as well. Taken at full speed and multiplied by {SLOWER}: a slowed processor
would also multiply what other programs take meanwhile."""
OPEN, READY = "dialog[open]", ".chip"  # the panel stands; the greeting can be answered


@dataclass
class Visit:
    """One visitor's page, measured."""

    kilobytes: dict[str, float] = field(default_factory=dict)
    requests: int = 0
    elements: dict[str, int] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)


# The figures of others were measured in the same Chromium, at the same throttle; n8n's chat moves the page by 0.129.
ROWS: tuple[tuple[str, str, str, str], ...] = (
    # what, goal, hand-written probe, peers: typebot, react-chatbotify, n8n chat, webchat minimal
    ("loader, kB gzip", "1.5", "1.19", ""),
    ("elements before opening", "6", "6", ""),
    ("until the panel stands, kB gzip", "9", "7.2", "196 / 190 / 608 / 483"),
    ("until the panel stands, requests", "3", "3", "3 / 2 / 5 / 1"),
    ("until the greeting can be answered, kB gzip", "", "", ""),
    ("elements at consent", "60", "49", "56 / 66 / 29 / 190"),
    ("elements, most", "80", "61", ""),
    (LOADER, "", "", ""),
    (SCRIPT, "25", "19", "237 / 625 / 607 / 1406"),
    (PROMISES, "", "", "the goal does not say whether they count"),
    ("total blocking time, ms", "20", "27", "458 / 772 / 771 / 1708"),
    ("click to open panel, warm, ms", "200", "275", ""),
    ("click to open panel, cold, ms", "380", "518", "2804 / 2475 / 4092 / 4378"),
    ("click to greeting, warm, ms", "", "", ""),
    ("click to greeting, cold, ms", "", "", ""),
    ("layout shift", "0", "0", "n8n 0.129"),
)


async def _slowed(page: Page, *, times: int = SLOWER) -> CDPSession:
    line = await page.context.new_cdp_session(page)
    for method, given in (
        ("Network.enable", {}),
        ("Performance.enable", {"timeDomain": "threadTicks"}),
        ("Network.emulateNetworkConditions", SLOW_4G),
        ("Emulation.setCPUThrottlingRate", {"rate": times}),
    ):
        await line.send(method, given)
    return line


async def _script_duration_ms(line: CDPSession) -> float:
    metrics = (await line.send("Performance.getMetrics"))["metrics"]
    return 1000 * float(next(one["value"] for one in metrics if one["name"] == "ScriptDuration"))


async def _opened(browser: Browser, url: str, *, warm: bool, sign: str) -> dict[str, float]:
    """Return what one opening takes, on a page that nobody visited before."""
    async with window(browser, url, motion="no-preference") as seen:
        await _slowed(seen.page)
        await seen.page.evaluate(WATCH)
        if warm:
            await seen.page.locator("#launcher").hover()
            await seen.page.wait_for_load_state("networkidle")
        took = await seen.page.evaluate(f"after({sign!r})")
        shifted, blocked = await seen.page.evaluate("[window.shifted, window.blocked]")
    return {"took": took, "shifted": shifted, "blocked": blocked}


async def _worked(browser: Browser, url: str) -> dict[str, float]:
    """Return what the scripts of one cold opening take from the processor; see `HOW_COUNTED`."""
    async with window(browser, "about:blank", motion="no-preference") as seen:
        line = await _slowed(seen.page, times=1)
        await browser.start_tracing(page=seen.page, categories=CATEGORIES)
        await seen.page.goto(url)
        await seen.page.evaluate(WATCH)
        before = await _script_duration_ms(line)
        await seen.page.evaluate(f"after({READY!r})")
        functions = await _script_duration_ms(line) - before
        traced = json.loads(await browser.stop_tracing())["traceEvents"]
    loader, opening = traced_ms(traced, "/widget.js")
    return {LOADER: SLOWER * loader, SCRIPT: SLOWER * functions, PROMISES: SLOWER * opening}


async def _weighed(browser: Browser, url: str) -> Visit:
    """Return what is fetched and built, walking through a whole consultation."""
    visit = Visit()
    async with window(browser, url) as seen:
        sizes: dict[str, int] = {}

        async def note(answer: Any) -> None:
            if "/widget" in answer.url:
                sizes[answer.url.rsplit("/", 1)[1]] = int(answer.headers.get("content-length", 0))

        seen.page.on("response", note)
        await seen.page.reload()
        visit.elements["before opening"] = await seen.page.evaluate(COUNT)
        await seen.open()
        first = [sizes[name] for name in ("widget.js", "panel.js")]
        visit.requests = len(first)
        visit.kilobytes = {"loader": first[0], "panel": sum(first), "greeting": sum(sizes.values())}
        await elements(seen, visit.elements)
    return visit


async def elements(seen: Window, counted: dict[str, int]) -> None:
    """Count the widget's elements from the greeting to "my data" after sending."""
    counted["greeting"] = await seen.page.evaluate(COUNT)
    await seen.to_consent()
    counted["consent"] = await seen.page.evaluate(COUNT)
    await seen.page.evaluate("askfirst.reset()")
    await seen.page.locator(".chip").first.wait_for()
    await seen.to_review()
    counted["review"] = await seen.page.evaluate(COUNT)
    await seen.pick("Send")
    await seen.sees("Your reference is")
    counted["sent"] = await seen.page.evaluate(COUNT)
    await seen.dialog.get_by_role("button", name="Privacy and my data").click()
    await seen.dialog.locator(".view .record").wait_for()
    counted["my data"] = await seen.page.evaluate(COUNT)


async def measured() -> dict[str, float]:
    """Return every figure by the name of its row."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        async with served_desk(Path(folder)) as served, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
            url, found = f"{served.url}/", {}
            visit = await _weighed(browser, url)
            for sign, name in ((OPEN, "open panel"), (READY, "greeting")):
                for warm in (True, False):
                    runs = [await _opened(browser, url, warm=warm, sign=sign) for _ in range(ROUNDS)]
                    found[f"click to {name}, {'warm' if warm else 'cold'}, ms"] = median(
                        r["took"] for r in runs
                    )
            worked = [await _worked(browser, url) for _ in range(ROUNDS)]
            found |= {name: median(run[name] for run in worked) for name in worked[0]}
            found["total blocking time, ms"] = median(run["blocked"] for run in runs)
            found["layout shift"] = max(run["shifted"] for run in runs)
            await browser.close()
    return found | {
        "loader, kB gzip": visit.kilobytes["loader"] / 1000,
        "elements before opening": visit.elements["before opening"],
        "until the panel stands, kB gzip": visit.kilobytes["panel"] / 1000,
        "until the panel stands, requests": visit.requests,
        "until the greeting can be answered, kB gzip": visit.kilobytes["greeting"] / 1000,
        "elements at consent": visit.elements["consent"],
        "elements, most": max(visit.elements.values()),
    }


async def report() -> None:
    """Measure the widget and print it beside its goals and the peers."""
    found = await measured()
    print(
        f"\nThe widget, processor {SLOWER} x slower, {SLOW_4G['latency']} ms and 1.6 Mb/s; median of {ROUNDS}"
    )
    peers = "typebot / react-chatbotify / n8n chat / webchat"
    print(f"{'':<46}{'here':>9}{'goal':>7}{'probe':>7}  {peers}")
    for name, goal, probe, others in ROWS:
        mark = "" if not goal or found[name] <= float(goal) else "  over"
        print(f"{name:<46}{found[name]:>9.4g}{goal:>7}{probe:>7}  {others}{mark}")
    print(HOW_COUNTED)
