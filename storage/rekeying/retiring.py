"""Retirement: an epoch that nothing depends on any more dies, and with it whatever old copies of the keyring hold.

Its secret is deleted, its KEK destroyed at the provider, its look-ups go, and the certificates of erasure that waited
for it get their addendum (`storage.rekeying.renewal`). Each step can be repeated: after a crash the same command goes
on.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from storage.connecting import reading
from storage.errors import EpochNeeded, NotFound
from storage.evidence import audit
from storage.keyring_tables import epochs, insert_new, keep_out, retired_keks, scope_keys, signing_keys
from storage.keys.epochs import name_of
from storage.means import Means
from storage.rekeying.epoch_status import FREEING, RETIRED, EpochStatus, KeysStatus, status

ATTESTED = "attested"  # the audit's action: that no other copy of a KEK is left


def retirable(means: Means, number: int) -> tuple[EpochStatus, KeysStatus]:
    """Return how an epoch stands that can be retired, or is, and how all stand.

    Raises: NotFound when there is no such epoch; EpochNeeded while anything depends on it.
    """
    whole = status(means)
    one = next((one for one in whole.epochs if one.epoch == number), None)
    if one is None:
        raise NotFound(f"there is no epoch {number}: see `askfirst keys status`")
    if one.state != RETIRED:
        _must_be_free(one, means.clock())
    return one, whole


def retire(means: Means, number: int, attested_by: str) -> None:
    """Retire an epoch for good: no key is wrapped by it, and its secret is deleted. Again: nothing changes.

    Args: attested_by: who says that every other copy of its KEK is gone; stands in the audit.
    Raises: EpochNeeded, NotFound.
    """
    one, _ = retirable(means, number)
    if one.state == RETIRED:
        return
    at = means.clock()
    note = audit.about_epoch(name_of(number), one.kek, at, actor=attested_by, action=ATTESTED)
    with means.engine.begin() as connection:
        audit.write(connection, means.writer, [note])
    with means.keyring.engine.begin() as connection:
        keep_out(connection, others=True)  # nobody is just wrapping a key by it
        _must_wrap_nothing(connection, one)
        mine = update(epochs).where(epochs.c.epoch == number, epochs.c.retired_at.is_(None))
        connection.execute(mine.values(retired_at=at, wrapped=b""))
        connection.execute(insert_new(connection, retired_keks), [{"epoch": number}])
    means.keyring.epochs.look_again()
    means.keyring.scrub()


def destroy_kek(means: Means, number: int) -> datetime | None:
    """Have the provider destroy a retired epoch's KEK, or look whether it is gone by now.

    Returns: None when it is gone for good; else from when on it will be: ask again then.
    Raises: KekRefused, KekAway: then nothing has changed.
    """
    keyring = means.keyring
    with reading(keyring.engine).begin() as connection:
        retired = select(epochs.c.kek).where(epochs.c.epoch == number, epochs.c.retired_at.is_not(None))
        kek = connection.execute(retired).scalar_one()
    gone_from = keyring.provider.destroy(kek)
    at = None if gone_from else means.clock()
    mine = update(retired_keks).where(retired_keks.c.epoch == number, retired_keks.c.gone_at.is_(None))
    with keyring.engine.begin() as connection:
        connection.execute(mine.values(gone_from=gone_from, gone_at=at))
    return gone_from


def _must_be_free(one: EpochStatus, now: datetime) -> None:
    if one.free_from is None:
        raise EpochNeeded(
            f"epoch {one.epoch} is the newest: everything new needs it; `askfirst keys rotate` first"
        )
    if one.left:
        raise EpochNeeded(
            f"epoch {one.epoch} is still needed: {one.keys_left} keys are wrapped by it, {one.lookups_left} look-ups "
            "found only by it; the worker moves them, see `askfirst keys status`"
        )
    if now < one.free_from:
        raise EpochNeeded(
            f"the epoch after it has only just begun: other processes may still use epoch {one.epoch}; "
            f"try again in {FREEING.seconds // 60} minutes"
        )


def _must_wrap_nothing(connection: Connection, one: EpochStatus) -> None:
    """Look once more, now that nobody can add anything. Raises EpochNeeded."""
    keys = connection.scalar(select(scope_keys.c.epoch).where(scope_keys.c.epoch == one.epoch).limit(1))
    signing = connection.scalar(select(signing_keys.c.kid).where(signing_keys.c.kek == one.kek).limit(1))
    others = select(func.max(epochs.c.epoch)).where(epochs.c.kek == one.kek, epochs.c.epoch != one.epoch)
    if keys is not None:
        raise EpochNeeded(f"a key has just been wrapped by epoch {one.epoch}: the worker moves it; try again")
    if signing is not None or connection.scalar(others) is not None:
        raise EpochNeeded(
            f"KEK {one.kek} of epoch {one.epoch} wraps more than this epoch: `askfirst keys rotate` first; "
            "if that does not help, `askfirst audit verify` names a signing key that is not yours"
        )
