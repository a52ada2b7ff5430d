"""Certificates of erasure and their addenda: until when old copies of the keyring could still open what was erased.

A copy of the keyring from before the erasure holds the keys that were destroyed, wrapped by epochs that lived then. It
opens them no more once all those epochs are retired and their KEKs gone. The certificate names the day when that is
*due*; once it has come true the addendum says so: the same certificate, signed anew with `done`, and checked alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, select, update

from storage.connecting import reading
from storage.evidence import proofs
from storage.keyring_tables import addenda, certificates, epochs, insert_new, retired_keks
from storage.keys import rows
from storage.means import Means, stamp

ID = re.compile("[0-9a-f]{32}")  # anything else is not asked of the database: its log would hold it
AT_ONCE = 50  # certificates; a signature takes about 0.1 ms


def certify(
    means: Means,
    certificate: str,
    at: datetime,
    document: dict[str, Any],
    *,
    subject: str,
    scopes: Collection[str] | None,
) -> None:
    """Sign and keep the certificate of an erasure, with the day when old copies of the keyring are due to be shut.

    The first one of an id stands, for ever. What the data says of the erasure is not believed: the keys of these scopes
    of the person, or (None) all, are looked for in the same transaction. Raises NotDestroyed.
    """
    keyring = means.keyring
    newest = select(epochs.c.epoch, epochs.c.ends_at).order_by(epochs.c.epoch.desc()).limit(1)
    with keyring.engine.begin() as connection:
        rows.must_be_destroyed(connection, subject, scopes)
        epoch = connection.execute(newest).one()
        due = max(epoch.ends_at, at) + keyring.provider.delay
        body = _signed(means, {**document, "backups": {"due": stamp(due), "done": None}})
        kept = {"id": certificate, "at": means.clock(), "body": body}
        connection.execute(insert_new(connection, certificates), [kept])
        owed = {"certificate": certificate, "through": epoch.epoch, "body": None}
        connection.execute(insert_new(connection, addenda), [owed])


def certificate(means: Means, certificate: str) -> dict[str, Any] | None:
    """Return a certificate as it was signed last: with `done` where its addendum exists. None: there is none."""
    if not ID.fullmatch(certificate):
        return None
    newest = (
        select(func.coalesce(addenda.c.body, certificates.c.body))
        .select_from(certificates)
        .outerjoin(addenda, addenda.c.certificate == certificates.c.id)
        .where(certificates.c.id == certificate)
    )
    with reading(means.keyring.engine).begin() as connection:
        body = connection.scalar(newest)
    if body is None:
        return None
    found: dict[str, Any] = orjson.loads(body)
    return found


def settle(means: Means) -> int:
    """Sign the addendum of certificates whose old copies are shut by now; return how many, 0 when none is left."""
    with reading(means.keyring.engine).begin() as connection:
        gone = _gone(connection)
        numbers = [epoch for epoch, _ in gone]
        ready = connection.execute(_ready(connection, numbers).limit(AT_ONCE)).all() if gone else []
    if not ready:
        return 0
    signed = [
        {
            "of_certificate": row.certificate,
            "signed": _with_done(means, row.body, max(at for epoch, at in gone if epoch <= row.through)),
        }
        for row in ready
    ]
    still_due = (addenda.c.certificate == bindparam("of_certificate")) & addenda.c.body.is_(None)
    with means.keyring.engine.begin() as connection:
        connection.execute(update(addenda).where(still_due).values(body=bindparam("signed")), signed)
    return len(ready)


def owed(connection: Connection) -> int:
    """Return how many certificates are still due."""
    return connection.execute(select(func.count()).where(addenda.c.body.is_(None))).scalar_one()


def _gone(connection: Connection) -> list[tuple[int, datetime]]:
    """Return the epochs whose secret was deleted and whose KEK is gone for good, and since when.

    A row about the KEK alone is not believed: whoever writes to the keyring could have "done" signed of a live epoch.
    """
    dead = epochs.c.retired_at.is_not(None) & (epochs.c.wrapped == b"") & retired_keks.c.gone_at.is_not(None)
    known = select(epochs.c.epoch, retired_keks.c.gone_at).join(
        retired_keks, retired_keks.c.epoch == epochs.c.epoch
    )
    return [(row.epoch, row.gone_at) for row in connection.execute(known.where(dead))]


def _ready(connection: Connection, gone: Collection[int]) -> Any:
    """Return the query of the certificates that name no epoch any more of which a copy could be opened.

    One that names none before the first that is gone is passed over: no time is known at which it was done.
    """
    standing = connection.scalar(select(func.min(epochs.c.epoch)).where(epochs.c.epoch.not_in(gone)))
    through = addenda.c.through
    return (
        select(addenda.c.certificate, through, certificates.c.body)
        .join(certificates, certificates.c.id == addenda.c.certificate)
        .where(addenda.c.body.is_(None), through < standing, through >= min(gone))
    )


def _with_done(means: Means, body: bytes, done: datetime) -> bytes:
    document: dict[str, Any] = orjson.loads(body)
    due = document["backups"]["due"]
    unsigned = {name: value for name, value in document.items() if name not in ("kid", "signature")}
    return _signed(means, unsigned | {"backups": {"due": due, "done": stamp(done)}})


def _signed(means: Means, document: dict[str, Any]) -> bytes:
    return orjson.dumps(proofs.signed(means.keyring, proofs.CERTIFICATE, document))
