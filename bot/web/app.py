"""The web application: its routes, what every answer carries, and how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from bot.web import chat_socket, health, messages, openapi, rights, sessions, verifying, visits
from bot.web.appkeys import DESK, PACE, SOCKETS
from bot.web.origins import API, REFUSALS, Refusals, check_origin, share_with_listed
from bot.web.pace import Pace
from bot.web.problems import answer_problems

if TYPE_CHECKING:
    from bot.desk import Desk

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send `Origin: null` with forms
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS = "max-age=31536000"  # seconds: a year; RFC 6797


def make_app(desk: Desk, *, pace: Pace | None = None) -> web.Application:
    """Return the application over a desk that is ready. Whoever listens sets `access_log=None`: it prints queries."""
    app = web.Application(middlewares=[answer_problems, check_origin])
    app[DESK] = desk
    app[PACE] = pace or Pace(desk.random, trusted=desk.settings.proxies)
    app[REFUSALS] = Refusals()
    sockets: set[chat_socket.ChatSocket] = set()
    app[SOCKETS] = sockets
    app.add_routes(
        [
            web.post("/api/v1/sessions", sessions.open_session),
            web.get("/api/v1/chat", chat_socket.chat, allow_head=False),
            web.post("/api/v1/messages", messages.post_message),
            web.get("/api/v1/messages", messages.get_messages, allow_head=False),
            web.get("/api/v1/me", rights.get_me, allow_head=False),
            web.patch("/api/v1/me", rights.patch_me),
            web.delete("/api/v1/me", rights.delete_me),
            web.get("/api/v1/me/export", rights.export, allow_head=False),
            web.get("/api/v1/me/receipts", rights.receipts, allow_head=False),
            web.post("/api/v1/me/withdraw", rights.withdraw),
            web.post("/api/v1/rights/verify", verifying.verify),
            web.post("/api/v1/rights/confirm", verifying.confirm),
            web.post("/api/v1/visit", visits.post_visit),
            web.get("/api/v1/certificates/{id}", rights.certificate, allow_head=False),
            web.get("/.well-known/askfirst-keys.json", rights.keys, allow_head=False),
            web.get("/healthz", health.healthz),
            web.get("/readyz", health.readyz),
            web.get("/metrics", health.metrics),
            web.get("/openapi.json", openapi.openapi),
            web.get("/schemas/{name}.json", openapi.schema),
        ]
    )
    app.on_response_prepare.append(share_with_listed)
    app.on_response_prepare.append(carry_safe_headers)
    app.on_response_prepare.append(_insist_on_https)
    app.on_shutdown.append(_send_away)
    app.cleanup_ctx.append(quiet_server)
    return app


async def carry_safe_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer what keeps browsers and caches from more than it says; a page's own headers stand."""
    for name, value in _SAFE.items():
        response.headers.setdefault(name, value)
    if request.path.startswith(API):
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers[hdrs.SERVER] = "askfirst"  # not which library, nor its version


async def _insist_on_https(request: web.Request, response: web.StreamResponse) -> None:
    if request.app[DESK].settings.public_url.startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", _HSTS)


async def _send_away(app: web.Application) -> None:
    """Close sockets and end long polls: clients reconnect elsewhere and resume by their watermark."""
    app[DESK].hub.close()
    sockets = app[SOCKETS]
    await asyncio.gather(*(socket.go_away() for socket in tuple(sockets)))


async def quiet_server(app: web.Application) -> AsyncIterator[None]:
    """Keep the HTTP library from logging addresses and tracebacks of requests that were no HTTP."""
    server = logging.getLogger("aiohttp.server")
    server.addFilter(_class_only)
    yield
    server.removeFilter(_class_only)


def _class_only(record: logging.LogRecord) -> bool:
    fault = record.exc_info[0] if record.exc_info else None
    record.msg, record.args, record.exc_info = (
        f"web.not_http error={fault.__name__ if fault else ''}",
        None,
        None,
    )
    return True
