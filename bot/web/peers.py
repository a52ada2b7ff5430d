"""Who is at the other end of a request, behind which proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator

from aiohttp import hdrs, web

from config.settings import PRIVATE

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1: the last 32 bits are an IPv4 address


def client_address(request: web.Request, trusted: Collection[Network]) -> Address | None:
    """Return who is at the other end; None: this machine by a Unix socket, or an entry that names no address.

    Each proxy appends whom it heard. So the header is read from its end, as long as whoever wrote the entry is trusted;
    the first who is not, is the client. From a peer that is not trusted the header is ignored: anybody can write one.
    """
    address = peer_address(request)
    for written in _forwarded(request):
        if address is not None and not any(address in network for network in trusted):
            return address
        address = _entry(written)
        if address is None:
            return None
    return address


def is_forwarded(request: web.Request) -> bool:
    """Say whether a request came through a proxy: then it is from outside, whatever address it bears."""
    return hdrs.X_FORWARDED_FOR in request.headers


def near(peer: Address | None) -> bool:
    """Say whether a peer is this machine (a Unix socket included) or on a private network."""
    return peer is None or any(peer in network for network in map(ipaddress.ip_network, PRIVATE))


def peer_address(request: web.Request) -> Address | None:
    """Return the address of the connection itself; None on a Unix socket."""
    return address_of(request.remote or "")


def address_of(written: str) -> Address | None:
    """Return the address that is written there, or None. An IPv4 address within an IPv6 one counts as what it is."""
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address


def _forwarded(request: web.Request) -> Iterator[str]:
    """Yield the entries of X-Forwarded-For, the last first. A proxy may add a line of its own."""
    for line in reversed(request.headers.getall(hdrs.X_FORWARDED_FOR, [])):
        for entry in reversed(line.split(",")):
            yield entry.strip()


def _entry(written: str) -> Address | None:
    """Return the address of an entry, which some proxies write with a port: `203.0.113.6:1`, `[2001:db8::1]:1`."""
    if written.startswith("["):
        return address_of(written[1:].partition("]")[0])
    host, _, port = written.partition(":")
    return address_of(host if port.isdecimal() and "." in host else written)
