"""What storage works with, handed from function to function: built once, never at import."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from intake.rules import Rules
from storage.errors import UNOPENED, KeyLost, SubjectErased
from storage.evidence.audit import Writer
from storage.evidence.terms import Terms
from storage.keys.cache import Name
from storage.keys.keyring import Keyring
from storage.keys.rows import KeyName
from storage.keys.sealing import NONCE_BYTES, DataKey, Place, seal, unseal

DRAWN_AT_ONCE = 16  # nonces; a call of the system costs as much as an envelope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """Engine of the data, keyring, rules and their terms; time and randomness; the audit's name for this process."""

    engine: Engine
    keyring: Keyring
    rules: Rules
    terms: Mapping[str, Terms]  # by locale
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    writer: Writer

    def new_id(self) -> str:
        """Return a fresh row id."""
        return self.random(16).hex()

    def terms_in(self, locale: str) -> Terms:
        """Return the terms in a language, or in the first one where it is not configured."""
        return self.terms.get(locale) or self.terms[self.rules.default_locale]


class KeysAtHand:
    """The data keys of one transaction, fetched together; sealing and opening under them.

    `passing`: for whoever goes through everybody; no key is remembered for later transactions.
    """

    def __init__(self, means: Means, *, passing: bool = False) -> None:
        self._keyring = means.keyring
        self._passing = passing
        self._random = means.random
        self._nonces = b""
        self._held: dict[Name, Mapping[int, DataKey]] = {}
        self._refused: set[Name] = set()

    def fetch(self, names: Collection[Name]) -> None:
        """Have the keys of these scopes at hand; one that does not exist is missed when it is used."""
        missing = [name for name in names if name not in self._held]
        if missing:
            self._held.update(self._keyring.keys(missing, passing=self._passing))

    def fetch_sound(self, names: Collection[Name]) -> None:
        """Have at hand those of these keys that open: a damaged one keeps no other away."""
        try:
            self.fetch(names)
        except UNOPENED:
            for name in names:
                with suppress(*UNOPENED):
                    self.fetch([name])

    def make(self, names: Collection[Name], *, new: Collection[Name] = ()) -> None:
        """Have the keys of these scopes at hand, new ones in one keyring transaction, before any data is written.

        Args: new: those of them that nothing has used. A turn that failed may have left their keys as orphans, which
            live on in memory when the sweep has destroyed them: so they are asked for anew.
        A scope of an erased person is refused when it is used, so that it spoils nobody else's turn.
        """
        self.fetch([name for name in names if name not in new])
        missing = [name for name in names if name not in self._held]
        if not missing:
            return
        try:
            self._take(missing)
        except SubjectErased:
            for name in missing:
                self._refused.add(name)
                with suppress(SubjectErased):
                    self._take([name])
                    self._refused.discard(name)

    def seal(self, scope: str, place: Place, plaintext: bytes, *, powers_of_two: bool = False) -> bytes:
        """Return the envelope under the newest key of the place's subject and this scope.

        Raises: KeyLost; SubjectErased when the scope was erased for good.
        """
        versions = self.versions(place.subject, scope)
        key = versions[max(versions)]
        return seal(key, place, plaintext, self._nonce(), powers_of_two=powers_of_two)

    def _nonce(self) -> bytes:
        """Return fresh random bytes, drawn for many envelopes at a time; none is ever used twice."""
        if not self._nonces:
            self._nonces = self._random(NONCE_BYTES * DRAWN_AT_ONCE)
        nonce, self._nonces = self._nonces[:NONCE_BYTES], self._nonces[NONCE_BYTES:]
        return nonce

    def unseal(self, scope: str, place: Place, envelope: bytes) -> bytes:
        """Return what an envelope holds. Raises KeyLost, SubjectErased, CannotUnseal."""
        return unseal(self.versions(place.subject, scope), place, envelope)

    def versions(self, subject: str, scope: str) -> Mapping[int, DataKey]:
        """Return the versions of a key at hand. Raises KeyLost, SubjectErased."""
        found = self._held.get((subject, scope))
        if found:
            return found
        if (subject, scope) in self._refused:
            raise SubjectErased(f"{subject}: {scope} was erased")
        raise KeyLost(f"{subject}: the key of {scope} is gone")

    def names(self, subject: str, scope: str) -> list[KeyName]:
        """Return the full names of the versions at hand of a key."""
        return [KeyName(subject, scope, version) for version in self._held.get((subject, scope), ())]

    def _take(self, names: Sequence[Name]) -> None:
        self._held.update({name: {key.version: key} for name, key in self._keyring.create(names).items()})


def stamp(at: datetime) -> str:
    """Return a time as RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
