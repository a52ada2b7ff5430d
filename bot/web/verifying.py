"""The way in for who has lost the chat: a code to an address, and a session for rights alone (design, "my-data page").

What is answered, and how fast, does not depend on whether the address is known: that is looked up later, by the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from bot.drawing import moment
from bot.web import bodies
from bot.web.appkeys import DESK, PACE
from bot.web.messages import refusal
from bot.web.problems import Problem
from bot.web.sessions import bearer, session_of, turn_of
from intake.codes import LENGTH, LIFE
from intake.events import Corrected, ProvedAddress
from storage.errors import NotFound, SubjectErased
from storage.people.doors import EXPIRED, Admitted, Confirmation
from storage.records import Session

if TYPE_CHECKING:
    from bot.desk import Desk

ADDRESS_MAX = 254  # characters; RFC 5321 §4.5.3.1.3, errata 1690
KINDS: Mapping[str, str] = {"email": "email", "phone": "tel"}  # member of the body -> kind of field


async def verify(request: web.Request) -> web.Response:
    """`POST /api/v1/rights/verify`: always 202; a code goes out if somebody here gave this e-mail address."""
    desk, now = request.app[DESK], request.app[DESK].clock()
    body = await bodies.read_object(request)
    asked = [name for name in KINDS if name in body]
    if len(asked) != 1:
        raise Problem(400, "bad_request", "The body must name one of email and phone.", pointer="")
    address = bodies.text(body, asked[0], longest=ADDRESS_MAX)
    request.app[PACE].rights(request, now)
    locale = desk.wording.locale_for(
        bodies.text(body, "locale") or None, request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    )
    name = _mailed(desk, asked[0])
    if not name:  # whoever asks is told, whatever the address
        told = {"sent_by": None, "detail": desk.wording.say(f"door.no_{asked[0]}", locale)}
        challenge = desk.new_id()
    else:
        told = {"sent_by": "mail", "detail": desk.wording.say("door.sent", locale)}
        challenge = await desk.call(desk.storage.store.ask_code, name, address, locale, now)
    expires = moment(now + LIFE)
    return bodies.json_answer(
        {"challenge": challenge, "length": LENGTH, "expires_at": expires, **told}, status=202
    )


def _mailed(desk: Desk, kind: str) -> str:
    """Return the field in which addresses of a kind stand, if codes can be sent to such at all; else ""."""
    if kind != "email" or not desk.settings.smtp_url:
        return ""
    return next((name for name, one in desk.rules.fields.items() if one.kind == KINDS[kind]), "")


async def confirm(request: web.Request) -> web.Response:
    """`POST /api/v1/rights/confirm`: exchange a code for a session of rights, or let in what waits for it."""
    desk, now = request.app[DESK], request.app[DESK].clock()
    body = await bodies.read_object(request)
    challenge, code = bodies.text(body, "challenge"), bodies.text(body, "code")
    request.app[PACE].rights(request, now)
    session = await session_of(request, rights=True) if hdrs.AUTHORIZATION in request.headers else None
    confirmed = await desk.call(desk.storage.store.confirm_code, challenge, code, now, session)
    if confirmed.fault:
        raise _wrong(desk, request, confirmed)
    if confirmed.values and session:
        return await _kept(request, session, confirmed.values)
    let_in = [_let_in(one) for one in confirmed.admitted if await _proves(desk, one)]
    if not let_in:
        raise _wrong(desk, request, EXPIRED)
    first, *others = let_in
    return bodies.json_answer({**first, "others": others})


async def _proves(desk: Desk, one: Admitted) -> bool:
    """Note that the person's address is proven; False for somebody who was erased since the code was taken."""
    try:
        await desk.act(turn_of(desk, one.session, ProvedAddress(one.name)))
    except (SubjectErased, NotFound):  # the code is spent: it lets in the others who share the address
        return False
    return True


async def _kept(request: web.Request, session: Session, values: tuple[tuple[str, str], ...]) -> web.Response:
    """Keep what waited for the code: the session that asked for it goes on."""
    desk = request.app[DESK]
    done, _ = await desk.act(turn_of(desk, session, Corrected(values, proven=True)))
    if done.refused:
        raise refusal(desk, done, session.locale)
    return bodies.json_answer({"token": bearer(request), "expires_at": moment(session.expires_at)})


def _let_in(one: Admitted) -> dict[str, Any]:
    until = one.session.trust.verified_until
    assert until is not None, "a code was entered"
    return {
        "token": one.token,
        "expires_at": moment(one.session.expires_at),
        "verified_until": moment(until),
    }


def _wrong(desk: Desk, request: web.Request, confirmed: Confirmation) -> Problem:
    locale = desk.wording.locale_for(None, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    more: dict[str, Any] = {"left": confirmed.left} if confirmed.fault == "wrong_code" else {}
    return Problem(422, confirmed.fault, desk.wording.say(f"error.{confirmed.fault}", locale), **more)
