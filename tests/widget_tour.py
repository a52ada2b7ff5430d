"""A visitor's way through every state of the widget, in any language: what axe judges, and what the pictures show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

from bot.desk import Desk
from intake.events import ColleagueSaid
from storage.records import Turn
from tests.chat_window import PATIENCE, Window

STATES = (
    *("greeting", "question", "follow-up", "consent", "policy", "whose", "field", "rejection", "sensitive"),
    *("choice", "review", "sent", "colleague", "record", "my-data", "confirm", "offline", "erased"),
)
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
    session: str = ""

    async def states(self) -> AsyncIterator[str]:
        """Go from state to state; yield the name of each while it is shown."""
        need, name, company, answer, colleague = SPOKEN[self.locale]
        seen, rules = self.seen, self.desk.rules
        seen.page.on("response", self._note)
        await seen.page.evaluate(HEARD)
        await seen.page.locator("#launcher").click()
        await seen.page.locator(".chip").first.wait_for()
        yield "greeting"
        await self._answered(seen.pick(rules.topics["gateway"].label[self.locale]))
        yield "question"
        await self._answered(seen.say(need))
        yield "follow-up"
        await self._answered(seen.pick(self._label("followup:yes")))
        yield "consent"
        await seen.dialog.locator("summary").last.click()
        await seen.dialog.locator(".notice h1").wait_for()
        yield "policy"
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
        industry = next(one for one in rules.fields["industry"].choices if one.id == "water")
        await self._answered(seen.pick(industry.label[self.locale]))
        yield "review"
        await self._answered(seen.pick(self._label("review:send")))
        yield "sent"
        said = ColleagueSaid(text=answer, name=colleague)
        await self._answered(self.desk.act(Turn(conversation=self.session, event=said, at=self.desk.clock())))
        yield "colleague"
        await self._answered(seen.say("view" if self.locale == "en" else "查看"))
        yield "record"
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
