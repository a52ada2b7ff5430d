"""A visitor's ways through every state of the widget, in any language: what axe judges, and what the pictures show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from bot.desk import Desk
from intake.events import ColleagueSaid
from storage.records import Turn
from storage.sources import Sources
from tests.chat_window import PATIENCE, Window, served_desk, window
from tests.house import two_versions
from tests.rooms import Clock

STATES = (
    *("greeting", "question", "follow-up", "consent", "policy", "whose", "field", "rejection", "sensitive"),
    *("choice", "review", "sent", "colleague", "record", "failed", "my-data", "confirm", "offline", "erased"),
    *("closed", "announced", "asked-again"),
)
# Of the second tour: the moments in the company's zone, and the version that comes into force at their end.
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # a Wednesday
SATURDAY, SUNDAY = datetime(2026, 11, 28, 15, 50, tzinfo=UTC), datetime(2026, 11, 29, 15, 50, tzinfo=UTC)
PUBLISHED, EFFECTIVE = date(2026, 11, 29), date(2026, 11, 30)
HEARD = """window.heard = 0; addEventListener('askfirst:message', (one) => {
    if (one.detail.from !== 'visitor') window.heard = one.detail.seq; })"""
SETTLED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SPOKEN = {
    "en": ("Can your gateways read an old pump?", "Li Na", "Example Pumps Ltd", "From 1998 on, yes.", "Ben Roe"),
    "zh-CN": ("你们的网关能连接旧水泵吗？", "李娜", "示例水泵有限公司", "1998 年以后的都可以。", "王工"),
}  # fmt: skip


@dataclass
class Tour:
    """One visitor with the chat, and the desk behind it."""

    seen: Window
    desk: Desk
    locale: str
    clock: Clock
    session: str = ""
    spoken: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Learn what to say."""
        self.spoken = SPOKEN[self.locale]

    async def states(self) -> AsyncIterator[str]:
        """Go from state to state; yield the name of each while it is shown."""
        self.seen.page.on("response", self._note)
        await self.seen.page.evaluate(HEARD)
        await self.seen.page.locator("#launcher").click()
        for part in (self._to_consent, self._fields, self._after_sending, self._rights, self._over_time):
            async for state in part():
                yield state

    async def _to_consent(self) -> AsyncIterator[str]:
        seen, need = self.seen, self.spoken[0]
        await seen.page.locator(".chip").first.wait_for()
        yield "greeting"
        await self._answered(seen.pick(self.desk.rules.topics["gateway"].label[self.locale]))
        yield "question"
        await self._answered(seen.say(need))
        yield "follow-up"
        await self._answered(seen.pick(self._label("followup:yes")))
        yield "consent"
        await seen.dialog.locator("summary").last.click()
        await seen.dialog.locator(".notice h1").wait_for()
        yield "policy"

    async def _fields(self) -> AsyncIterator[str]:
        seen, (_, name, company, *_rest) = self.seen, self.spoken
        await self._answered(seen.pick(self._label("consent:agree")))
        yield "whose"
        await self._answered(seen.pick(self._label("whose:own")))
        yield "field"
        await self._answered(seen.say("Li Na 4"))
        yield "rejection"
        await self._answered(seen.say(name))
        await self._answered(seen.say(company))
        yield "sensitive"
        await self._answered(seen.say("+86 138 0000 0000"))
        await self._answered(seen.say("li.na@example.com"))
        await self._answered(seen.pick(self._label("field:skip")))
        yield "choice"
        industry = next(one for one in self.desk.rules.fields["industry"].choices if one.id == "water")
        await self._answered(seen.pick(industry.label[self.locale]))
        yield "review"

    async def _after_sending(self) -> AsyncIterator[str]:
        seen, (need, _, _, answer, colleague) = self.seen, self.spoken
        await self._answered(seen.pick(self._label("review:send")))
        yield "sent"
        said = ColleagueSaid(text=answer, name=colleague)
        await self._answered(self.desk.act(Turn(conversation=self.session, event=said, at=self.desk.clock())))
        yield "colleague"
        await self._answered(seen.say("view" if self.locale == "en" else "查看"))
        yield "record"
        await seen.context.set_offline(True)
        await seen.say(need)
        await seen.dialog.locator(".trouble button").wait_for()
        yield "failed"
        await self._answered(seen.context.set_offline(False))

    async def _rights(self) -> AsyncIterator[str]:
        seen = self.seen
        await seen.dialog.locator(".end button").click()
        await seen.dialog.locator(".view .record").wait_for()
        yield "my-data"
        await seen.dialog.locator(".view button.danger").last.click()
        await seen.dialog.locator(".now .danger").first.wait_for()
        yield "confirm"
        await seen.context.set_offline(True)
        await seen.dialog.locator(".bar:not(:empty)").wait_for()
        yield "offline"
        await seen.context.set_offline(False)
        await seen.dialog.locator(".bar:not(:empty)").wait_for(state="hidden")
        await seen.pick(self._label("delete:all"))
        await seen.dialog.locator(".title.ok").wait_for()
        yield "erased"

    async def _over_time(self) -> AsyncIterator[str]:
        """Ask on a Saturday night, again a day later, and go on after midnight under the new version."""
        seen = self.seen
        await self._anew(SATURDAY)
        yield "closed"
        await self._anew(SUNDAY)
        yield "announced"
        await self._answered(seen.say(self.spoken[0]))
        await self._answered(seen.pick(self._label("followup:yes")))
        await seen.dialog.locator(".box").nth(1).click()
        await self._answered(seen.pick(self._label("consent:agree")))
        self.clock.tick(minutes=20)
        await self._answered(seen.pick(self._label("whose:own")))
        yield "asked-again"

    async def _anew(self, at: datetime) -> None:
        self.clock.now = at
        await self.seen.page.evaluate("window.heard = 0")
        await self._answered(self.seen.page.evaluate("askfirst.reset()"))
        await self.seen.page.locator(".chip").first.wait_for()

    async def _note(self, answer: Any) -> None:
        if answer.url.endswith("/api/v1/sessions") and answer.ok:
            self.session = (await answer.json())["session"]

    def _label(self, option: str) -> str:
        return self.desk.wording.say(f"option.{option}", self.locale)

    async def _answered(self, doing: Awaitable[Any]) -> None:
        """Do something and wait until the desk has answered and the answer is drawn."""
        page = self.seen.page
        before = await page.evaluate("window.heard")
        await doing
        async with asyncio.timeout(PATIENCE / 1000):
            while await page.evaluate("window.heard") == before:  # noqa: ASYNC110 -- it happens in the page
                await asyncio.sleep(0.02)
        await page.evaluate(SETTLED)


@asynccontextmanager
async def touring(browser: Browser, folder: Path, locale: str, **looks: Any) -> AsyncIterator[Tour]:
    """Yield a visitor who has not opened the chat yet, on a desk whose clock the tour moves; `looks` as in `window`."""
    clock = Clock()
    clock.now = NOON
    loaded = two_versions(folder / "config", published=PUBLISHED, effective=EFFECTIVE)
    async with (
        served_desk(folder, loaded=loaded, sources=Sources(clock=clock)) as served,
        window(browser, f"{served.url}/", locale=locale, **looks) as seen,
    ):
        yield Tour(seen, served.desk, locale, clock)
