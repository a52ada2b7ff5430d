"""One at a time for each chat, in the order of arrival; chats do not wait for each other."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Lanes:
    """The locks of the chats where something is under way. `asyncio.Lock` lets waiters in by their order."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def of(self, chat: int) -> asyncio.Lock:
        """Return the chat's lock; it is forgotten with its last user."""
        return self._locks.setdefault(chat, asyncio.Lock())
