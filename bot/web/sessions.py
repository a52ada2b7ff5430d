"""Sessions of the web chat: opening one, and finding whose a bearer token is."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from bot.drawing import moment
from bot.web import bodies
from bot.web.appkeys import DESK, PACE
from bot.web.frames import TOKEN_MAX, Asked, key_of
from bot.web.origins import check_site
from bot.web.pace import too_fast
from bot.web.problems import Problem
from intake.conversation import Conversation
from intake.events import Event, Opened
from intake.policy import in_force
from storage.records import Opening, Session, Turn

if TYPE_CHECKING:
    from bot.desk import Desk

TOKEN_BYTES = 32  # bytes: 256 bits; docs/contract.md, "Chat API"
SALT_BYTES = 16  # bytes: 128 bits, as many as what they keep from being guessed
# From the opening, however busy. A token lies in the memory of one page, and the words of a session that agreed to
# nothing are shredded after a day anyway; longer use is what the remembered session and the my-data page are for.
SESSION_LIFE = timedelta(hours=24)


async def open_session(request: web.Request) -> web.Response:
    """`POST /api/v1/sessions`: open a conversation and hand out the one token that leads to it."""
    desk = request.app[DESK]
    body = await bodies.read_object(request)
    site = bodies.text(body, "site", "default")
    if site not in desk.rules.sites:
        raise Problem(404, "unknown_site", "No such site is configured.", pointer="/site")
    check_site(request, site)
    wanted, topic = bodies.text(body, "locale"), bodies.text(body, "topic")
    bodies.flag(body, "remember")
    now = desk.clock()
    request.app[PACE].session(request, now)
    locale = desk.wording.locale_for(wanted or None, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    token = base64.urlsafe_b64encode(desk.random(TOKEN_BYTES)).rstrip(b"=").decode()
    opening = Opening(
        subject=desk.new_id(),
        state=Conversation(
            channel="web",
            site=site,
            locale=locale,
            reference=desk.new_reference(),
            salt=desk.random(SALT_BYTES).hex(),
            gpc=request.headers.get("Sec-GPC") == "1",
        ),
        token_hash=token_hash(token),
        expires_at=now + SESSION_LIFE,
    )
    conversation = desk.new_id()
    await desk.act(Turn(conversation=conversation, event=Opened(topic), at=now, opening=opening))
    return bodies.json_answer(_opened(desk, conversation, token, opening, now), status=201)


def _opened(desk: Desk, conversation: str, token: str, opening: Opening, now: datetime) -> dict[str, object]:
    locale, policy = opening.state.locale, in_force(desk.rules, now)
    return {
        "session": conversation,
        "token": token,
        "expires_at": moment(now + SESSION_LIFE),
        "locale": locale,
        "bot": True,
        "company": desk.rules.company.name[locale],
        "policy": {"version": policy.version, "url": desk.wording.policy_url(locale, policy.version)},
    }


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: enough to know it again, useless to whoever reads the database."""
    return hashlib.sha256(token.encode()).digest()


async def find_session(desk: Desk, token: str) -> Session:
    """Return the live session of a token. Raises Problem 401 `unauthorized`, or 410 `erased` for 30 days after."""
    session: Session | None = None
    if token and len(token) <= TOKEN_MAX and token.isascii():
        session = await desk.call(desk.storage.store.session, token_hash(token), desk.clock())
    if session is None:
        challenge = {"WWW-Authenticate": 'Bearer realm="askfirst"'}
        raise Problem(401, "unauthorized", "The token is unknown or has expired.", headers=challenge)
    if session.erased:
        raise Problem(410, "erased", "Everything about this person was erased.")
    return session


async def session_of(request: web.Request) -> Session:
    """Return the session of the request's bearer token, if its page may use it and it goes at a fair pace.

    Raises Problem.
    """
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    session = await find_session(request.app[DESK], token.strip() if scheme.lower() == "bearer" else "")
    check_site(request, session.site)
    if not request.app[PACE].message(session.conversation):
        raise too_fast()
    return session


def turn_of(desk: Desk, session: Session, event: Event, asked: Asked | None = None) -> Turn:
    """Return the turn of an event in a session; one that was `asked` with an id can be repeated safely."""
    return Turn(
        conversation=session.conversation,
        event=event,
        at=desk.clock(),
        key=key_of(session.conversation, asked.id) if asked else b"",
        digest=asked.meaning if asked else b"",
        client_id=asked.id if asked else "",
        next_reference=desk.new_reference(),
    )
