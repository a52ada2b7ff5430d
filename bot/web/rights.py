"""The person's rights over HTTP: view, correct, delete, export, receipts, withdraw (S15, S21, S23, S24, L3, L14)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from aiohttp import hdrs, web

from bot.web import bodies, remembering
from bot.web.appkeys import DESK
from bot.web.messages import refusal
from bot.web.problems import Problem
from bot.web.sessions import sees_masked, session_of, turn_of
from intake.assurance import Trust
from intake.codes import LENGTH
from intake.events import MESSAGE_MAX, AskedToForget, AskedToWithdraw, Corrected
from storage.records import Session
from storage.turn.showing import OWN_VIEW

if TYPE_CHECKING:
    from bot.desk import Desk

FIELDS_MAX = 32  # fields in one correction; the registry has nine
SCOPES = ("all", "lead", "visit")
_TEMPLATES = Path(__file__).parent / "templates"
_STYLES = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


async def get_me(request: web.Request) -> web.Response:
    """`GET /api/v1/me`: everything that is kept, who received it and who opened it."""
    desk, session = request.app[DESK], await session_of(request, rights=True)
    return bodies.json_answer(await _record(desk, session, session.trust))


async def patch_me(request: web.Request) -> web.Response:
    """`PATCH /api/v1/me`: replace values by field name; all of them or none. Answers with the record."""
    desk, session = request.app[DESK], await session_of(request, rights=True)
    body = await bodies.read_object(request)
    if not 0 < len(body) <= FIELDS_MAX:
        raise Problem(400, "bad_request", "The body must name at least one field.", pointer="")
    values = tuple((name, bodies.text(body, name, longest=MESSAGE_MAX)) for name in body)
    done, _ = await desk.act(turn_of(desk, session, Corrected(values)))
    if done.refused:
        raise refusal(desk, done, session.locale)
    if done.challenge:
        raise _needs_code(desk, session, done.challenge, dict(values))
    return bodies.json_answer(await _record(desk, session, done.trust))


def _needs_code(desk: Desk, session: Session, challenge: str, values: Mapping[str, str]) -> Problem:
    """Return the problem of a proven address that is to change: a code went to the new one, and is confirmed first."""
    emails = [name for name, one in desk.rules.fields.items() if one.kind == "email" and name in values]
    sent_to = desk.wording.shown(emails[0], values[emails[0]], session.locale, masked=True)
    detail = desk.wording.say("code.ask.new", session.locale, sent_to=sent_to)
    more: dict[str, Any] = {"challenge": challenge, "length": LENGTH, "sent_to": sent_to}
    return Problem(403, "verification_required", detail, **more)


async def delete_me(request: web.Request) -> web.Response:
    """`DELETE /api/v1/me`: erase a scope now and answer with the certificate."""
    desk, session = request.app[DESK], await session_of(request, rights=True)
    scope = bodies.text(await bodies.read_object(request), "scope")
    if scope not in SCOPES:
        raise bodies.wrong("scope", f"must be one of {', '.join(SCOPES)}")
    done, certificate = await desk.act(turn_of(desk, session, AskedToForget(scope)))
    if done.refused:
        raise refusal(desk, done, session.locale)
    answer = bodies.json_answer(certificate)
    if scope == "all" and remembering.cookie_name(session.site) in request.cookies:
        answer.headers.add(hdrs.SET_COOKIE, remembering.clearing(request, session.site))
    return answer


async def withdraw(request: web.Request) -> web.Response:
    """`POST /api/v1/me/withdraw`: end consent for purposes with this commit. Answers with the record."""
    desk, session = request.app[DESK], await session_of(request, rights=True)
    purposes = bodies.names(await bodies.read_object(request), "purposes")
    done, _ = await desk.act(turn_of(desk, session, AskedToWithdraw(purposes)))
    if done.refused:
        raise refusal(desk, done, session.locale)
    return bodies.json_answer(await _record(desk, session, done.trust))


async def receipts(request: web.Request) -> web.Response:
    """`GET /api/v1/me/receipts`: the signed receipts of every consent decision."""
    desk, session = request.app[DESK], await session_of(request, rights=True)
    _must_be_sure(desk, session)
    kept = await desk.call(desk.storage.store.receipts, session.subject)
    return bodies.json_answer({"receipts": list(kept)})


async def export(request: web.Request) -> web.Response:
    """`GET /api/v1/me/export`: a copy to keep, as JSON for machines or as a page to read."""
    desk, session = request.app[DESK], await session_of(request, rights=True)
    _must_be_sure(desk, session)
    form = request.query.get("format", "json")
    if form not in ("json", "html"):
        raise Problem(400, "bad_request", "`format` must be json or html.", parameter="format")
    copy = await _copy(desk, session)
    named = {"Content-Disposition": f'attachment; filename="askfirst-export.{form}"'}
    if form == "json":
        return bodies.json_answer(copy, headers=named)
    page = (
        _templates()
        .get_template("export.html")
        .render(copy=copy, locale=session.locale, say=desk.wording.say, label=desk.wording.label)
    )
    named["Content-Security-Policy"] = _STYLES
    return web.Response(text=page, content_type="text/html", charset="utf-8", headers=named)


async def certificate(request: web.Request) -> web.Response:
    """`GET /api/v1/certificates/{id}`: confirm an erasure to whoever holds its id; it names nobody."""
    desk = request.app[DESK]
    found = await desk.call(desk.storage.store.certificate, request.match_info["id"])
    if found is None:
        raise Problem(404, "not_found", "There is no certificate with this id.")
    return bodies.json_answer(found)


async def keys(request: web.Request) -> web.Response:
    """`GET /.well-known/askfirst-keys.json`: every public key there ever was, to check proofs with (L14)."""
    desk = request.app[DESK]
    published = await desk.call(desk.storage.keyring.public_keys)
    listed = [
        {"kid": kid, "use": kid.partition("-")[0], "algorithm": "Ed25519", "public": _base64url(public)}
        for kid, public in published.items()
    ]
    return bodies.json_answer({"keys": listed})


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _must_be_sure(desk: Desk, session: Session) -> None:
    """Raises Problem 403 `verification_required` for a remembered session: this needs a code first."""
    if sees_masked(desk, session.trust):
        detail = desk.wording.say("error.verification_required", session.locale)
        raise Problem(403, "verification_required", detail)


async def _record(desk: Desk, session: Session, trust: Trust | None) -> dict[str, Any]:
    record = await desk.call(desk.storage.store.record, session.subject, purpose=OWN_VIEW)
    return desk.wording.record(record, session.locale, masked=sees_masked(desk, trust))


async def _copy(desk: Desk, session: Session) -> dict[str, Any]:
    store = desk.storage.store
    transcript = await desk.call(store.transcript, session.conversation, 0)
    kept = await desk.call(store.receipts, session.subject)
    record = await desk.call(store.record, session.subject, purpose=OWN_VIEW)
    return desk.wording.copy(transcript, record, kept, desk.clock())


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
