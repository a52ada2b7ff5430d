"""Which heads went off the host: in order, each at least once, one worker at a time where it can be helped."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, update

from storage.audit_tables import audit_sent
from storage.evidence.chain import Head, heads_after
from storage.keyring_tables import insert_new

LEASE = timedelta(minutes=2)  # for a worker that died while it sent; then another one goes on
SINK_DIGITS = 16  # hexadecimal digits of an address's hash: enough to tell sinks apart


def sink_name(address: str) -> str:
    """Return the name of a sink, which tells nothing of a password in its address."""
    return sha256(address.encode()).hexdigest()[:SINK_DIGITS]


def claim(connection: Connection, sink: str, now: datetime, limit: int) -> list[Head]:
    """Return the next heads that a sink lacks, oldest first, and lease it to the caller; or none, and no lease.

    None while another worker sends to it. A new sink gets all heads from the first one on.
    """
    begun = {"sink": sink, "number": 0, "leased_until": now}
    connection.execute(insert_new(connection, audit_sent), [begun])
    free = update(audit_sent).where(audit_sent.c.sink == sink, audit_sent.c.leased_until <= now)
    leased = free.values(leased_until=now + LEASE).returning(audit_sent.c.number)
    number = connection.execute(leased).scalar()
    heads = [] if number is None else heads_after(connection, number, limit)
    if number is not None and not heads:
        release(connection, sink, now)
    return heads


def taken(connection: Connection, sink: str, number: int) -> None:
    """Note that the sink has everything up to this head; a slower worker does not take that back."""
    older = update(audit_sent).where(audit_sent.c.sink == sink, audit_sent.c.number < number)
    connection.execute(older.values(number=number))


def release(connection: Connection, sink: str, now: datetime) -> None:
    """Let others send to the sink from now on."""
    connection.execute(update(audit_sent).where(audit_sent.c.sink == sink).values(leased_until=now))
