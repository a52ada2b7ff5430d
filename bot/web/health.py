"""Is the process up, can it serve, and what has it counted."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web
from prometheus_client.exposition import choose_encoder

from bot.own_pages import host_name
from bot.web.appkeys import DESK
from bot.web.bodies import json_answer
from bot.web.peers import address_of, near, peer_address
from storage.storage import Storage

READY_SECONDS = 2.0  # seconds to wait for the storage; an orchestrator asks every few


async def healthz(request: web.Request) -> web.Response:
    """`GET /healthz`: the process is up and its event loop turns."""
    return json_answer({"status": "up"})


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: database, keyring and outbox answer. 503 names what does not."""
    desk = request.app[DESK]
    try:
        state = await asyncio.wait_for(desk.call(_asked, desk.storage), READY_SECONDS)
    except TimeoutError:
        state = {"database": False, "keyring": False, "queue": False}
    ready = all(state.values())
    return json_answer({"status": "ready" if ready else "not ready", **state}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: the counters, for a scraper on this machine or network; for anybody else there is no such page.

    What came through a proxy carries X-Forwarded-For and so came from outside: no scraper does. A Host that is
    a name may be a stranger's, which resolves here for a moment to let their page read it in a browser (DNS rebinding).
    """
    proxied = hdrs.X_FORWARDED_FOR in request.headers or hdrs.FORWARDED in request.headers
    if proxied or not near(peer_address(request)) or not _is_address(host_name(request)):
        raise web.HTTPNotFound
    desk = request.app[DESK]
    counts = await desk.call(desk.storage.outbox.counts)
    desk.metrics.outbox_pending.set(counts.pending)
    desk.metrics.outbox_dead.set(counts.dead)
    desk.metrics.key_cache.hits = desk.storage.keyring.cache_hits
    encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=encode(desk.metrics.registry), headers={hdrs.CONTENT_TYPE: content_type})


def _is_address(host: str) -> bool:
    return host == "localhost" or address_of(host) is not None


def _asked(storage: Storage) -> dict[str, bool]:
    """Ask every part of the storage for a sign of life (in its thread); the outbox lies in the data database."""
    database = _counts(storage)
    return {"database": database, "keyring": storage.keyring.ready(), "queue": database}


def _counts(storage: Storage) -> bool:
    try:
        storage.outbox.counts()
    except Exception:  # whatever it is, the answer is no; the cause shows where work fails
        return False
    return True
