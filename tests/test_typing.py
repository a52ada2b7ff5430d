"""That a colleague is typing reaches the person's open chat, at once or never, and is kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.desk import Desk
from bot.web.sessions import SESSION_LIFE
from storage.errors import ConsentRequired
from storage.tables import leads
from tests.staff_browser import Browser, served
from tests.visiting import CONSULTATION, PATIENCE, Talker, Visit, visiting

TYPING = {"type": "typing", "from": "staff"}
SENDING = (
    *CONSULTATION,
    {"type": "pick", "value": "field:skip"},
    {"type": "pick", "value": "field:skip"},
    {"type": "pick", "value": "review:send"},
)


class Chat:
    """A visitor who has sent a lead, and the colleague who sees it."""

    def __init__(self, visit: Visit, browser: Browser, token: str, reference: str) -> None:
        self.visit, self.browser, self.token, self.reference = visit, browser, token, reference

    async def types(self, reference: str = "", **more: Any) -> tuple[int, Any]:
        """Let the colleague's page say that they are typing."""
        path = f"/api/v1/staff/leads/{reference or self.reference}/typing"
        return await self.browser.asks("POST", path, **more)

    async def answers(self, text: str = "Good morning!") -> int:
        """Let the colleague answer; return the message's number."""
        path = f"/api/v1/staff/leads/{self.reference}/reply"
        status, sent = await self.browser.asks("POST", path, json={"text": text})
        assert status == 201
        return int(sent["seq"])

    async def talker(self) -> Talker:
        """Return a socket that has read everything."""
        return await self.visit.talker(self.token)

    async def writes(self, value: str) -> None:
        """Let the visitor pick something, over HTTP."""
        frame = {"type": "pick", "id": value, "value": value}
        answer = await self.visit.call("POST", "/api/v1/messages", self.token, json=frame)
        assert answer.status == 200


async def sent(visit: Visit) -> tuple[str, str]:
    """Return the token of a visitor who has sent a lead, and its reference."""
    token = await visit.token()
    for number, frame in enumerate(SENDING):
        answer = await visit.call("POST", "/api/v1/messages", token, json={"id": f"h{number}", **frame})
        assert answer.status == 200, await answer.text()
    (newest, *_), _ = await visit.desk.call(visit.desk.storage.leads.newest)
    return token, newest.reference


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    """A lead was sent, and a colleague of sales has signed in."""
    async with visiting(tmp_path) as visit, served(visit.desk) as browser:
        token, reference = await sent(visit)
        await browser.enters()
        yield Chat(visit, browser, token, reference)


async def test_every_socket_of_the_person_is_told(chat: Chat) -> None:
    """Several sockets share a session; all see that somebody writes, and the answer after it."""
    talkers = [await chat.talker() for _ in range(3)]

    assert await chat.types() == (204, "")
    told = [await talker.next() for talker in talkers]
    seq = await chat.answers()

    assert told == [TYPING] * 3
    for talker in talkers:
        answer = await talker.next()
        assert (answer["type"], answer["from"], answer["seq"]) == ("message", "staff", seq)


async def test_nobody_else_is_told(chat: Chat) -> None:
    """Another person's chat, of the same desk at the same time, hears nothing of it."""
    other = await chat.visit.talker(await chat.visit.token())

    await chat.types()

    assert (await other.ask(type="pick", value="topic:gateway"))[0]["type"] == "ack"
    assert TYPING not in other.seen


async def test_a_socket_that_comes_later_is_not_told(chat: Chat) -> None:
    """It is said at once or never: a client that resumes reads messages, not what somebody did before."""
    await chat.types()

    late = await chat.talker()
    await chat.answers()

    assert (await late.next())["type"] == "message"
    assert TYPING not in late.seen


async def test_a_long_poll_waits_for_words(chat: Chat) -> None:
    """Typing neither ends the waiting nor comes with the answer."""
    talker, hub = await chat.talker(), chat.visit.desk.hub
    path = f"/api/v1/messages?after={talker.seen[0]['seq']}&wait=25"
    waiting = asyncio.create_task(chat.visit.call("GET", path, chat.token))
    async with asyncio.timeout(PATIENCE):
        while hub.watchers(talker.seen[0]["session"]) < 2:  # noqa: ASYNC110 -- nothing tells who begins to wait
            await asyncio.sleep(0.01)

    await chat.types()
    seq = await chat.answers()

    messages = (await (await waiting).json())["messages"]
    assert [(one["from"], one["seq"]) for one in messages] == [("staff", seq)]


async def test_nothing_of_it_is_kept(chat: Chat) -> None:
    """S12: both databases hold the same rows as before, and no counter has moved."""
    talker = await chat.talker()
    before = await rows(chat.visit.desk), counted(chat.visit.desk)

    for _ in range(3):
        assert (await chat.types())[0] == 204
        assert await talker.next() == TYPING

    assert (await rows(chat.visit.desk), counted(chat.visit.desk)) == before


async def test_a_token_that_has_expired_is_not_told(tmp_path: Path) -> None:
    """4401 instead, though nobody wrote on the socket."""
    times = {"now": datetime.now(UTC)}
    async with visiting(tmp_path, clock=lambda: times["now"]) as visit, served(visit.desk) as browser:
        token, reference = await sent(visit)
        chat = Chat(visit, browser, token, reference)
        talker = await chat.talker()
        times["now"] += SESSION_LIFE + timedelta(seconds=1)
        await browser.enters()

        await chat.types()

        assert await talker.closed() == 4401
        assert TYPING not in talker.seen


async def test_it_is_told_from_where_it_can_be_seen(chat: Chat) -> None:
    """Only the page of a colleague who may answer has the script, and only for a chat on the website."""
    pages = []
    for role, channel in (("sales", "web"), ("privacy", "web"), ("sales", "telegram")):
        await chat.visit.desk.call(came_by, chat.visit.desk, channel)
        await chat.browser.enters(role)
        pages.append((await chat.browser.gets(f"/staff/leads/{chat.reference}"))[1])

    assert ["typing.js" in page for page in pages] == [True, False, False]
    assert ["<textarea" in page for page in pages] == [True, False, True]


async def test_another_sites_page_cannot_say_it(chat: Chat) -> None:
    """Without the session's own secret, or from elsewhere, nobody is told."""
    talker = await chat.talker()
    foreign = {"X-CSRF-Token": chat.browser.csrf, "Origin": "https://evil.example"}

    refused = [await chat.types(headers=headers) for headers in ({}, {"X-CSRF-Token": "0" * 64}, foreign)]
    await chat.answers()

    assert [status for status, _ in refused] == [403, 403, 403]
    assert (await talker.next())["type"] == "message"


async def test_who_is_not_there_is_not_told(chat: Chat) -> None:
    """404 for a reference that is none and for one that never was."""
    for reference in ("AF-2222-2222", "nobody"):
        status, problem = await chat.types(reference)
        assert (status, problem["code"]) == (404, "not_found")


@pytest.mark.parametrize("scope", ["lead", "all"])
async def test_who_was_erased_is_not_told(chat: Chat, scope: str) -> None:
    """S24: whether everything went or only this consultation, there is nobody to write to."""
    await chat.writes("command:delete")
    await chat.writes(f"delete:{scope}")

    status, problem = await chat.types()

    assert (status, problem["code"]) == (404, "not_found")


async def test_who_withdrew_is_not_told(chat: Chat) -> None:
    """L3: whoever may not be answered is not told that somebody is about to."""
    talker = await chat.talker()
    await chat.writes("command:withdraw")
    await chat.writes("withdraw:contact")
    with pytest.raises(ConsentRequired):
        await chat.visit.desk.call(chat.visit.desk.storage.leads.one, chat.reference)

    status, problem = await chat.types()
    await chat.writes("command:help")

    assert (status, problem["code"]) == (403, "consent_required")
    while talker.seen[-1].get("id") != "command:help":
        await talker.next()
    assert TYPING not in talker.seen


def came_by(desk: Desk, channel: str) -> None:
    """Let every lead have come by this channel."""
    with desk.storage.engine.begin() as connection:
        connection.execute(sa.update(leads).values(channel=channel))


async def rows(desk: Desk) -> list[list[Any]]:
    """Return everything that stands in both databases."""

    def read(engine: sa.Engine) -> list[list[Any]]:
        known = sa.MetaData()
        with engine.begin() as connection:
            known.reflect(connection)
            return [[*connection.execute(sa.select(table))] for table in known.sorted_tables]

    engines = desk.storage.engine, desk.storage.keyring.engine
    return [row for engine in engines for row in await desk.call(read, engine)]


def counted(desk: Desk) -> dict[str, float]:
    """Return every metric of the desk."""
    return {
        f"{sample.name}{sample.labels}": sample.value
        for metric in desk.metrics.registry.collect()
        for sample in metric.samples
    }
