"""Turns are grouped: while one commit is under way, what arrives waits together and goes in the next.

That is many times the speed of a transaction a turn, at the same durability (docs/architecture.md, "Speed").
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from intake.assurance import SOMEBODY_FRESH
from intake.conversation import Conversation
from intake.engine import step
from intake.outcomes import Step
from intake.rules import Rules
from storage.connecting import StorageThread
from storage.records import Turn, TurnDone, TurnFailed
from storage.store import Store

GROUP_MAX = 256  # turns in one transaction; bounds what one commit can delay

Waiting = tuple[Turn, "asyncio.Future[TurnDone]"]


class Turns:
    """Take turns one by one, commit them together; each is answered only after its commit."""

    def __init__(self, store: Store, thread: StorageThread, rules: Rules, *, mails: bool = True) -> None:
        """Collect turns for `store`, which is called in `thread` only; `mails`: the desk can send mail."""
        self._store, self._thread, self._rules, self._mails = store, thread, rules, mails
        self._waiting: list[Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def take(self, turn: Turn) -> TurnDone:
        """Return what became of `turn` once it is durable. Raises what made it fail; its neighbours are unharmed."""
        done: asyncio.Future[TurnDone] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, done))
        if self._running is None:
            self._running = asyncio.create_task(self._commit_groups())
        return await done

    async def drain(self) -> None:
        """Return when everything that was taken is answered."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _commit_groups(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                await self._commit(group)
        finally:
            self._running = None

    async def _commit(self, group: list[Waiting]) -> None:
        turns = [turn for turn, _ in group]
        try:
            results = await asyncio.wrap_future(self._thread.submit(self._store.turns, turns, self._decide))
        except Exception as error:
            results = [TurnFailed(turn.conversation, error) for turn in turns]
        for (_, done), result in zip(group, results, strict=True):
            _answer(done, result)
        await asyncio.wrap_future(self._thread.submit(self._store.destroy_left))

    def _decide(self, turn: Turn, state: Conversation) -> Step:
        presence = turn.presence
        if not self._mails and presence is not SOMEBODY_FRESH:
            presence = replace(presence, mails=False)
        return step(state, turn.event, turn.at, self._rules, presence)


def _answer(done: asyncio.Future[TurnDone], result: TurnDone | TurnFailed) -> None:
    if done.done():  # the caller went away; the turn stands all the same
        return
    if isinstance(result, TurnFailed):
        done.set_exception(result.error)
    else:
        done.set_result(result)
