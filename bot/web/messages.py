"""The chat over plain HTTP: say and pick, and reading what was said, waiting for it if need be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.hub import Subscription
from bot.web import bodies
from bot.web.appkeys import DESK
from bot.web.frames import SEQ_MAX, Asked, BadFrame, read_asked
from bot.web.problems import Problem, unauthorized
from bot.web.sessions import sees_masked, session_of, turn_of
from intake.assurance import Trust
from storage.records import Session, Transcript, TurnDone

if TYPE_CHECKING:
    from bot.desk import Desk

WAIT_MAX = 25  # seconds of a long poll; docs/contract.md. Proxies give up at 30 and more

# Status of a refused event over HTTP; nothing of such an event is kept. What is said stands in the catalogue.
REFUSALS: Mapping[str, int] = {
    "not_offered": 422,
    "unknown_purpose": 422,
    "consent_stale": 409,
    "id_reused": 409,
    "too_long": 413,
    "consent_required": 403,
    "verification_required": 403,
}


async def post_message(request: web.Request) -> web.Response:
    """`POST /api/v1/messages`: take one say or pick; answer when it is durable, with everything that followed."""
    desk, session = request.app[DESK], await session_of(request)
    asked = _asked(await bodies.read_body(request))
    done, certificate = await desk.act(turn_of(desk, session, asked.event, asked))
    if done.refused:
        raise refusal(desk, done, session.locale)
    answer: dict[str, Any] = {
        "ack": {"id": asked.id, "seq": done.ack},
        "messages": await _told(desk, done),
    }
    if certificate is not None:
        answer["erased"] = {"certificate": certificate}
    return bodies.json_answer(answer)


async def get_messages(request: web.Request) -> web.Response:
    """`GET /api/v1/messages`: every message after a watermark; with `wait`, the first that comes within it."""
    desk, session = request.app[DESK], await session_of(request)
    after = _number(request, "after", SEQ_MAX)
    wait = min(_number(request, "wait", SEQ_MAX), WAIT_MAX)
    with desk.hub.subscribe(session.conversation, session.subject, session=session.token_hash) as news:
        transcript = await _after(desk, session, after)
        if not transcript.messages and wait:
            certificate = await _news(news, wait)
            if certificate is not None:
                return bodies.json_answer({"messages": [], "erased": {"certificate": certificate}})
            if news.dismissed or desk.clock() >= session.expires_at:  # it ended while it waited
                raise unauthorized()
            transcript = await _after(desk, session, after)
    return bodies.json_answer({"messages": frames(desk, transcript, session.trust)})


def frames(desk: Desk, shown: TurnDone | Transcript, trust: Trust | None) -> list[dict[str, Any]]:
    """Return the `message` frames of a turn or a transcript, as whoever is trusted so far may see them."""
    return desk.wording.frames(shown, masked=sees_masked(desk, trust))


def refusal(desk: Desk, done: TurnDone, locale: str) -> Problem:
    """Return the problem of a refused event, with what the desk said instead, such as a new consent card."""
    code, _, what = done.refused.partition("/")
    more: dict[str, Any] = {"messages": frames(desk, done, done.trust)} if done.messages else {}
    if code == "rejected":
        name, _, fault = what.rpartition("/")  # whatever a client calls a field: no fault has this sign
        return rejected(desk, name, fault, locale, **more)
    return Problem(REFUSALS.get(code, 422), code, desk.wording.say(f"error.{code}", locale), **more)


def rejected(desk: Desk, name: str, fault: str, locale: str, **more: Any) -> Problem:
    """Return the problem of a value that cannot be kept: which field, and what is wrong with it."""
    more |= {"field": name, "rejected": {"name": name, "code": fault}}
    return Problem(422, "rejected", desk.wording.rejected(name, fault, locale), **more)


def _asked(body: bytes) -> Asked:
    try:
        return read_asked(body)
    except BadFrame as fault:
        raise fault.problem() from None


async def _told(desk: Desk, done: TurnDone) -> list[dict[str, Any]]:
    """Return the messages from the visitor's own on; a repeat is answered from the transcript."""
    if done.scope == "all" and done.erasure:
        return []  # there is nobody left whose messages they would be
    if done.messages or not done.ack:
        return frames(desk, done, done.trust)
    shown = await desk.call(desk.storage.store.transcript, done.conversation, done.ack - 1)
    return frames(desk, shown, done.trust)


async def _after(desk: Desk, session: Session, after: int) -> Transcript:
    return await desk.call(desk.storage.store.transcript, session.conversation, after)


async def _news(news: Subscription, seconds: float) -> Mapping[str, Any] | None:
    """Wait for a delivery; return the certificate if the person was erased meanwhile."""
    try:
        delivery = await asyncio.wait_for(anext(news), seconds)
    except (TimeoutError, StopAsyncIteration):
        return None
    return delivery.certificate if delivery.done.scope == "all" else None


def _number(request: web.Request, name: str, largest: int) -> int:
    written = request.query.get(name, "0")
    if not written.isascii() or not written.isdigit() or len(written) > 16 or int(written) > largest:
        raise Problem(400, "bad_request", f"`{name}` must be a whole number.", parameter=name)
    return int(written)
