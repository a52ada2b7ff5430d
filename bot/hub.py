"""Who watches which conversation in this process, and telling them what was committed, or that a colleague types.

A watcher never has to trust that it heard everything: every delivery carries the numbers of its messages, so a watcher
that finds a gap (its queue ran over, another process committed) reads the transcript from its own watermark.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from storage.records import TurnDone

WAITING_MAX = 256  # deliveries a slow watcher may leave unread; then the oldest go, and it sees the gap


@dataclass(frozen=True, slots=True)
class Delivery:
    """A committed turn on its way to the watchers; `certificate` when it ended in an erasure."""

    done: TurnDone
    certificate: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Typing:
    """A colleague is typing an answer."""


class Subscription:
    """One watcher's queue: `take` what waits, or iterate over it asynchronously until `close` or the hub's end."""

    __slots__ = (
        "_hub",
        "_news",
        "_roused",
        "_typing",
        "_waiting",
        "conversation",
        "dismissed",
        "ended",
        "session",
        "subject",
    )

    def __init__(
        self,
        hub: Hub,
        conversation: str,
        subject: str,
        roused: Callable[[], object] | None,
        session: bytes,
    ) -> None:
        """Made by `Hub.subscribe`; `roused` is called, on the event loop, whenever something was put."""
        self.conversation, self.subject, self.session = conversation, subject, session
        self.ended = self.dismissed = False
        self._hub, self._roused = hub, roused
        self._waiting: deque[Delivery] = deque(maxlen=WAITING_MAX)
        self._news = asyncio.Event()
        self._typing: Typing | None = None

    def __enter__(self) -> Self:
        """Return the subscription; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the subscription."""
        self.close()

    def __aiter__(self) -> Self:
        """Return the subscription itself: one reader each."""
        return self

    async def __anext__(self) -> Delivery:
        """Return the next delivery, waiting for it; stop when the subscription has ended."""
        while not self._waiting:
            if self.ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    def take(self) -> Delivery | Typing | None:
        """Return the oldest delivery that waits; if none does, that a colleague types, where it is still so."""
        if self._waiting:
            return self._waiting.popleft()
        typing, self._typing = self._typing, None
        return typing

    def put(self, delivery: Delivery) -> None:
        """Queue a delivery and rouse the watcher. Whatever is said outdates that somebody was typing."""
        self._waiting.append(delivery)
        self._typing = None
        self._rouse()

    def put_typing(self) -> None:
        """Rouse the watcher to `take` that a colleague types; iterating goes on waiting for a delivery."""
        self._typing = Typing()
        self._rouse()

    def end(self) -> None:
        """Say that nothing more will come: the process is going away."""
        self.ended = True
        self._rouse()

    def dismiss(self) -> None:
        """Say that the session it watches for has ended."""
        self.dismissed = True
        self.end()

    def close(self) -> None:
        """Stop watching. Closing twice does nothing."""
        self.ended = True
        self._hub.forget(self)

    def _rouse(self) -> None:
        self._news.set()
        if self._roused is not None:
            self._roused()


class Hub:
    """The watchers of this process. Everything here runs on the event loop's thread."""

    def __init__(self) -> None:
        """Begin with nobody watching."""
        self._watching: dict[str, list[Subscription]] = {}

    def subscribe(
        self,
        conversation: str,
        subject: str = "",
        roused: Callable[[], object] | None = None,
        session: bytes = b"",
    ) -> Subscription:
        """Watch a conversation from now on. Subscribe *before* reading the transcript, so that nothing falls between.

        Args: subject: whose it is; an erasure of the whole person is told to all conversations of theirs.
            session: hash of the token for which is watched.
        """
        subscription = Subscription(self, conversation, subject, roused, session)
        self._watching.setdefault(conversation, []).append(subscription)
        return subscription

    def watchers(self, conversation: str) -> int:
        """Return how many watch a conversation."""
        return len(self._watching.get(conversation, ()))

    def publish(self, done: TurnDone, certificate: Mapping[str, Any] | None = None) -> None:
        """Tell the watchers of a turn that was committed. A repeat tells nothing new, unless it finished an erasure."""
        if certificate is None and (done.repeated or not done.messages):
            return
        delivery = Delivery(done, certificate)
        if certificate is not None and done.scope == "all":
            watching = [one for group in self._watching.values() for one in group if _of(one, done)]
        else:
            watching = list(self._watching.get(done.conversation, ()))
        for subscription in watching:
            subscription.put(delivery)

    def typing(self, conversation: str) -> None:
        """Tell the watchers that a colleague is typing. It stands in no queue and is gone with the next delivery."""
        for subscription in list(self._watching.get(conversation, ())):
            subscription.put_typing()

    def dismiss(self, sessions: Collection[bytes]) -> None:
        """End what is watched for these sessions, which have ended."""
        for group in list(self._watching.values()) if sessions else ():
            for subscription in list(group):
                if subscription.session in sessions:
                    subscription.dismiss()

    def close(self) -> None:
        """End every subscription, so that long polls return before the server stops."""
        for group in list(self._watching.values()):
            for subscription in list(group):
                subscription.end()

    def forget(self, subscription: Subscription) -> None:
        """Drop a subscription that was closed."""
        group = self._watching.get(subscription.conversation, [])
        if subscription in group:
            group.remove(subscription)
        if not group:
            self._watching.pop(subscription.conversation, None)


def _of(subscription: Subscription, done: TurnDone) -> bool:
    if subscription.conversation == done.conversation:
        return True
    return bool(done.subject) and subscription.subject == done.subject
