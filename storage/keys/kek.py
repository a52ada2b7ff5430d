"""Who holds the key-encryption keys (KEKs): what every provider can do.

A provider wraps a few secrets (one an epoch, and the private keys that sign) and opens them again when the desk starts.
It never sees a data key, and no turn waits for it.

Every epoch has a KEK of its own. Once it is destroyed, no copy of the keyring, however old, opens that epoch again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from storage.errors import KekRefused

LOST = "Without it what it wraps stays closed for ever."


class Wrapped(NamedTuple):
    """A secret that one KEK has wrapped, and the id of that KEK."""

    kek: str
    body: bytes


class Provider(Protocol):
    """Whoever holds the KEKs. `name` says what is wrapped ("epoch 3") and is authenticated with it.

    Every method raises KekAway while the provider cannot be reached (try again later), and KekRefused when it answers
    and will not do it (the operator must act).
    """

    @property
    def delay(self) -> timedelta:
        """Return how long a destroyed KEK could still be brought back; certificates of erasure count with it."""
        ...

    def wrap(self, name: str, secret: bytes) -> Wrapped:
        """Return the secret wrapped by the current KEK; the first wrap of all makes the first KEK."""
        ...

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Return the secret. Raises KekRefused when the KEK is gone, or the wrap is not of this name."""
        ...

    def renew(self) -> str:
        """Make a new KEK, current from now on, and return its id. Older ones still open what they have wrapped.

        A crash afterwards leaves a KEK that nothing uses: harmless.
        """
        ...

    def destroy(self, kek: str) -> datetime | None:
        """Destroy a KEK: nothing that it has wrapped opens again. Asking again does no harm.

        Returns: None when it is gone for good; else from when on it will be. Until then it opens nothing, but its
        holder could bring it back.
        Raises: KekRefused when it is the current one.
        """
        ...


def lacking(place: str, kek: str, name: str) -> KekRefused:
    """Return the refusal of a provider that does not have the KEK of a wrap."""
    return KekRefused(f"{place} lacks KEK {kek}, which wraps {name}: does KEK_URL name another one? {LOST}")


def damaged(name: str) -> KekRefused:
    """Return the refusal of a wrap that is damaged, or was moved from elsewhere."""
    return KekRefused(f"{name}: its wrap is damaged; restore the keyring database")
