"""The OpenAPI 3.1 document of what exists, at /openapi.json, and the JSON Schemas it is made of, under /schemas/."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from bot.web.bodies import json_answer
from bot.web.problems import MEDIA_TYPE, Problem
from bot.web.verifying import ADDRESS_MAX
from bot.web.visits import TOLD_BY_PAGE
from intake.visit import ITEM_MAX

VERSION = "1"
_SCHEMAS = Path(__file__).parent / "schemas"
_EVERYWHERE = ("400", "403", "429", "500", "503")  # problems that any call of the API may meet


@lru_cache(maxsize=1)
def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Return every published schema by its name. They refer to each other by file name."""
    return {path.stem: orjson.loads(path.read_bytes()) for path in sorted(_SCHEMAS.glob("*.json"))}


async def schema(request: web.Request) -> web.Response:
    """`GET /schemas/{name}.json`: one schema; `$ref`s are relative to its own address."""
    found = schemas().get(request.match_info["name"])
    if found is None:
        raise Problem(404, "not_found", "There is no schema of this name.")
    answer = json_answer(found)
    answer.content_type = "application/schema+json"
    return answer


async def openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: the document."""
    return json_answer(document())


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the document; it holds the schemas, so it can be used without the desk at hand."""
    components = {name: _within(found) for name, found in schemas().items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Askfirst",
            "version": VERSION,
            "description": "Times are RFC 3339 UTC, errors RFC 9457 with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"session": []}],
        "paths": _paths(),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer"},
                "staff": {"type": "apiKey", "in": "cookie", "name": "askfirst-staff"},
            },
        },
    }


def _within(value: Any) -> Any:
    """Return a schema with its references turned to the document's own components."""
    if isinstance(value, dict):
        return {
            key: f"#/components/schemas/{one.removesuffix('.json')}" if key == "$ref" else _within(one)
            for key, one in value.items()
            if key != "$schema"
        }
    return [_within(one) for one in value] if isinstance(value, list) else value


def _paths() -> dict[str, Any]:
    return _chat() | _visit() | _rights() | _verifying() | _staff() | _service()


def _chat() -> dict[str, Any]:
    upgrade = (
        "A WebSocket. The first frame is a hello; then say and pick frames, each acknowledged when durable."
    )
    opening = _call(
        "Open a conversation, or go on with a remembered one",
        "201",
        "session",
        body="new-session",
        public=True,
        problems=("401", "404", "410"),
    )
    opening["responses"]["200"] = {**opening["responses"]["201"], "description": "Resumed, or kept"}
    return {
        "/api/v1/sessions": {"post": {**opening, "security": [{}, {"session": []}]}},
        "/api/v1/chat": {
            "get": {
                "summary": upgrade,
                "operationId": "chat",
                "security": [],
                "responses": {"101": {"description": "Switching to WebSocket"}, **_problems("403", "426")},
            }
        },
        "/api/v1/messages": {
            "post": _call(
                "Say or pick", "200", "answer", body=("say", "pick"), problems=("409", "413", "422")
            ),
            "get": _call("Read messages", "200", "messages", query=(_after(), _wait())),
        },
    }


def _visit() -> dict[str, Any]:
    items = {name: {"type": "string", "minLength": 1, "maxLength": ITEM_MAX} for name in sorted(TOLD_BY_PAGE)}
    told = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": items}
    body = {"type": "object", "required": ["visit"], "properties": {"visit": told}}
    call = _call("Tell how the page was visited", "204", "", inline=body, problems=("422",))
    return {"/api/v1/visit": {"post": call}}


def _rights() -> dict[str, Any]:
    values = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
    scope = {
        "type": "object",
        "required": ["scope"],
        "properties": {"scope": {"enum": ["all", "lead", "visit"]}},
    }
    purposes = {
        "type": "object",
        "required": ["purposes"],
        "properties": {"purposes": {"type": "array", "minItems": 1, "items": {"type": "string"}}},
    }
    named = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    form = {"name": "format", "in": "query", "schema": {"enum": ["json", "html"], "default": "json"}}
    export = _call("Take a copy to keep", "200", "export", query=(form,))
    export["responses"]["200"]["content"]["text/html"] = {"schema": {"type": "string"}}
    return {
        "/api/v1/me": {
            "get": _call("View everything that is kept", "200", "record"),
            "patch": _call("Correct values", "200", "record", inline=values, problems=("422",)),
            "delete": _call("Erase a scope", "200", "certificate", inline=scope, problems=("422",)),
        },
        "/api/v1/me/export": {"get": export},
        "/api/v1/me/receipts": {"get": _call("The signed receipts of every decision", "200", "receipts")},
        "/api/v1/me/withdraw": {
            "post": _call("Withdraw consent", "200", "record", inline=purposes, problems=("422",))
        },
        "/api/v1/certificates/{id}": {
            "get": _call(
                "Confirm an erasure", "200", "certificate", query=(named,), public=True, problems=("404",)
            )
        },
        "/.well-known/askfirst-keys.json": {
            "get": _call("The keys that proofs are checked with", "200", "keys", public=True)
        },
    }


def _verifying() -> dict[str, Any]:
    text = {"type": "string", "maxLength": 64}
    address = {"type": "string", "maxLength": ADDRESS_MAX}
    asked = {
        "type": "object",
        "properties": {"email": address, "phone": address, "locale": text},
        "oneOf": [{"required": ["email"]}, {"required": ["phone"]}],
    }
    entered: dict[str, Any] = {"type": "object", "required": ["challenge", "code"]}
    entered |= {"properties": {"challenge": text, "code": text}}
    confirm = _call(
        "Enter a code", "200", "admission", inline=entered, public=True, problems=("401", "410", "422", "429")
    )
    return {
        "/api/v1/rights/verify": {
            "post": _call(
                "Have a code sent", "202", "challenge", inline=asked, public=True, problems=("429",)
            )
        },
        "/api/v1/rights/confirm": {"post": {**confirm, "security": [{}, {"session": []}]}},
    }


def _staff() -> dict[str, Any]:
    one = "/api/v1/staff/leads/{reference}"
    return {
        "/api/v1/staff/leads": {"get": _inside("The newest leads, masked")},
        one: {"get": _inside("One lead, masked"), "patch": _inside("Move a lead on")},
        f"{one}/open": {"post": _inside("Open fields for a stated purpose")},
        f"{one}/reply": {"post": _inside("Say something in the person's chat", "201")},
        f"{one}/typing": {"post": _inside("Tell the person's chat that a colleague is typing", "204")},
    }


def _inside(summary: str, status: str = "200") -> dict[str, Any]:
    """Return a call of the console: a cookie lets in, and changes carry `X-CSRF-Token`."""
    done: dict[str, Any] = {"description": summary}
    if status != "204":
        done["content"] = {"application/json": {"schema": {"type": "object"}}}
    return {
        "summary": summary,
        "security": [{"staff": []}],
        "responses": {status: done, **_problems("400", "401", "403", "404")},
    }


def _service() -> dict[str, Any]:
    up = {"200": {"description": "The process is up"}}
    ready = {"200": {"description": "Ready to serve"}, "503": {"description": "Something does not answer"}}
    return {
        "/healthz": {"get": {"summary": "Up?", "operationId": "healthz", "security": [], "responses": up}},
        "/readyz": {
            "get": {"summary": "Ready?", "operationId": "readyz", "security": [], "responses": ready}
        },
    }


def _call(
    summary: str,
    status: str,
    answer: str,
    *,
    body: str | tuple[str, ...] = (),
    inline: Mapping[str, Any] | None = None,
    query: tuple[Mapping[str, Any], ...] = (),
    public: bool = False,
    problems: tuple[str, ...] = (),
) -> dict[str, Any]:
    call: dict[str, Any] = {"summary": summary}
    names = (body,) if isinstance(body, str) else body
    taken = inline or (_one_of(names) if names else None)
    if taken:
        call["requestBody"] = {"required": True, "content": {"application/json": {"schema": taken}}}
        problems = (*problems, "413", "415")
    if query:
        call["parameters"] = list(query)
    if public:
        call["security"] = []
    done: dict[str, Any] = {"description": summary}
    if answer:
        done["content"] = {"application/json": {"schema": _ref(answer)}}
    known = () if public else ("401", "410")
    call["responses"] = {status: done, **_problems(*_EVERYWHERE, *known, *problems)}
    return call


def _one_of(names: tuple[str, ...]) -> dict[str, Any]:
    return _ref(names[0]) if len(names) == 1 else {"oneOf": [_ref(name) for name in names]}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _problems(*statuses: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": _ref("problem")}}
    return {status: {"description": "Problem", "content": content} for status in sorted(set(statuses))}


def _after() -> dict[str, Any]:
    what = "number of the last message that is known"
    return {"name": "after", "in": "query", "description": what, "schema": {"type": "integer", "minimum": 0}}


def _wait() -> dict[str, Any]:
    what = "seconds to wait for a message when there is none yet; at most 25"
    return {"name": "wait", "in": "query", "description": what, "schema": {"type": "integer", "minimum": 0}}
