"""How sockets of the chat end, and what is still true afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.web.frames import FRAME_MAX_BYTES
from bot.web.sessions import SESSION_LIFE, find_session
from intake.events import Picked
from storage.records import Turn
from tests.visiting import Talker, Visit, visiting


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of the messages among frames."""
    return [frame["seq"] for frame in frames if frame["type"] == "message"]


async def test_erasing_everything_closes_every_socket(visit: Visit) -> None:
    """S24: ack, certificate, and 4410 on every socket; the token answers 410 from then on."""
    token = await visit.token()
    talker, other = await visit.talker(token), await visit.talker(token)
    await talker.ask(type="pick", value="command:delete")

    await talker.send(type="pick", id="go", value="delete:all")
    frames = await talker.until("erased")

    assert [frame["type"] for frame in frames] == ["ack", "erased"]
    assert frames[-1]["certificate"]["scope"] == "all"
    assert await talker.closed() == await other.closed() == 4410
    assert other.seen[-1] == frames[-1]
    assert (await visit.call("GET", "/api/v1/messages", token)).status == 410
    late = await visit.socket()
    await late.socket.send_json({"type": "hello", "token": token})
    assert await late.closed() == 4410


async def test_erasing_a_part_goes_on(visit: Visit) -> None:
    """S23: the consultation's messages are gone, their numbers stay, the session lives."""
    token = await visit.consulted()
    talker = await visit.talker(token)
    await talker.ask(type="pick", value="command:delete")

    await talker.send(type="pick", id="go", value="delete:lead")
    frames = await talker.until("erased")
    again = await visit.talker(token)

    assert frames[0]["type"] == "ack"
    assert frames[-1]["certificate"]["scope"] == "lead"
    assert any(frame.get("erased") is True for frame in again.seen[1:])
    assert numbers(again.seen) == list(range(1, again.seen[0]["seq"] + 1))
    assert (await talker.ask(type="say", text="Thank you"))[0]["type"] == "ack"


@pytest.mark.parametrize(
    "hello",
    [
        "not json",
        "[]",
        '{"type":"say","id":"a","text":"x"}',
        '{"type":"hello"}',
        '{"type":"hello","token":5}',
        '{"type":"hello","token":"x","after":-1}',
    ],
)
async def test_a_bad_hello_is_let_go(hello: str, visit: Visit) -> None:
    """The first frame must be a hello: else an error, and 4400."""
    talker = await visit.socket()

    await talker.socket.send_str(hello)

    assert await talker.closed() == 4400
    assert talker.seen[-1]["code"] == "bad_frame"


async def test_an_unknown_token_is_let_go(visit: Visit) -> None:
    """4401, and no word about whether it ever existed."""
    talker = await visit.socket()

    await talker.socket.send_json({"type": "hello", "token": "A" * 43, "after": 0})

    assert await talker.closed() == 4401


async def test_silence_is_let_go(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says no hello in time is closed with 4408."""
    monkeypatch.setattr("bot.web.chat_socket.HELLO_SECONDS", 0.05)
    talker = await visit.socket()

    assert await talker.closed() == 4408


@pytest.mark.parametrize("garbage", ["nonsense", "[]", '{"type":"shout"}', '{"type":"say","text":"no id"}'])
async def test_a_bad_frame_is_answered_and_closed(garbage: str, visit: Visit) -> None:
    """Whoever does not speak the protocol gets an error and 4400; what was asked before is answered first."""
    talker = await visit.talker(await visit.token())

    await talker.send(type="pick", value="topic:gateway")
    await talker.socket.send_str(garbage)

    assert await talker.closed() == 4400
    assert [frame["type"] for frame in talker.seen[2:]] == ["ack", "message", "message", "error"]


async def test_a_binary_frame_is_closed(visit: Visit) -> None:
    """Frames are text."""
    talker = await visit.talker(await visit.token())

    await talker.socket.send_bytes(b'{"type":"say"}')

    assert await talker.closed() == 4400


@pytest.mark.parametrize("size", [FRAME_MAX_BYTES + 1, 200_000, 5_000_000])
@pytest.mark.parametrize("binary", [False, True])
async def test_a_frame_too_big_is_closed_with_its_own_code(size: int, binary: bool, visit: Visit) -> None:
    """Over 32 KiB: too_long and 4413, however big, whatever its kind; nothing is kept."""
    token = await visit.token()
    talker = await visit.talker(token)

    await (talker.socket.send_bytes(b"x" * size) if binary else talker.socket.send_str("x" * size))

    assert await talker.closed() == 4413
    assert talker.seen[-1]["code"] == "too_long"
    assert (await visit.talker(token)).seen[0]["seq"] == 1


async def test_the_biggest_frame_is_taken(visit: Visit) -> None:
    """Exactly 32 KiB is a frame."""
    talker = await visit.talker(await visit.token())
    frame = '{"type":"pick","id":"big","value":"topic:gateway"}'

    await talker.socket.send_str(frame + " " * (FRAME_MAX_BYTES - len(frame)))

    assert (await talker.next())["type"] == "ack"


async def test_a_session_ends_while_its_socket_is_open(tmp_path: Path) -> None:
    """4401 at the first frame after the token has expired; nothing of it is kept."""
    now = datetime.now(UTC)
    times = {"now": now}
    async with visiting(tmp_path, clock=lambda: times["now"]) as visit:
        talker = await visit.talker(await visit.token())
        times["now"] = now + SESSION_LIFE - timedelta(seconds=1)
        await talker.ask(type="pick", value="topic:gateway")

        times["now"] = now + SESSION_LIFE
        await talker.send(type="say", text="Still there?")

        assert await talker.closed() == 4401


async def test_a_socket_is_told_nothing_after_its_token(tmp_path: Path) -> None:
    """4401 instead of what others say once the token has expired, though nobody wrote on the socket."""
    now = datetime.now(UTC)
    times = {"now": now}
    async with visiting(tmp_path, clock=lambda: times["now"]) as visit:
        opened = await visit.session()
        talker = await visit.talker(opened["token"])
        says = Turn(conversation=opened["session"], event=Picked("command:help"), at=now)
        done, _ = await visit.desk.act(says)
        for _ in done.messages:
            await talker.next()
        told = len(talker.seen)

        times["now"] = now + SESSION_LIFE
        await visit.desk.act(says)

        assert await talker.closed() == 4401
        assert [frame["code"] for frame in talker.seen[told:]] == ["unauthorized"]


async def test_the_server_says_when_it_goes(tmp_path: Path) -> None:
    """1001: reconnect and resume. A turn that was acknowledged is there afterwards."""
    async with visiting(tmp_path) as visit:
        token = await visit.token()
        talker = await visit.talker(token)
        await talker.ask(type="pick", value="topic:gateway")
        going = asyncio.create_task(visit.server.close())

        assert await talker.closed() == 1001
        await going

    async with visiting(tmp_path) as later:
        assert (await later.talker(token)).seen[0]["seq"] == 3


async def test_who_was_erased_elsewhere_is_let_go_at_the_next_frame(visit: Visit) -> None:
    """S24: the officer's command tells no socket; whoever writes then learns it, with the frame's id, and 4410."""
    token, desk = await visit.token(), visit.desk
    talker, store = await visit.talker(token), desk.storage.store
    session = await find_session(desk, token)
    erasure = await desk.call(store.begin_erasure, session.subject, desk.clock(), reason="letter")
    await desk.call(store.finish_erasure, erasure)

    await talker.send(type="say", id="late", text="Are you there?")

    assert await talker.closed() == 4410
    assert (talker.seen[-1]["id"], talker.seen[-1]["code"]) == ("late", "erased")


async def test_a_socket_whose_client_vanished_harms_nobody(visit: Visit) -> None:
    """A cut connection in the middle of a pipeline: what was taken is there, once, for the next socket."""
    token = await visit.token()
    talker = await visit.talker(token)
    for number in range(30):
        await talker.send(type="pick", value="command:help", id=f"n{number}")
    transport = talker.socket.get_extra_info("socket")
    assert transport is not None
    talker.socket._response.close()
    await asyncio.sleep(0.3)

    again = await visit.talker(token)
    await again.send(type="pick", value="command:help", id="n0")

    assert (await again.next())["seq"] == 2
    assert numbers(again.seen) == list(range(1, again.seen[0]["seq"] + 1))


async def test_no_plain_request_gets_a_socket(visit: Visit) -> None:
    """Without an upgrade the answer says what is missing."""
    answer = await visit.call("GET", "/api/v1/chat")

    assert (answer.status, answer.headers["Upgrade"]) == (426, "websocket")


async def test_open_sockets_are_counted(visit: Visit) -> None:
    """The gauge follows sockets up and down."""
    sockets = visit.desk.metrics.registry
    talker = await visit.talker(await visit.token())
    assert sockets.get_sample_value("askfirst_sockets") == 1

    await talker.socket.close()
    await asyncio.sleep(0.05)

    assert sockets.get_sample_value("askfirst_sockets") == 0


async def test_too_many_sockets_of_a_session_are_refused(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One token cannot hold the process: 4429."""
    monkeypatch.setattr("bot.web.chat_socket.SOCKETS_MAX", 2)
    token = await visit.token()
    kept: list[Talker] = [await visit.talker(token) for _ in range(2)]

    third = await visit.socket()
    await third.socket.send_json({"type": "hello", "token": token})

    assert await third.closed() == 4429
    assert len(kept) == 2
