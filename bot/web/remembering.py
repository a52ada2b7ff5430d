"""The cookie of a remembered device (S8): set when the visitor allowed it, taken by `POST /api/v1/sessions` alone.

It is `__Host-`, so this host alone gets it, over https; Chromium and Firefox take a desk on this machine for as good.
On a page of the same site it is `SameSite=Lax`; on another company's page `None; Partitioned`: known there only.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import hdrs, web

from bot.web.appkeys import DESK
from config.settings import LOOPBACK


def cookie_name(site: str) -> str:
    """Return the name of a site's cookie."""
    return f"__Host-askfirst-{site}"


def given(request: web.Request, site: str) -> str:
    """Return the cookie that the browser has for `site`, or "". Without an `Origin` it is no page of ours: ignored."""
    if hdrs.ORIGIN not in request.headers:
        return ""
    return request.cookies.get(cookie_name(site), "")


def can_be_kept(request: web.Request) -> bool:
    """Say whether a browser keeps the cookie: over https, or from a desk on its own machine."""
    public = urlsplit(request.app[DESK].settings.public_url)
    return public.scheme == "https" or public.hostname in LOOPBACK


def keeping(request: web.Request, site: str, cookie: str) -> str:
    """Return the `Set-Cookie` that has the browser keep `cookie` as long as the device is remembered."""
    seconds = int(request.app[DESK].rules.sessions.remembered.total_seconds())
    return _written(request, site, cookie, seconds)


def clearing(request: web.Request, site: str) -> str:
    """Return the `Set-Cookie` that has the browser forget it."""
    return _written(request, site, "", 0)


def _written(request: web.Request, site: str, cookie: str, seconds: int) -> str:
    where = "SameSite=Lax" if _on_own_site(request) else "SameSite=None; Partitioned"
    return f"{cookie_name(site)}={cookie}; Max-Age={seconds}; Path=/; Secure; HttpOnly; {where}"


def _on_own_site(request: web.Request) -> bool:
    """Say whether the page is of the desk's own site: what the browser says of it, else by the host's name."""
    told, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get(hdrs.ORIGIN)
    if told is not None or origin is None:
        return told != "cross-site"
    return urlsplit(origin).hostname == urlsplit(request.app[DESK].settings.public_url).hostname
