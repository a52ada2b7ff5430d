"""The visit record over HTTP: what a page says of its visit, and the shortened address that the desk adds (S3)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import bodies
from bot.web.appkeys import DESK
from bot.web.messages import refusal, rejected
from bot.web.peers import client_address
from bot.web.sessions import session_of, turn_of
from intake.events import MESSAGE_MAX, Visited
from storage.records import Session

if TYPE_CHECKING:
    from bot.desk import Desk

# What a page may say. The address is the desk's own to add; region and provider would need a database of networks.
TOLD_BY_PAGE = frozenset(
    ("network_type", "operating_system", "browser", "download_speed", "device_model", "pages")
)
ADDRESS = "ip"
SHORTENED = {4: 24, 6: 48}  # bits of an address that are kept, by IP version; obligations, S3


async def post_visit(request: web.Request) -> web.Response:
    """`POST /api/v1/visit`: keep the visit record, all of it or nothing; only under the purpose `visit`."""
    desk, session = request.app[DESK], await session_of(request)
    told = (await bodies.read_object(request)).get("visit")
    if not isinstance(told, dict) or not told:
        raise bodies.wrong("visit", "must be an object with at least one item")
    if strange := next((name for name in told if name not in TOLD_BY_PAGE), ""):
        raise rejected(desk, strange, "unknown_field", session.locale)
    values = tuple((name, bodies.text(told, name, longest=MESSAGE_MAX)) for name in told)
    await _keep(desk, session, (*values, *_address(desk, request)))
    return web.Response(status=204)


async def _keep(desk: Desk, session: Session, values: tuple[tuple[str, str], ...]) -> None:
    done, _ = await desk.act(turn_of(desk, session, Visited(values)))
    if done.refused:
        raise refusal(desk, done, session.locale)


def _address(desk: Desk, request: web.Request) -> tuple[tuple[str, str], ...]:
    address = client_address(request, desk.settings.proxies)
    return ((ADDRESS, shortened(address)),) if address and ADDRESS in desk.rules.visit else ()


def shortened(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return the network of an address: many people share it, and nothing of the rest is kept."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    kept = mapped or address
    return str(ipaddress.ip_network((int(kept), SHORTENED[kept.version]), strict=False))
