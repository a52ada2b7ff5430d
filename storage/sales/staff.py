"""Colleagues: who they are, their one-time links, their sessions. Tokens are kept as hashes only.

An e-mail address is sealed under a key of the colleague's own. There are dozens of colleagues, not millions: looking
one up opens them all, so that no index of addresses is needed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from storage.connecting import reading
from storage.errors import UNOPENED, Conflict, KeyLost, NotFound
from storage.keys.cache import Versions
from storage.keys.keyring import Keyring
from storage.keys.sealing import NONCE_BYTES, Place, seal, unseal
from storage.tables import staff, staff_links, staff_sessions

ROLES = ("sales", "privacy", "admin")  # contract, "Staff"
TOKEN_BYTES = 32  # 256 bits; contract, "Chat API"
LINK_LIFE = timedelta(hours=1)  # long enough to be handed over, too short to lie about
SESSION_LIFE = timedelta(hours=12)  # one working day
STAFF_SCOPE = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A member of staff. `actor` is how the audit names them."""

    id: str
    email: str = field(repr=False)
    role: str
    created_at: datetime
    disabled_at: datetime | None = None

    @property
    def actor(self) -> str:
        """Return the name under which the audit and the disclosure log know this colleague."""
        return f"staff:{self.id}"


class Staff:
    """The list of colleagues and the doors they come in by."""

    def __init__(self, engine: sa.Engine, keyring: Keyring, *, random: Callable[[int], bytes]) -> None:
        self._engine = engine
        self._keyring = keyring
        self._random = random

    def add(self, email: str, role: str, now: datetime) -> Colleague:
        """Add a colleague. Raises Conflict when the address is taken, ValueError for an unknown role."""
        if role not in ROLES:
            raise ValueError(f"no role {role}: choose {', '.join(ROLES)}")
        if any(_same(one.email, email) for one in self.colleagues()):
            raise Conflict("this address belongs to a colleague already")
        one = Colleague(id=self._random(16).hex(), email=email, role=role, created_at=now)
        key = self._keyring.create([(one.id, STAFF_SCOPE)])[one.id, STAFF_SCOPE]
        sealed = seal(key, _place(one.id), email.encode(), self._random(NONCE_BYTES))
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(staff).values(id=one.id, role=role, sealed_email=sealed, created_at=now)
            )
        self._keyring.settle([(one.id, STAFF_SCOPE, key.version)])
        return one

    def colleagues(self) -> list[Colleague]:
        """Return every colleague, disabled ones too, in the order they were added.

        The address is "" where it cannot be opened any more.
        """
        with reading(self._engine).begin() as connection:
            found = connection.execute(sa.select(staff).order_by(staff.c.created_at, staff.c.id)).all()
        try:
            return self._opened(found)
        except UNOPENED:  # of one; the others are to be found all the same
            return [self._opened_or_bare(row) for row in found]

    def disable(self, email: str, now: datetime) -> Colleague:
        """Shut a colleague out at once: sessions end, links are void. Raises NotFound."""
        one = self._called(email)
        with self._engine.begin() as connection:
            connection.execute(sa.update(staff).where(staff.c.id == one.id).values(disabled_at=now))
            connection.execute(sa.delete(staff_sessions).where(staff_sessions.c.staff == one.id))
            connection.execute(sa.delete(staff_links).where(staff_links.c.staff == one.id))
        return one

    def link(self, email: str, now: datetime) -> str:
        """Return a fresh one-time secret; earlier ones are void. Raises NotFound, also for a disabled colleague."""
        one = self._called(email)
        if one.disabled_at:
            raise NotFound("this colleague is disabled")
        token = self._token()
        with self._engine.begin() as connection:
            connection.execute(sa.delete(staff_links).where(staff_links.c.staff == one.id))
            connection.execute(
                sa.insert(staff_links).values(
                    token_hash=_hash(token), staff=one.id, created_at=now, expires_at=now + LINK_LIFE
                )
            )
        return token

    def enter(self, link: str, now: datetime) -> str | None:
        """Exchange a one-time link for a session; return its token, or None when the link is spent, old or unknown."""
        live = sa.and_(staff_links.c.token_hash == _hash(link), staff_links.c.expires_at > now)
        token = self._token()
        with self._engine.begin() as connection:
            spent = connection.execute(
                sa.delete(staff_links).where(live).returning(staff_links.c.staff)
            ).one_or_none()
            if spent is None:
                return None
            connection.execute(sa.delete(staff_sessions).where(staff_sessions.c.expires_at <= now))
            connection.execute(
                sa.insert(staff_sessions).values(
                    token_hash=_hash(token), staff=spent.staff, created_at=now, expires_at=now + SESSION_LIFE
                )
            )
        return token

    def session(self, token: str, now: datetime) -> Colleague | None:
        """Return whose session this is, or None when it ended, was revoked or never was."""
        joined = sa.select(staff).join(staff_sessions, staff_sessions.c.staff == staff.c.id)
        live = sa.and_(staff_sessions.c.token_hash == _hash(token), staff_sessions.c.expires_at > now)
        with reading(self._engine).begin() as connection:
            found = connection.execute(joined.where(live, staff.c.disabled_at.is_(None))).all()
        return next(iter(self._opened(found)), None)

    def leave(self, token: str) -> None:
        """End a session."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(staff_sessions).where(staff_sessions.c.token_hash == _hash(token)))

    def _called(self, email: str) -> Colleague:
        for one in self.colleagues():
            if _same(one.email, email):
                return one
        raise NotFound("no colleague has this address")

    def _opened(self, found: Sequence[sa.Row[Any]]) -> list[Colleague]:
        keys = self._keyring.keys([(row.id, STAFF_SCOPE) for row in found])
        return [_colleague(row, _email(keys.get((row.id, STAFF_SCOPE)), row)) for row in found]

    def _opened_or_bare(self, row: sa.Row[Any]) -> Colleague:
        try:
            return self._opened([row])[0]
        except UNOPENED:
            return _colleague(row, "")

    def _token(self) -> str:
        return base64.urlsafe_b64encode(self._random(TOKEN_BYTES)).rstrip(b"=").decode()


def _colleague(row: sa.Row[Any], email: str) -> Colleague:
    return Colleague(
        id=row.id, email=email, role=row.role, created_at=row.created_at, disabled_at=row.disabled_at
    )


def _email(versions: Versions | None, row: sa.Row[Any]) -> str:
    if not versions:
        raise KeyLost(f"colleague {row.id}: the key is gone")
    return unseal(versions, _place(row.id), row.sealed_email).decode()


def _place(colleague: str) -> Place:
    return Place(subject=colleague, table="staff", column="sealed_email", row=colleague, revision=0)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()  # a cookie may hold any byte


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
