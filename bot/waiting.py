"""Waiting for whoever holds the key-encryption keys: said once, asked again until they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeVar

import structlog

from storage.errors import KekAway

T = TypeVar("T")
Meanwhile = Callable[[], AbstractAsyncContextManager[None]]

ASK_AGAIN = 2.0  # seconds; an orchestrator's probe is not much slower
_log = structlog.get_logger(__name__)


async def when_keys_open(opening: Callable[[], T], meanwhile: Meanwhile) -> T:
    """Return what `opening` returns, once the holder of the keys can be reached; `meanwhile` is entered while not.

    Raises what `opening` raises, KekAway excepted: a holder that refuses is not waited for.
    """
    try:
        return await asyncio.to_thread(opening)
    except KekAway as away:
        _log.warning("keys.provider_away", reason=str(away))
    async with meanwhile():
        while True:
            await asyncio.sleep(ASK_AGAIN)
            with suppress(KekAway):
                opened = await asyncio.to_thread(opening)
                _log.info("keys.provider_back")
                return opened
