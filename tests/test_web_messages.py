"""The chat over plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.web.sessions import SESSION_LIFE, token_hash
from intake.events import Picked
from storage.records import Turn
from tests.visiting import Visit, visiting

MESSAGES = "/api/v1/messages"


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


async def post(visit: Visit, token: str, **frame: Any) -> tuple[int, dict[str, Any]]:
    """Return status and body of a posted frame."""
    answer = await visit.call("POST", MESSAGES, token, json=frame)
    return answer.status, await answer.json()


async def test_an_answer_holds_the_ack_and_everything_that_followed(visit: Visit) -> None:
    """The ack, then every message from the visitor's own one on."""
    status, body = await post(visit, await visit.token(), type="pick", id="a", value="topic:gateway")

    assert status == 200
    assert body["ack"] == {"id": "a", "seq": 2}
    assert [message["seq"] for message in body["messages"]] == [2, 3]
    assert body["messages"][0]["id"] == "a"


async def test_a_repeat_is_answered_the_same(visit: Visit) -> None:
    """The same body again: the same answer, and no message more than there was."""
    token = await visit.token()
    first = await post(visit, token, type="pick", id="a", value="topic:gateway")

    again = await post(visit, token, type="pick", id="a", value="topic:gateway")

    assert again == first


@pytest.mark.parametrize(
    ("frame", "status", "code"),
    [
        ({"type": "pick", "id": "a", "value": "topic:unknown"}, 422, "not_offered"),
        ({"type": "say", "id": "a", "text": "x" * 4_001}, 413, "too_long"),
        ({"type": "say", "id": "a", "text": "a\0b"}, 400, "bad_text"),
        ({"type": "say", "id": "a"}, 400, "bad_frame"),
        ({"type": "hello", "id": "a"}, 400, "bad_frame"),
        ({}, 400, "bad_frame"),
    ],
)
async def test_a_refusal_keeps_nothing(frame: dict[str, Any], status: int, code: str, visit: Visit) -> None:
    """A problem with a stable code; the numbers do not move and the id stays free."""
    token = await visit.token()

    refused, problem = await post(visit, token, **frame)
    taken, body = await post(visit, token, type="pick", id="a", value="topic:gateway")

    assert (refused, problem["code"]) == (status, code)
    assert (taken, body["ack"]["seq"]) == (200, 2)


async def test_an_id_with_another_body_conflicts(visit: Visit) -> None:
    """409 id_reused."""
    token = await visit.token()
    await post(visit, token, type="pick", id="a", value="topic:gateway")

    status, problem = await post(visit, token, type="pick", id="a", value="topic:platform")

    assert (status, problem["code"]) == (409, "id_reused")


async def test_a_stale_card_conflicts_and_the_new_one_is_there(visit: Visit) -> None:
    """L1: 409 consent_stale, with the new card in the answer and in the transcript."""
    token = await visit.consulted(3)

    status, problem = await post(visit, token, type="pick", id="a", value="consent:agree", policy="2001-01")
    transcript = await (await visit.call("GET", MESSAGES, token)).json()

    assert (status, problem["code"]) == (409, "consent_stale")
    assert problem["messages"][-1]["expects"]["kind"] == "consent"
    assert transcript["messages"][-1] == problem["messages"][-1]


async def test_messages_are_read_after_a_watermark(visit: Visit) -> None:
    """Everything after it, in order; nothing after the last."""
    token = await visit.consulted(2)

    everything = (await (await visit.call("GET", MESSAGES, token)).json())["messages"]
    rest = (await (await visit.call("GET", f"{MESSAGES}?after=3", token)).json())["messages"]
    nothing = (await (await visit.call("GET", f"{MESSAGES}?after=900", token)).json())["messages"]

    assert [message["seq"] for message in everything] == list(range(1, len(everything) + 1))
    assert rest == everything[3:]
    assert nothing == []


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1.5", "wait=x", "after=", "after=" + "9" * 30, "after=²"]
)
async def test_a_watermark_is_a_number(query: str, visit: Visit) -> None:
    """400, naming the parameter."""
    answer = await visit.call("GET", f"{MESSAGES}?{query}", await visit.token())

    assert (answer.status, (await answer.json())["parameter"]) == (400, query.partition("=")[0])


async def test_a_long_poll_returns_with_the_first_news(visit: Visit) -> None:
    """It waits, and answers as soon as there is something."""
    token = await visit.token()
    waiting = asyncio.create_task(visit.call("GET", f"{MESSAGES}?after=1&wait=20", token))
    await asyncio.sleep(0.1)

    await post(visit, token, type="pick", id="a", value="topic:gateway")
    answer = await asyncio.wait_for(waiting, 5)

    assert [message["seq"] for message in (await answer.json())["messages"]] == [2, 3]


async def test_a_long_poll_gives_up_in_time(visit: Visit) -> None:
    """Nothing came: an empty list."""
    answer = await visit.call("GET", f"{MESSAGES}?after=1&wait=1", await visit.token())

    assert await answer.json() == {"messages": []}


async def test_a_long_poll_ends_with_the_server(tmp_path: Path) -> None:
    """A server that stops lets nobody wait."""
    async with visiting(tmp_path) as visit:
        waiting = asyncio.create_task(visit.call("GET", f"{MESSAGES}?after=1&wait=20", await visit.token()))
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(visit.server.close())

        answer = await asyncio.wait_for(waiting, 5)

        assert await answer.json() == {"messages": []}
        await closing


@pytest.mark.parametrize("how", ["expired", "dismissed"])
async def test_a_long_poll_ends_with_its_token(tmp_path: Path, how: str) -> None:
    """401 instead of what others say to whoever waits longer than the token lives, or than its device is known."""
    now = datetime.now(UTC)
    times = {"now": now}
    async with visiting(tmp_path, clock=lambda: times["now"]) as visit:
        opened = await visit.session()
        hub, conversation = visit.desk.hub, opened["session"]
        waiting = asyncio.create_task(visit.call("GET", f"{MESSAGES}?after=1&wait=20", opened["token"]))
        while not hub.watchers(conversation):  # noqa: ASYNC110 -- nothing tells who begins to wait
            await asyncio.sleep(0.01)

        if how == "expired":
            times["now"] = now + SESSION_LIFE
        else:
            hub.dismiss([token_hash(opened["token"])])
        await visit.desk.act(Turn(conversation=conversation, event=Picked("command:help"), at=now))

        assert (await waiting).status == 401


async def test_an_erasure_answers_with_its_certificate(visit: Visit) -> None:
    """S24: the certificate comes with the answer, a waiting poll gets it too, and the token is 410 afterwards."""
    token = await visit.token()
    await post(visit, token, type="pick", id="a", value="command:delete")
    waiting = asyncio.create_task(visit.call("GET", f"{MESSAGES}?after=4&wait=20", token))
    await asyncio.sleep(0.1)

    status, body = await post(visit, token, type="pick", id="b", value="delete:all")
    polled = await asyncio.wait_for(waiting, 5)
    later, problem = await post(visit, token, type="say", id="c", text="hello?")

    assert (status, body["ack"]["id"], body["messages"]) == (200, "b", [])
    assert body["erased"]["certificate"]["scope"] == "all"
    assert (await polled.json())["erased"] == body["erased"]
    assert (later, problem["code"]) == (410, "erased")


async def test_nothing_answers_without_a_token(visit: Visit) -> None:
    """401 for reading and writing."""
    assert (await visit.call("POST", MESSAGES, json={})).status == 401
    assert (await visit.call("GET", MESSAGES)).status == 401
