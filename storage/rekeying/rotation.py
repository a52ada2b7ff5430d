"""What an operator does with epochs, and what any process goes on with afterwards; called in the storage thread.

A rotation begins a new epoch with a KEK of its own, and the private keys that sign come under the new KEK. A crash
leaves the old epoch in use and at most a KEK that nothing is wrapped by; the next rotation takes that one, if it
had become the current one. A crash between the two commits, of the keyring and then of the audit's line, leaves an
epoch without its line; no line is without its epoch. Of two rotations at once one wins. What older epochs wrap moves
afterwards: `storage.rekeying.renewal`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from storage.connecting import reading
from storage.errors import Conflict
from storage.evidence import audit
from storage.keyring_tables import epochs, keep_out
from storage.keys import signatures
from storage.keys.epochs import EPOCH, SealedEpoch, begin, name_of
from storage.keys.kek import Provider, Wrapped
from storage.keys.sealing import KEY_BYTES
from storage.means import Means
from storage.rekeying import epoch_status, retiring
from storage.rekeying.epoch_status import EpochStatus, KeysStatus
from storage.rekeying.renewal import Renewal

ROTATED = "rotated"  # the audit's action


class Rotation:
    """The epochs of one desk."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._renewal = Renewal(means)

    def rotate(self, actor: str) -> int:
        """Begin the next epoch and return its number. Raises Conflict, KekRefused, KekAway: then nothing changed."""
        return rotate(self._means, actor)

    def go_on(self) -> bool:
        """Do a few milliseconds of what a rotation or retirement left; say whether there may be more at once."""
        return self._renewal.go_on()

    def status(self) -> KeysStatus:
        """Return how the epochs stand. It counts every key and look-up: for operators, not for turns."""
        return epoch_status.status(self._means)

    def retirable(self, number: int) -> tuple[EpochStatus, KeysStatus]:
        """Return how an epoch stands that can be retired, or is, and how all do. Raises NotFound, EpochNeeded."""
        return retiring.retirable(self._means, number)

    def retire(self, number: int, attested_by: str) -> None:
        """Retire an epoch for good; again changes nothing. Raises NotFound, EpochNeeded."""
        retiring.retire(self._means, number, attested_by)

    def destroy_kek(self, number: int) -> datetime | None:
        """Destroy a retired epoch's KEK; return None when it is gone, else from when on it will be.

        Raises: KekRefused, KekAway.
        """
        return retiring.destroy_kek(self._means, number)


def rotate(means: Means, actor: str) -> int:
    """Begin the next epoch and return its number. New keys are wrapped by it at once here, within a minute elsewhere.

    Args: actor: who asked for it, as the audit names them.
    Raises: Conflict when another process begins it at this moment; KekRefused, KekAway: then nothing has changed.
    """
    keyring = means.keyring
    with reading(keyring.engine).begin() as connection:
        known = connection.execute(select(epochs.c.epoch, epochs.c.kek)).all()
        signing = signatures.sealed(connection)
    number = int(max(row.epoch for row in known)) + 1
    used = {row.kek for row in (*known, *signing)}
    wrapped = _wrapped(keyring.provider, name_of(number), means.random(KEY_BYTES), used)
    rewrapped = keyring.signing.rewrapped(signing)
    at = means.clock()
    # it opens, before anything needs it
    epoch = keyring.epochs.opened(SealedEpoch(number, at + EPOCH, wrapped))
    with means.engine.begin() as data:
        note = audit.about_epoch(name_of(number), wrapped.kek, at, actor=actor, action=ROTATED)
        audit.write(data, means.writer, [note])  # committed after what it says, and only then
        with keyring.engine.begin() as connection:
            keep_out(connection, others=True)
            if connection.scalar(select(func.max(epochs.c.epoch))) != number - 1:
                raise Conflict(f"somebody else has just begun epoch {number}: see `askfirst keys status`")
            begin(connection, number, wrapped, at)
            signatures.put(connection, rewrapped)
    keyring.epochs.hold(epoch)
    return number


def _wrapped(provider: Provider, name: str, secret: bytes, used: Collection[str]) -> Wrapped:
    """Return the secret, wrapped by a KEK that nothing else is wrapped by yet."""
    wrapped = provider.wrap(name, secret)
    if wrapped.kek not in used:
        return wrapped
    provider.renew()
    return provider.wrap(name, secret)
