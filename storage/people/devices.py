"""Devices that visitors had the desk remember (S8): a cookie leads back to the conversation, once.

The cookie is `<device>.<secret>`, and only a hash of the secret is kept. Each use gives out another secret. So a secret
that is presented when it is no longer the newest was copied: by a thief, or from one. Nobody can tell which of the two
came first, so the device is forgotten and whatever was opened with it ends. Forgetting a device ends that as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from intake.assurance import NEVER, Trust
from storage.evidence import audit
from storage.evidence.audit import DESK, PERSON, Entry
from storage.means import Means
from storage.records import Session
from storage.tables import conversations, devices, subjects
from storage.tables import sessions as session_rows
from storage.turn import sessions
from storage.turn.standing import LIVE, must_live

SECRET_BYTES = 32  # bytes: 256 bits, as a session's token; docs/contract.md, "Sessions"
FORGOTTEN = b""  # in the place of a secret's hash: no secret has it
_COOKIE = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What a cookie led to: a session and the next cookie, or nothing; `ended` are the tokens of what ended thereby."""

    session: Session | None = None
    cookie: str = field(default="", repr=False)
    ended: frozenset[bytes] = frozenset()


def remember(means: Means, connection: Connection, session: Session, given: str, now: datetime) -> Return:
    """Return the cookie by which this browser is known from now on; none where `given` shows that it was stolen.

    A session that a device led to stays of that device, and a browser keeps its device as long as it is about the same
    conversation: so a theft that is seen ends all that came of it. What another cookie of it led to is forgotten.

    Args: given: the cookie that the browser has, if any.
    Raises: SubjectErased.
    """
    person = select(subjects.c.status).where(subjects.c.subject == session.subject).with_for_update()
    must_live(session.subject, connection.scalar(person) or "")
    device, ended = session.device, frozenset[bytes]()
    known = connection.execute(_one(_halves(given)[0])).first()
    if known is not None and not _is_newest(known, given):
        ended = _stolen(means, connection, known, now)
    elif known is not None and not device and known.conversation == session.conversation:
        device = known.id
    elif known is not None and known.id != device:
        ended = _end(connection, session, known.subject, [known.id])
    if session.token_hash in ended:
        return Return(ended=ended)
    _note(means, connection, session.subject, "remembered", now)
    return Return(cookie=_kept(means, connection, session, device or means.new_id(), now), ended=ended)


def _kept(means: Means, connection: Connection, session: Session, device: str, now: datetime) -> str:
    """Keep a device under a fresh secret; return its cookie."""
    secret = _secret(means)
    connection.execute(delete(devices).where(devices.c.subject == session.subject, devices.c.id == device))
    connection.execute(
        insert(devices).values(
            subject=session.subject,
            id=device,
            conversation=session.conversation,
            secret_hash=_hash(secret),
            expires_at=now + means.rules.sessions.remembered,
        )
    )
    return f"{device}.{secret}"


def forget(
    means: Means, connection: Connection, session: Session, given: str, now: datetime
) -> frozenset[bytes]:
    """Forget the browser that has the cookie `given`; without a good one, every device of the conversation.

    Returns: the tokens of the sessions that end thereby: all that were opened with it, but the one that asks.
    """
    known = connection.execute(_one(_halves(given)[0])).first()
    if known is not None and _is_newest(known, given):
        ended = _end(connection, session, known.subject, [known.id])
    else:
        mine = devices.c.subject == session.subject, devices.c.conversation == session.conversation
        theirs = connection.scalars(select(devices.c.id).where(*mine)).all()
        ended = _end(connection, session, session.subject, theirs)
    _note(means, connection, session.subject, "forgotten", now)
    return ended


def _end(
    connection: Connection, session: Session, subject: str, forgotten: Collection[str]
) -> frozenset[bytes]:
    """Forget devices of a person, and end the sessions that were opened with them, but the one that asks.

    Of that one's own device it stays known that it was: whoever comes with its cookie is seen, and ends the session.
    """
    theirs = devices.c.subject == subject, devices.c.id.in_(forgotten)
    connection.execute(delete(devices).where(*theirs, devices.c.id != session.device))
    connection.execute(
        update(devices).where(*theirs).values(secret_hash=FORGOTTEN, expires_at=session.expires_at)
    )
    opened = delete(session_rows).where(
        session_rows.c.subject == subject,
        session_rows.c.device.in_(forgotten),
        session_rows.c.token_hash != session.token_hash,
    )
    return frozenset(map(bytes, connection.scalars(opened.returning(session_rows.c.token_hash))))


def come_back(
    means: Means,
    connection: Connection,
    given: str,
    *,
    site: str,
    token_hash: bytes,
    expires_at: datetime,
    now: datetime,
) -> Return:
    """Open a remembered session for whoever has the cookie `given`, and spend its secret.

    Args: token_hash, expires_at: of the token that the session gets.
    """
    device, _ = _halves(given)
    row = connection.execute(_one(device)).first()
    if row is None or row.expires_at <= now or row.site != site or row.status != LIVE:
        return Return()
    if not _is_newest(row, given):
        return Return(ended=_stolen(means, connection, row, now))
    fresh = _secret(means)
    this = update(devices).where(devices.c.subject == row.subject, devices.c.id == device)
    kept = now + means.rules.sessions.remembered
    connection.execute(this.values(secret_hash=_hash(fresh), expires_at=kept))
    opened = sessions.opened(
        row.subject, row.conversation, token_hash, expires_at, Trust(fresh_until=NEVER), device=device
    )
    connection.execute(insert(session_rows).values(**opened))
    return Return(session=sessions.session(connection, token_hash, now), cookie=f"{device}.{fresh}")


def _one(device: str) -> Any:
    mine = conversations.c.subject == devices.c.subject, conversations.c.id == devices.c.conversation
    return (
        select(devices, conversations.c.site, subjects.c.status)
        .join(conversations, mine[0] & mine[1])
        .join(subjects, subjects.c.subject == devices.c.subject)
        .where(devices.c.id == device)
        .with_for_update(of=devices)  # of two at once the second finds the secret spent
    )


def _stolen(means: Means, connection: Connection, row: Row[Any], now: datetime) -> frozenset[bytes]:
    connection.execute(delete(devices).where(devices.c.subject == row.subject, devices.c.id == row.id))
    opened = delete(session_rows).where(
        session_rows.c.subject == row.subject, session_rows.c.device == row.id
    )
    ended = connection.scalars(opened.returning(session_rows.c.token_hash)).all()
    entry = Entry(at=now, actor=DESK, action="device_ended", subject=row.subject, purpose="secret used again")
    audit.write(connection, means.writer, [entry])
    return frozenset(map(bytes, ended))


def _is_newest(row: Row[Any], given: str) -> bool:
    """Say whether a cookie has the newest secret of its device."""
    return hmac.compare_digest(bytes(row.secret_hash), _hash(_halves(given)[1]))


def _note(means: Means, connection: Connection, subject: str, action: str, now: datetime) -> None:
    audit.write(connection, means.writer, [Entry(at=now, actor=PERSON, action=action, subject=subject)])


def _halves(given: str) -> tuple[str, str]:
    """Return device and secret of a cookie; of what no cookie of ours looks like, nothing."""
    found = _COOKIE.fullmatch(given)
    return (found[1], found[2]) if found else ("", "")


def _secret(means: Means) -> str:
    return base64.urlsafe_b64encode(means.random(SECRET_BYTES)).rstrip(b"=").decode()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
