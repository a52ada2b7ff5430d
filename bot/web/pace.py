"""How fast one address or session may go. Addresses are held in memory only, as a hash under a key of the day."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from datetime import date, datetime
from time import monotonic, time

from aiohttp import web
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from bot.web.peers import Network, client_address, is_forwarded
from bot.web.problems import Problem

# Twenty a second for a whole minute: no person types that, and a program that waits for its acks rarely does.
MESSAGES_PER_MINUTE = 1_200  # messages of one session
SESSIONS_PER_HOUR = 300  # sessions of one address; an office or a mobile network shares one
RIGHTS_PER_HOUR = 60  # codes asked for or tried from one address; one person needs two or three
# messages a socket draws from its allowance in one go: asking costs more than reading a frame
DRAWN_AT_ONCE = 20
TIDY_FROM = 4_096  # counts that may lie about before those of windows past are dropped
SITE_BYTES = 8  # bytes of an IPv6 address that name a site; RFC 6177: a visitor has a /64 at least
DAY_KEY_BYTES = 32  # bytes; BLAKE2b takes keys up to 64


class Pace:
    """The limits of this process."""

    def __init__(
        self,
        random: Callable[[int], bytes],
        *,
        messages_per_minute: int = MESSAGES_PER_MINUTE,
        sessions_per_hour: int = SESSIONS_PER_HOUR,
        rights_per_hour: int = RIGHTS_PER_HOUR,
        trusted: Collection[Network] = (),
    ) -> None:
        """Begin with every allowance whole; `random` makes the key of the day. `trusted`: where proxies stand."""
        self._random = random
        self._trusted = trusted
        self.windows = Windows()
        self._limiter = FixedWindowRateLimiter(self.windows)
        self._messages = RateLimitItemPerMinute(messages_per_minute)
        self._sessions = RateLimitItemPerHour(sessions_per_hour, namespace="sessions")
        self._rights = RateLimitItemPerHour(rights_per_hour, namespace="rights")
        self._day, self._day_key = date.min, b""

    def message(self, conversation: str, count: int = 1) -> bool:
        """Take `count` messages from the session's allowance; say whether there were that many."""
        return self._limiter.hit(self._messages, conversation, cost=count)

    def session(self, request: web.Request, now: datetime) -> None:
        """Take one session from the address's allowance. Raises Problem 429 when there is none."""
        self._spend(self._sessions, request, now)

    def rights(self, request: web.Request, now: datetime) -> None:
        """Take one code, asked for or tried, from the address's allowance. Raises Problem 429 when there is none."""
        self._spend(self._rights, request, now)

    def _spend(self, allowance: RateLimitItem, request: web.Request, now: datetime) -> None:
        """Who comes from this machine through no proxy is exempt: an operator's probes and measurements run there.

        Whom nobody can make out share one allowance.
        """
        address = client_address(request, self._trusted)
        if not is_forwarded(request) and (address is None or address.is_loopback):
            return
        packed = address.packed if address else b""
        whole = packed[:SITE_BYTES] if address and address.version == 6 else packed
        if not self._limiter.hit(allowance, self._hashed(whole, now)):
            raise too_fast()

    def _hashed(self, address: bytes, now: datetime) -> str:
        if now.date() != self._day:
            self._day, self._day_key = now.date(), self._random(DAY_KEY_BYTES)
        return hashlib.blake2b(address, key=self._day_key, digest_size=16).hexdigest()


class Allowance:
    """What one socket may still say before it asks again."""

    __slots__ = ("_conversation", "_left", "_pace")

    def __init__(self, pace: Pace, conversation: str) -> None:
        """Draw from the allowance of the conversation's session."""
        self._pace, self._conversation, self._left = pace, conversation, 0

    def spend(self) -> bool:
        """Take one message; say whether there was one."""
        if not self._left:
            if not self._pace.message(self._conversation, DRAWN_AT_ONCE):
                return False
            self._left = DRAWN_AT_ONCE
        self._left -= 1
        return True


class Windows(Storage):
    """Counts in the memory of this process, for the library's strategies.

    Its own storage starts a thread whenever it tidies up, which makes the event loop wait, and looks at every key then.
    """

    STORAGE_SCHEME = None  # made here, never found by a URL

    def __init__(self) -> None:
        """Begin with no counts."""
        super().__init__()
        # key -> when its window ends (monotonic seconds), count
        self._counts: dict[str, tuple[float, int]] = {}
        self._tidy_at = TIDY_FROM

    @property
    def base_exceptions(self) -> type[Exception]:
        """Memory does not fail."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a count whose window began now or less than `expiry` seconds ago; return it."""
        now = monotonic()
        ends, count = self._counts.get(key, (0.0, 0))
        if ends <= now:
            ends, count = now + expiry, 0
        self._counts[key] = (ends, count + amount)
        if len(self._counts) > self._tidy_at:
            self._counts = {key: held for key, held in self._counts.items() if held[0] > now}
            self._tidy_at = max(TIDY_FROM, 2 * len(self._counts))  # so that a look at all is rare
        return count + amount

    def get(self, key: str) -> int:
        """Return a count."""
        ends, count = self._counts.get(key, (0.0, 0))
        return count if ends > monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window of a key ends, in seconds of the epoch."""
        return time() + max(0.0, self._counts.get(key, (0.0, 0))[0] - monotonic())

    def check(self) -> bool:
        """Memory is there."""
        return True

    def reset(self) -> int:
        """Forget every count; return how many there were."""
        there, self._counts = len(self._counts), {}
        return there

    def clear(self, key: str) -> None:
        """Forget one count."""
        self._counts.pop(key, None)


def too_fast() -> Problem:
    """Return the problem of someone who goes too fast."""
    return Problem(429, "too_fast", "That was too fast. Nothing was kept.", headers={"Retry-After": "60"})
