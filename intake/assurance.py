"""How far a session is trusted, and so what it may see and do: a function of times (design, "Assurance").

A page is *fresh* while somebody uses it, and for an idle hour (`[sessions]` in intake.toml). A session that was resumed
by a cookie, or lay idle for longer, is *remembered*: whoever sits there may be another person, so values are masked. A
code that was entered makes it *verified* for ten minutes. This belongs to the session, not to the conversation: of two
tabs one may be fresh and the other remembered. A Telegram chat is always fresh: the account is its authentication.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

VERIFIED_FOR = timedelta(minutes=10)  # design, "Assurance"
NOTED_EVERY = timedelta(seconds=1)  # of a page in use; sooner, what there is to note is not worth a write
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # before what any clock says, however far behind it is


class Assurance(StrEnum):
    """How sure the desk is that the person is still the one who began."""

    FRESH = "fresh"
    REMEMBERED = "remembered"
    VERIFIED = "verified"

    @property
    def masked(self) -> bool:
        """Tell whether personal values are shown masked."""
        return self is Assurance.REMEMBERED


@dataclass(frozen=True, slots=True)
class Trust:
    """Until when a session counts as what. One that a cookie or a code opened never was fresh: until `NEVER`.

    Not until it began: a turn whose clock is a moment behind would count as fresh, and what is fresh stays so with use.
    """

    fresh_until: datetime
    verified_until: datetime | None = None

    def at(self, now: datetime) -> Assurance:
        """Return the assurance of the session at `now`."""
        if self.verified_until is not None and now < self.verified_until:
            return Assurance.VERIFIED
        return Assurance.FRESH if now < self.fresh_until else Assurance.REMEMBERED

    def used(self, now: datetime, idle: timedelta) -> Trust:
        """Return the trust after the person did something: what is fresh stays so; nothing becomes fresh again."""
        until = now + idle
        if now >= self.fresh_until or until - self.fresh_until < NOTED_EVERY:
            return self
        return replace(self, fresh_until=until)

    def verified(self, now: datetime) -> Trust:
        """Return the trust after a code was entered."""
        return replace(self, verified_until=now + VERIFIED_FOR)


class Code(StrEnum):
    """How what was typed compares with the code that was sent."""

    NONE = ""  # no code was typed
    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"  # none is open: too late, tried too often, or none was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What the engine is told of whoever is there. It decides; the store only states facts."""

    assurance: Assurance = Assurance.FRESH
    mails: bool = True  # the desk can send mail
    may_send: bool = True  # not too many codes went out lately
    open: str = ""  # id of the code that was sent and can still be entered; "": none
    tries: int = 0  # that are left for it
    typed: Code = Code.NONE
    replaced: bool = False  # the address that a code outside the chat proved was given after that code
    waiting: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # values that its answer lets in


SOMEBODY_FRESH = Presence()  # a page in use, a Telegram chat, a colleague
