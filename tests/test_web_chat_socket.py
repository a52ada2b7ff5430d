"""The chat over a WebSocket, against a whole desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from intake.events import Picked
from storage.records import Turn
from tests.visiting import Visit, visiting


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of the messages among frames."""
    return [frame["seq"] for frame in frames if frame["type"] == "message"]


async def test_the_desk_welcomes_and_greets(visit: Visit) -> None:
    """L15: the first message is the assistant's, who says what it is; the welcome names the highest number."""
    session = await visit.session()
    talker = await visit.socket()

    await talker.socket.send_json({"type": "hello", "token": session["token"], "after": 0})

    assert await talker.next() == {"type": "welcome", "session": session["session"], "locale": "en", "seq": 1}
    greeting = await talker.next()
    assert (greeting["seq"], greeting["from"]) == (1, "bot")
    assert "automated assistant" in greeting["text"]
    assert greeting["expects"]["name"] == "topic"


async def test_an_answer_comes_after_its_ack_and_without_gaps(visit: Visit) -> None:
    """Ack, the visitor's own message with its id, the replies: contiguous numbers in this order."""
    talker = await visit.talker(await visit.token())

    ack, own, reply = await talker.ask(type="pick", value="topic:gateway")

    assert ack == {"type": "ack", "id": "c1", "seq": 2}
    assert (own["seq"], own["from"], own["id"], own["text"]) == (2, "visitor", "c1", "Gateways")
    assert (reply["seq"], reply["from"], reply["expects"]["name"]) == (3, "bot", "need")


async def test_frames_may_follow_without_waiting(visit: Visit) -> None:
    """Pipelined frames are taken in order and acknowledged in order."""
    talker = await visit.talker(await visit.token())

    await talker.send(type="pick", value="topic:gateway")
    for number in range(20):
        await talker.send(type="pick", value="command:help", id=f"help{number}")
    acks = [(await talker.until("ack"))[-1] for _ in range(21)]

    assert [ack["id"] for ack in acks] == ["c1", *(f"help{number}" for number in range(20))]
    assert [ack["seq"] for ack in acks] == sorted(ack["seq"] for ack in acks)
    assert numbers(talker.seen) == list(range(1, acks[-1]["seq"]))


async def test_a_repeat_gets_the_same_ack_and_changes_nothing(visit: Visit) -> None:
    """The client's id makes sending safe: on this socket, on another one, and over HTTP."""
    token = await visit.token()
    talker, other = await visit.talker(token), await visit.talker(token)
    frame = {"type": "pick", "id": "once", "value": "topic:gateway"}
    first = await talker.ask(**frame)

    await talker.send(**frame)
    again = await talker.next()
    await other.send(**frame)
    elsewhere = (await other.until("ack"))[-1]
    over_http = await (await visit.call("POST", "/api/v1/messages", token, json=frame)).json()

    assert first[0] == again == elsewhere == {"type": "ack", "id": "once", "seq": 2}
    assert over_http["ack"] == {"id": "once", "seq": 2}
    assert numbers(talker.seen) == numbers(other.seen) == [1, 2, 3]


async def test_an_id_cannot_mean_two_things(visit: Visit) -> None:
    """The same id with another body is an error and changes nothing."""
    talker = await visit.talker(await visit.token())
    await talker.ask(type="pick", id="once", value="topic:gateway")

    await talker.send(type="pick", id="once", value="command:help")

    assert (await talker.next())["code"] == "id_reused"
    assert (await talker.ask(type="pick", id="twice", value="command:help"))[0]["seq"] == 4


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "pick", "value": "topic:unknown"}, "not_offered"),
        ({"type": "pick", "value": "consent:agree"}, "not_offered"),
        ({"type": "pick", "value": "command:unknown"}, "not_offered"),
        ({"type": "say", "text": "x" * 4_001}, "too_long"),
        ({"type": "say", "text": "a\0b"}, "bad_text"),
        ({"type": "say", "text": 7}, "bad_frame"),
    ],
)
async def test_an_error_leaves_the_id_free(frame: dict[str, Any], code: str, visit: Visit) -> None:
    """An error frame means that nothing was stored: the id may be used again, the numbers go on."""
    talker = await visit.talker(await visit.token())

    await talker.send(id="mine", **frame)
    error = await talker.next()
    ack = (await talker.ask(type="pick", id="mine", value="topic:gateway"))[0]

    assert (error["type"], error["id"], error["code"]) == ("error", "mine", code)
    assert ack == {"type": "ack", "id": "mine", "seq": 2}


async def test_a_purpose_that_the_card_did_not_offer_is_refused(visit: Visit) -> None:
    """Nobody can be made to agree to more than was shown."""
    talker = await visit.talker(await visit.consulted(3))

    await talker.send(type="pick", id="x", value="consent:agree", purposes=["all_of_it"])

    assert (await talker.until("error"))[-1]["code"] == "unknown_purpose"


async def test_a_stale_card_is_shown_anew(visit: Visit) -> None:
    """L1: agreeing to an older version than the one in force is refused, and the new card comes."""
    talker = await visit.talker(await visit.consulted(3))

    await talker.send(type="pick", id="x", value="consent:agree", policy="2001-01")
    frames = await talker.until("error")
    card = await talker.next()

    assert frames[-1]["code"] == "consent_stale"
    assert card["expects"]["kind"] == "consent"


async def test_every_socket_sees_everything_once(visit: Visit) -> None:
    """Three sockets of a session, one over HTTP besides: the same messages, once each, in order."""
    token = await visit.token()
    talkers = [await visit.talker(token) for _ in range(3)]

    await talkers[0].send(type="pick", value="topic:gateway")
    await talkers[1].send(type="pick", value="command:help", id="other")
    await visit.call(
        "POST", "/api/v1/messages", token, json={"type": "pick", "id": "h", "value": "command:view"}
    )
    last = int((await (await visit.call("GET", "/api/v1/messages", token)).json())["messages"][-1]["seq"])
    for talker in talkers:
        while not numbers(talker.seen) or numbers(talker.seen)[-1] < last:
            await talker.next()

    assert all(numbers(talker.seen) == list(range(1, last + 1)) for talker in talkers)


async def test_what_the_hub_did_not_bring_is_read_from_the_store(visit: Visit) -> None:
    """Another process committed: the socket sees the gap and tells what is missing, before its own answer."""
    session = await visit.session()
    talker = await visit.talker(session["token"])
    elsewhere = Turn(conversation=session["session"], event=Picked("topic:gateway"), at=datetime.now(UTC))
    await visit.desk.turns.take(elsewhere)

    await talker.send(type="pick", value="command:help")
    frames = await talker.until("ack")
    while numbers(talker.seen)[-1] < 6:
        await talker.next()

    assert numbers(frames) == [2, 3]
    assert frames[-1]["seq"] == 4
    assert numbers(talker.seen) == [1, 2, 3, 4, 5, 6]


async def test_news_of_others_with_a_gap_are_told_whole(visit: Visit) -> None:
    """The same for a socket that only listens."""
    session = await visit.session()
    listening = await visit.talker(session["token"])
    elsewhere = Turn(conversation=session["session"], event=Picked("topic:gateway"), at=datetime.now(UTC))
    await visit.desk.turns.take(elsewhere)

    frame = {"type": "pick", "id": "h", "value": "command:help"}
    await visit.call("POST", "/api/v1/messages", session["token"], json=frame)
    while numbers(listening.seen)[-1] < 6:
        await listening.next()

    assert numbers(listening.seen) == [1, 2, 3, 4, 5, 6]


async def test_a_client_resumes_by_its_watermark(visit: Visit) -> None:
    """What was missed comes after the welcome, nothing else."""
    token = await visit.token()
    async with await visit.talker(token) as before:
        await before.ask(type="pick", value="topic:gateway")
        await before.ask(type="pick", value="command:help")

    after = await visit.talker(token, after=3)

    assert after.seen[0]["seq"] == 6  # the command, its answer, and the open question again
    assert numbers(after.seen) == [4, 5, 6]


async def test_an_exaggerated_watermark_hides_nothing_new(visit: Visit) -> None:
    """A client that claims to know more than there is still sees what comes."""
    talker = await visit.talker(await visit.token(), after=900)

    assert (await talker.ask(type="pick", value="topic:gateway"))[0]["seq"] == 2


async def test_the_visitor_changes_the_language(visit: Visit) -> None:
    """The welcome of the next socket says which language is spoken now."""
    token = await visit.token()
    talker = await visit.talker(token)
    await talker.ask(type="pick", value="command:language")
    await talker.ask(type="pick", value="language:zh-CN")

    again = await visit.talker(token, after=900)

    assert again.seen[0]["locale"] == "zh-CN"
