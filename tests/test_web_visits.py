"""The visit record over HTTP, against a whole desk."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.web.visits import shortened
from tests.visiting import CONSULTATION, Visit, visiting

VISIT = "/api/v1/visit"
TOLD = {"browser": "Firefox", "pages": "/products"}


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


async def allowed(visit: Visit) -> str:
    """Return the token of somebody who ticked the box of the visit record."""
    token = await visit.consulted(3)
    agree = {"id": "h3", **CONSULTATION[3], "purposes": ["visit"]}
    assert (await visit.call("POST", "/api/v1/messages", token, json=agree)).status == 200
    return token


async def kept(visit: Visit, token: str) -> dict[str, str]:
    """Return what the record shows besides the question."""
    shown = (await (await visit.call("GET", "/api/v1/me", token)).json())["fields"]
    return {one["field"]: one["value"] for one in shown if one["field"] != "need"}


async def test_the_address_is_shortened_by_the_desk(visit: Visit) -> None:
    """S3: what the page told, and the address as the proxy saw it, without its last part."""
    token = await allowed(visit)

    answer = await visit.call(
        "POST", VISIT, token, json={"visit": TOLD}, headers={"X-Forwarded-For": "203.0.113.77"}
    )

    assert answer.status == 204
    assert await kept(visit, token) == {**TOLD, "ip": "203.0.113.0/24"}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.200", "198.51.100.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:198.51.100.200", "198.51.100.0/24"),
    ],
)
def test_an_address_becomes_its_network(address: str, network: str) -> None:
    """S3: /24 and /48; IPv4 written as IPv6 is IPv4."""
    assert shortened(ipaddress.ip_address(address)) == network


async def test_no_visit_is_kept_without_its_purpose(visit: Visit) -> None:
    """S3, S5: 403 consent_required, and nothing is kept; without a token 401."""
    token = await visit.consulted(4)

    answer = await visit.call("POST", VISIT, token, json={"visit": TOLD})

    assert (answer.status, (await answer.json())["code"]) == (403, "consent_required")
    assert await kept(visit, token) == {}
    assert (await visit.call("POST", VISIT, json={"visit": TOLD})).status == 401


@pytest.mark.parametrize(
    ("told", "field", "code"),
    [
        ({"ip": "203.0.113.77"}, "ip", "unknown_field"),
        ({"location": "Shanghai"}, "location", "unknown_field"),
        ({**TOLD, "phone": "+86 138 0000 0000"}, "phone", "unknown_field"),
        ({**TOLD, "device_model": ""}, "device_model", "text.empty"),
        ({**TOLD, "pages": "x" * 201}, "pages", "text.too_long"),
    ],
)
async def test_an_item_that_cannot_be_kept_is_named(
    told: dict[str, str], field: str, code: str, visit: Visit
) -> None:
    """S3: a page says nothing of the address or the place; 422 with field and code, and nothing is kept."""
    token = await allowed(visit)

    answer = await visit.call("POST", VISIT, token, json={"visit": told})
    problem = await answer.json()

    assert (answer.status, problem["code"], problem["field"]) == (422, "rejected", field)
    assert problem["rejected"] == {"name": field, "code": code}
    assert await kept(visit, token) == {}


@pytest.mark.parametrize("body", [{}, {"visit": {}}, {"visit": []}, {"visit": {"pages": 5}}])
async def test_a_visit_is_an_object_of_texts(body: dict[str, Any], visit: Visit) -> None:
    """Wrong types are 400."""
    assert (await visit.call("POST", VISIT, await allowed(visit), json=body)).status == 400
