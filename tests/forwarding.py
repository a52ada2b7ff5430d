"""Requests as proxies hand them on."""

from __future__ import annotations

from unittest.mock import Mock

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict


def came_from(peer: str, *forwarded: str) -> web.Request:
    """Return a request from an address ("": a Unix socket), with each line that a proxy wrote."""
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (
        ((peer, 5_000) if peer else "") if name == "peername" else default
    )
    headers = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])
    request: web.Request = make_mocked_request("POST", "/", headers=headers, transport=transport)
    return request
