"""What the web role answers before there is a desk: its keys cannot be opened yet, so come back soon."""

from __future__ import annotations

from typing import NoReturn

from aiohttp import web

from bot.web import health
from bot.web.app import carry_safe_headers, quiet_server
from bot.web.bodies import json_answer
from bot.web.problems import answer_problems, not_ready


def waiting_app() -> web.Application:
    """Return an application that is up, is not ready, and asks everybody to try again: nothing is acknowledged."""
    app = web.Application(middlewares=[answer_problems])
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", _readyz)
    app.router.add_route("*", "/{path:.*}", _refuse)
    app.on_response_prepare.append(carry_safe_headers)
    app.cleanup_ctx.append(quiet_server)
    return app


async def _readyz(request: web.Request) -> web.Response:
    """Name what is missing: the database has answered by then, the queue lies in it."""
    state = {"status": "not ready", "database": True, "keyring": False, "queue": True}
    return json_answer(state, status=503)


async def _refuse(request: web.Request) -> NoReturn:
    raise not_ready()
