"""Sessions of the web chat: opening one, and finding whose a bearer token is."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from bot.drawing import moment
from bot.web import bodies, remembering
from bot.web.appkeys import DESK, PACE
from bot.web.frames import TOKEN_MAX, Asked, key_of
from bot.web.origins import check_site
from bot.web.pace import too_fast
from bot.web.problems import Problem, unauthorized
from intake.assurance import Trust
from intake.conversation import Conversation
from intake.events import Event, Opened, Returned
from intake.policy import coming, in_force
from storage.errors import SessionEnded
from storage.records import Opening, Session, Turn
from storage.turn.sessions import CHAT, RIGHTS

if TYPE_CHECKING:
    from bot.desk import Desk

TOKEN_BYTES = 32  # bytes: 256 bits; docs/contract.md, "Chat API"
SALT_BYTES = 16  # bytes: 128 bits, as many as what they keep from being guessed
# From the opening, however busy. A token lies in the memory of one page, and the words of a session that agreed to
# nothing are shredded after a day anyway; longer use is what the remembered session and the my-data page are for.
SESSION_LIFE = timedelta(hours=24)


async def open_session(request: web.Request) -> web.Response:
    """`POST /api/v1/sessions`: open a conversation, or go on with the one that the browser's cookie leads to.

    With a Bearer token its session stays, and its browser is remembered or forgotten.
    """
    body = await bodies.read_object(request)
    site, remember = bodies.text(body, "site", "default"), bodies.flag(body, "remember")
    if hdrs.AUTHORIZATION in request.headers:
        return await _remember_or_forget(request, site, remember=remember)
    desk = request.app[DESK]
    if site not in desk.rules.sites:
        raise Problem(404, "unknown_site", "No such site is configured.", pointer="/site")
    check_site(request, site)
    wanted, topic = bodies.text(body, "locale"), bodies.text(body, "topic")
    now = desk.clock()
    request.app[PACE].session(request, now)
    cookie = remembering.given(request, site)
    if cookie and (answer := await _come_back(request, site, cookie, now)):
        return answer
    locale = desk.wording.locale_for(wanted or None, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    token = _new_token(desk)
    conversation = await _open(request, token, site, locale, topic, now)
    opened = _opened(desk, conversation, token, locale, now + SESSION_LIFE)
    answer = bodies.json_answer(opened, status=201)
    if remember and remembering.can_be_kept(request):
        await _keep(request, await find_session(desk, token), cookie, answer)
    elif cookie:
        answer.headers.add(hdrs.SET_COOKIE, remembering.clearing(request, site))
    return answer


async def _open(request: web.Request, token: str, site: str, locale: str, topic: str, now: datetime) -> str:
    """Open a conversation to which the token leads; return its id."""
    desk = request.app[DESK]
    state = Conversation(
        channel="web",
        site=site,
        locale=locale,
        salt=desk.random(SALT_BYTES).hex(),
        gpc=request.headers.get("Sec-GPC") == "1",
    )
    opening = Opening(
        subject=desk.new_id(), state=state, token_hash=token_hash(token), expires_at=now + SESSION_LIFE
    )
    conversation = desk.new_id()
    await desk.act(Turn(conversation=conversation, event=Opened(topic), at=now, opening=opening))
    return conversation


async def _come_back(request: web.Request, site: str, cookie: str, now: datetime) -> web.Response | None:
    """Return the answer to a remembered browser; None for a cookie that leads nowhere.

    Nor does one lead anywhere that came once more while this was under way: that ended its device and this session.
    """
    desk = request.app[DESK]
    token = _new_token(desk)
    back = await desk.call(
        desk.storage.store.come_back,
        cookie,
        site=site,
        token_hash=token_hash(token),
        expires_at=now + SESSION_LIFE,
        now=now,
    )
    desk.hub.dismiss(back.ended)
    session = back.session
    if session is None:
        return None
    try:
        await desk.act(turn_of(desk, session, Returned()))
    except SessionEnded:
        return None
    opened = _opened(desk, session.conversation, token, session.locale, session.expires_at)
    answer = bodies.json_answer({**opened, "resumed": True})
    answer.headers.add(hdrs.SET_COOKIE, remembering.keeping(request, site, back.cookie))
    return answer


async def _remember_or_forget(request: web.Request, site: str, *, remember: bool) -> web.Response:
    """Answer with the session as it is, its browser remembered or forgotten. Nobody is left to know who was erased."""
    desk = request.app[DESK]
    try:
        session = await session_of(request)
    except Problem as problem:
        if problem.code == "erased" and site in desk.rules.sites:
            problem.headers = {hdrs.SET_COOKIE: remembering.clearing(request, site)}
        raise
    cookie = remembering.given(request, session.site)
    remembered = remember and remembering.can_be_kept(request)
    opened = _opened(desk, session.conversation, bearer(request), session.locale, session.expires_at)
    answer = bodies.json_answer({**opened, "remembered": remembered})
    if remembered:
        await _keep(request, session, cookie, answer)
    elif not remember:
        ended = await desk.call(desk.storage.store.forget_device, session, cookie, desk.clock())
        desk.hub.dismiss(ended)
        answer.headers.add(hdrs.SET_COOKIE, remembering.clearing(request, session.site))
    return answer


async def _keep(request: web.Request, session: Session, cookie: str, answer: web.Response) -> None:
    """Have the browser remembered. Raises Problem 401 where its cookie shows that the session was opened by theft."""
    desk = request.app[DESK]
    kept = await desk.call(desk.storage.store.remember_device, session, cookie, desk.clock())
    desk.hub.dismiss(kept.ended)
    if not kept.cookie:
        raise unauthorized(**{hdrs.SET_COOKIE: remembering.clearing(request, session.site)})
    answer.headers.add(hdrs.SET_COOKIE, remembering.keeping(request, session.site, kept.cookie))


def _opened(
    desk: Desk, conversation: str, token: str, locale: str, expires_at: datetime
) -> dict[str, object]:
    now, rules, wording = desk.clock(), desk.rules, desk.wording
    current, ahead = in_force(rules, now), coming(rules, now)
    policy: dict[str, object] = {
        "version": current.version,
        "url": wording.policy_url(locale, current.version),
    }
    if ahead:
        policy["coming"] = wording.policy_coming(ahead, locale)
    return {
        "session": conversation,
        "token": token,
        "expires_at": moment(expires_at),
        "locale": locale,
        "bot": True,
        "company": desk.rules.company.name[locale],
        "companies": {one: desk.rules.company.name[one] for one in desk.rules.locales},
        "policy": policy,
    }


def _new_token(desk: Desk) -> str:
    return base64.urlsafe_b64encode(desk.random(TOKEN_BYTES)).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: enough to know it again, useless to whoever reads the database."""
    return hashlib.sha256(token.encode()).digest()


async def find_session(desk: Desk, token: str) -> Session:
    """Return the live session of a token. Raises Problem 401 `unauthorized`, or 410 `erased` for 30 days after."""
    session: Session | None = None
    if token and len(token) <= TOKEN_MAX and token.isascii():
        session = await desk.call(desk.storage.store.session, token_hash(token), desk.clock())
    if session is None:
        raise unauthorized()
    if session.erased:
        raise Problem(410, "erased", "Everything about this person was erased.")
    return session


def bearer(request: web.Request) -> str:
    """Return the request's bearer token, or ""."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def session_of(request: web.Request, *, rights: bool = False) -> Session:
    """Return the session of the request's bearer token, if its page may use it and it goes at a fair pace.

    Args: rights: a session of the my-data page will do too.
    Raises Problem.
    """
    session = await find_session(request.app[DESK], bearer(request))
    check_site(request, session.site)
    if not rights:
        must_chat(session)
    if session.kind == RIGHTS:  # a page of its own, in a language of its own
        asked = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
        session = replace(session, locale=request.app[DESK].wording.locale_for(None, asked))
    if not request.app[PACE].message(session.conversation):
        raise too_fast()
    return session


def must_chat(session: Session) -> None:
    """Raises Problem 403 `rights_only` for a session of the my-data page: it opens no conversation."""
    if session.kind != CHAT:
        raise Problem(403, "rights_only", "This session was opened on the my-data page: it does not chat.")


def sees_masked(desk: Desk, trust: Trust | None) -> bool:
    """Say whether whoever holds a session may see personal values masked only."""
    return trust is not None and trust.at(desk.clock()).masked


def turn_of(desk: Desk, session: Session, event: Event, asked: Asked | None = None) -> Turn:
    """Return the turn of an event in a session; one that was `asked` with an id can be repeated safely."""
    return Turn(
        conversation=session.conversation,
        event=event,
        at=desk.clock(),
        key=key_of(session.conversation, asked.id) if asked else b"",
        digest=asked.meaning if asked else b"",
        client_id=asked.id if asked else "",
        session=session.token_hash,
    )
