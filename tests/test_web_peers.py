"""Who is at the other end, behind which proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bot.web.peers import client_address
from config.settings import Settings
from tests.forwarding import came_from

TRUSTED = Settings.from_environment({}).proxies


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("", ["203.0.113.7"], "203.0.113.7"),
        ("10.1.2.3", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("10.1.2.3", ["203.0.113.7, 10.9.9.9"], "203.0.113.7"),
        ("10.1.2.3", ["198.51.100.1", "203.0.113.7", "10.9.9.9"], "203.0.113.7"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("::1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("127.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["64:ff9b::cb00:7107"], "203.0.113.7"),
        ("127.0.0.1", ["10.5.5.5"], "10.5.5.5"),
        ("127.0.0.1", ["unknown"], "None"),
        ("127.0.0.1", ["203.0.113.7, nonsense"], "None"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("", [], "None"),
    ],
)
def test_who_comes_through_trusted_proxies_is_made_out(peer: str, forwarded: list[str], address: str) -> None:
    """The header is read from its end while whoever wrote it is trusted: anybody can write the rest."""
    assert str(client_address(came_from(peer, *forwarded), TRUSTED)) == address


def test_the_operator_names_which_proxies_are_trusted() -> None:
    """One at a public address may be; then one at a private address is not, if it is not named."""
    named = [ip_network("198.51.100.0/24")]

    through = client_address(came_from("198.51.100.9", "203.0.113.7"), named)
    past = client_address(came_from("10.0.0.7", "203.0.113.7"), named)

    assert (str(through), str(past)) == ("203.0.113.7", "10.0.0.7")
