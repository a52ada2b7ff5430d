"""Who watches which conversation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from bot.hub import WAITING_MAX, Delivery, Hub, Typing
from intake.conversation import Conversation
from intake.outcomes import Reply
from storage.records import Message, TurnDone

STATE = Conversation(channel="web", site="default", locale="en")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def turn(conversation: str = "one", subject: str = "li", seq: int = 1, **more: object) -> TurnDone:
    """Return a committed turn with one message."""
    message = Message(seq=seq, sender="bot", at=NOW, locale="en", body=Reply(key="free.ask"))
    given: dict[str, object] = {"messages": (message,), "last": seq, **more}
    return TurnDone(conversation=conversation, subject=subject, state=STATE, **given)  # type: ignore[arg-type]  # a test's own fields


async def test_a_watcher_hears_its_own_conversation_only() -> None:
    """What is said to one visitor reaches nobody else."""
    hub = Hub()
    mine, other = hub.subscribe("one"), hub.subscribe("two")

    hub.publish(turn("one"))

    assert (await anext(mine)).done.conversation == "one"
    assert other.take() is None


async def test_every_watcher_of_a_conversation_hears_it() -> None:
    """Several sockets share a session; all see everything."""
    hub = Hub()
    watching = [hub.subscribe("one") for _ in range(3)]

    hub.publish(turn())

    assert all(one.take() is not None for one in watching)


async def test_a_repeat_tells_nothing_new() -> None:
    """A repeated frame changes nothing, so nobody hears of it."""
    hub = Hub()
    watcher = hub.subscribe("one")

    hub.publish(turn(repeated=True))
    hub.publish(turn(messages=()))

    assert watcher.take() is None


async def test_an_erasure_reaches_every_conversation_of_the_person() -> None:
    """S24: whoever erases everything on one device sees it on the others, and nobody else does."""
    hub = Hub()
    here, there, stranger = (
        hub.subscribe("one", "li"),
        hub.subscribe("two", "li"),
        hub.subscribe("three", "wu"),
    )

    hub.publish(turn("one", "li", erasure="e", scope="all"), {"id": "e"})

    assert here.take() is not None
    assert there.take() is not None
    assert stranger.take() is None


async def test_erasing_a_part_concerns_one_conversation() -> None:
    """The certificate of a part is told where it was asked for."""
    hub = Hub()
    here, there = hub.subscribe("one", "li"), hub.subscribe("two", "li")

    hub.publish(turn("one", "li", erasure="e", scope="lead"), {"id": "e"})

    assert here.take() is not None
    assert there.take() is None


async def test_nobody_hears_after_leaving() -> None:
    """A closed subscription is forgotten; closing twice does no harm."""
    hub = Hub()
    with hub.subscribe("one") as watcher:
        assert hub.watchers("one") == 1
    watcher.close()

    hub.publish(turn())

    assert watcher.take() is None
    assert hub.watchers("one") == 0


async def test_a_slow_watcher_loses_the_oldest() -> None:
    """A queue is bounded; the numbers show the gap."""
    hub = Hub()
    watcher = hub.subscribe("one")

    for seq in range(1, WAITING_MAX + 3):
        hub.publish(turn(seq=seq))

    first = watcher.take()
    assert isinstance(first, Delivery)
    assert first.done.messages[0].seq == 3


async def test_waiting_ends_with_the_hub() -> None:
    """Long polls return when the process stops."""
    hub = Hub()
    watcher = hub.subscribe("one")
    waiting = asyncio.ensure_future(anext(watcher))
    await asyncio.sleep(0)

    hub.close()

    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_a_watcher_is_roused() -> None:
    """Who does not wait is called."""
    hub, called = Hub(), list[str]()
    hub.subscribe("one", roused=lambda: called.append("one"))

    hub.publish(turn())

    assert called == ["one"]


async def test_typing_is_told_once_where_it_is_watched() -> None:
    """However often a colleague's page says it before a watcher looks, it is one thing, and of one conversation."""
    hub, called = Hub(), list[str]()
    watching = [hub.subscribe("one", "li", lambda: called.append("one")) for _ in range(2)]
    other = hub.subscribe("two", "li")

    for _ in range(3):
        hub.typing("one")

    assert len(called) == 6
    assert [[one.take(), one.take()] for one in watching] == [[Typing(), None]] * 2
    assert other.take() is None


async def test_typing_never_follows_the_answer_that_it_announced() -> None:
    """What is said outdates it; who types again after that is told of after it."""
    hub = Hub()
    watcher = hub.subscribe("one")
    hub.typing("one")
    hub.publish(turn(seq=1))
    assert isinstance(watcher.take(), Delivery)
    assert watcher.take() is None

    hub.publish(turn(seq=2))
    hub.typing("one")

    assert isinstance(watcher.take(), Delivery)
    assert watcher.take() == Typing()


async def test_typing_pushes_nothing_out_of_a_full_queue() -> None:
    """A slow watcher loses no message to it."""
    hub = Hub()
    watcher = hub.subscribe("one")
    for seq in range(1, WAITING_MAX + 1):
        hub.publish(turn(seq=seq))

    hub.typing("one")

    taken = [watcher.take() for _ in range(WAITING_MAX)]
    assert [one.done.last for one in taken if isinstance(one, Delivery)] == [*range(1, WAITING_MAX + 1)]


async def test_who_waits_for_words_sleeps_through_typing() -> None:
    """A long poll has no place for it: it goes on waiting, and ends with the answer."""
    hub = Hub()
    watcher = hub.subscribe("one")
    waiting = asyncio.ensure_future(anext(watcher))
    await asyncio.sleep(0)

    hub.typing("one")
    for _ in range(3):
        await asyncio.sleep(0)
    asleep = not waiting.done()
    hub.publish(turn())

    assert asleep
    assert (await waiting).done.last == 1
