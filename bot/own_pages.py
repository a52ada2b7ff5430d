"""Which pages are the desk's own: those at its public address, and those of this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from config.settings import LOOPBACK


def is_own(request: web.Request, origin: str, public_url: str) -> bool:
    """Say whether the page is the desk's own: at its public address, or on this machine at the port it was asked on.

    To the letter, with scheme and port. The host must be one that no stranger can take: a name that resolves here for a
    moment only (DNS rebinding) is not.
    """
    public = urlsplit(public_url)
    if origin == f"{public.scheme}://{public.netloc}":
        return True
    return host_name(request) in LOOPBACK and origin == f"{request.scheme}://{request.host}"


def host_name(request: web.Request) -> str:
    """Return the name or address in the request's Host, without its port; "" where it is none."""
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:  # an IPv6 address that is none
        return ""
