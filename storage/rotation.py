"""What an operator does with epochs, and what any process goes on with afterwards; called in the storage thread."""

from __future__ import annotations

from datetime import datetime

from storage import epoch_status, retiring, rotating
from storage.epoch_status import EpochStatus, KeysStatus
from storage.means import Means
from storage.renewal import Renewal


class Rotation:
    """The epochs of one desk."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._renewal = Renewal(means)

    def rotate(self, actor: str) -> int:
        """Begin the next epoch and return its number. Raises Conflict, KekRefused, KekAway: then nothing changed."""
        return rotating.rotate(self._means, actor)

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
