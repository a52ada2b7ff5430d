"""The published documents, compared with what exists."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from bot import staff
from bot.web.openapi import document, schemas
from tests.visiting import Visit, visiting

FOR_PROGRAMS = (
    "/api/v1/",
    "/.well-known/askfirst-keys.json",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/schemas/",
)
# the descriptions themselves, and what is not public
UNDESCRIBED = ("/metrics", "/openapi.json", "/schemas/")
CONTRACT = Path(__file__).parent.parent / "docs" / "contract.md"


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


def routes(visit: Visit) -> set[tuple[str, str]]:
    """Return method and path of every route for programs that exists, the console's included."""
    app = web.Application()
    app.add_routes(staff.routes(visit.desk))
    both = (*visit.server.app.router.routes(), *app.router.routes())
    every = {(route.method, route.resource.canonical) for route in both if route.resource}
    return {(method, path) for method, path in every if path.startswith(FOR_PROGRAMS) and method != "HEAD"}


def references(value: Any) -> Iterator[str]:
    """Yield every `$ref` in a document."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "$ref":
                yield one
            else:
                yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


async def test_the_document_lists_exactly_what_exists(visit: Visit) -> None:
    """Every route is in the document, and everything in the document is a route."""
    listed = {(method.upper(), path) for path, item in document()["paths"].items() for method in item}

    assert listed == {(method, path) for method, path in routes(visit) if not path.startswith(UNDESCRIBED)}


async def test_the_contract_lists_exactly_what_exists(visit: Visit) -> None:
    """docs/contract.md names every route of the API, and no other."""
    written = re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`?\s]*)", CONTRACT.read_text("utf-8"))

    assert set(written) == routes(visit)


async def test_the_document_is_served(visit: Visit) -> None:
    """OpenAPI 3.1, whole in itself."""
    served = await (await visit.call("GET", "/openapi.json")).json()

    assert served["openapi"].startswith("3.1")
    assert served == document()
    for reference in references(served):
        assert reference.removeprefix("#/components/schemas/") in served["components"]["schemas"]


def test_every_schema_is_one() -> None:
    """JSON Schema 2020-12, referring to schemas that exist."""
    for name, found in schemas().items():
        jsonschema.Draft202012Validator.check_schema(found)
        for reference in references(found):
            assert reference.removesuffix(".json") in schemas(), name


async def test_every_schema_is_served(visit: Visit) -> None:
    """Under /schemas/, with its own media type; an unknown one is not found."""
    for name, found in schemas().items():
        answer = await visit.call("GET", f"/schemas/{name}.json")
        assert (answer.content_type, await answer.json(content_type=None)) == (
            "application/schema+json",
            found,
        )

    assert (await visit.call("GET", "/schemas/nothing.json")).status == 404


def test_operations_have_names_and_answers() -> None:
    """Every operation says what it is and what comes back."""
    for path, item in document()["paths"].items():
        for method, call in item.items():
            assert call["summary"], (method, path)
            assert any(status[0] in "12" for status in call["responses"]), (method, path)
