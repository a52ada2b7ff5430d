"""Everything a channel needs, built once and handed to each: rules, wording, storage, turns, hub, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from bot.hub import Hub
from bot.metrics import Metrics
from bot.turn import Turns
from bot.wording import Wording
from config.load import Loaded
from config.settings import Settings
from intake.rules import Rules
from storage.records import Turn, TurnDone
from storage.sources import Sources
from storage.storage import Storage

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The composition: channels receive it and look nothing up elsewhere."""

    settings: Settings
    loaded: Loaded
    wording: Wording
    storage: Storage
    turns: Turns
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    random: Callable[[int], bytes]
    hub: Hub = field(default_factory=Hub)
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def rules(self) -> Rules:
        """Return what the company configured."""
        return self.loaded.rules

    @classmethod
    def build(
        cls, settings: Settings, loaded: Loaded, storage: Storage, sources: Sources | None = None
    ) -> Desk:
        """Return a desk over opened storage."""
        given = sources or Sources()
        wording = Wording(loaded.rules, loaded.catalogues, settings.public_url)
        mails = bool(settings.smtp_url)
        turns = Turns(storage.store, storage.thread, loaded.rules, mails=mails)
        return cls(
            settings=settings,
            loaded=loaded,
            wording=wording,
            storage=storage,
            turns=turns,
            clock=given.clock,
            new_id=given.new_id,
            random=given.random,
        )

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` of the storage returns; it runs in the storage's thread."""
        return await asyncio.wrap_future(self.storage.thread.submit(lambda: function(*args, **kwargs)))

    async def act(self, turn: Turn) -> tuple[TurnDone, Mapping[str, Any] | None]:
        """Carry out a turn and what follows it: a begun erasure is finished, watchers are told.

        Returns: what became of the turn, and the certificate of an erasure. Raises what made the turn fail; where only
        the erasure could not be finished yet, a repeat of the turn finishes it, or the worker does.
        """
        started = perf_counter()
        done = await self.turns.take(turn)
        self.metrics.turn(done, perf_counter() - started)
        certificate = None
        if done.erasure:
            certificate = await self.call(self.storage.store.finish_erasure, done.erasure)
        self.metrics.effects(done.state.channel, done.effects)
        self.hub.publish(done, certificate)
        return done, certificate
