"""Web sessions: whose a token is, and how far whoever holds it is trusted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from intake.assurance import Trust
from storage.records import Session
from storage.tables import conversations, sessions, subjects
from storage.turn.carrying import Carrying
from storage.turn.standing import LIVE

CHAT, RIGHTS = "chat", "rights"  # kinds: the second is opened by a code on the my-data page
_TRUSTED = select(
    sessions.c.token_hash, sessions.c.fresh_until, sessions.c.verified_until, sessions.c.expires_at
).where(sessions.c.token_hash.in_(bindparam("token_hashes", expanding=True)), sessions.c.erased_at.is_(None))


class Held(NamedTuple):
    """What a turn needs to know of the session that it comes from."""

    trust: Trust
    expires_at: datetime


def held(connection: Connection, token_hashes: Collection[bytes]) -> dict[bytes, Held]:
    """Return these sessions by their tokens' hashes; one that ended is absent."""
    if not token_hashes:
        return {}
    rows = connection.execute(_TRUSTED, {"token_hashes": list(token_hashes)})
    return {row.token_hash: Held(Trust(row.fresh_until, row.verified_until), row.expires_at) for row in rows}


def used(carrying: Carrying, before: Held | None) -> Trust | None:
    """Return how far the session is trusted after this turn, and note it where that changed."""
    if before is None:
        return None
    turn = carrying.turn
    trust = before.trust.used(turn.at, carrying.rules.sessions.idle)
    if carrying.verified:
        trust = trust.verified(turn.at)
    if trust is not before.trust:
        carrying.write(
            "session_used",
            b_subject=carrying.standing.subject,
            b_token_hash=turn.session,
            b_fresh_until=trust.fresh_until,
            b_verified_until=trust.verified_until,
        )
    return trust


def session(connection: Connection, token_hash: bytes, now: datetime) -> Session | None:
    """Return the session of a token; None when it is unknown or expired; `erased` while only 410 remains of it."""
    joined = (
        select(
            sessions,
            conversations.c.site,
            conversations.c.locale,
            conversations.c.last_seq,
            subjects.c.status,
        )
        .outerjoin(
            conversations,
            (conversations.c.subject == sessions.c.subject) & (conversations.c.id == sessions.c.conversation),
        )
        .outerjoin(subjects, subjects.c.subject == sessions.c.subject)
        .where(sessions.c.token_hash == token_hash)
    )
    row = connection.execute(joined).first()
    if row is None:
        return None
    found = _session(row)
    return found if found.erased or now < found.expires_at else None


def _session(row: Row[Any]) -> Session:
    return Session(
        conversation=row.conversation,
        subject=row.subject,
        site=row.site or "",
        locale=row.locale or "",
        expires_at=row.expires_at,
        last=row.last_seq or 0,
        token_hash=bytes(row.token_hash),
        kind=row.kind,
        trust=Trust(row.fresh_until, row.verified_until),
        device=row.device,
        erased=row.erased_at is not None or row.status != LIVE,
    )


def opened(
    subject: str, conversation: str, token_hash: bytes, expires_at: datetime, trust: Trust, **more: str
) -> Mapping[str, Any]:
    """Return the row of a session that opens now; `kind` and `device` where they are not a chat's first."""
    return {
        "subject": subject,
        "token_hash": token_hash,
        "conversation": conversation,
        "kind": CHAT,
        "device": "",
        "fresh_until": trust.fresh_until,
        "verified_until": trust.verified_until,
        "expires_at": expires_at,
        "erased_at": None,
        "certificate": "",
        **more,
    }
