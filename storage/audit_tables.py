"""The audit and its chain. Writers only insert into `audit`; the chainer alone writes the other tables.

A restore takes none of their rows away: `storage.copies.merging`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from storage.columns import ID, NAME, Moment, metadata

audit = Table(
    "audit",
    metadata,
    Column("writer", NAME, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # without gaps for each writer
    Column("at", Moment, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("action", NAME, nullable=False),
    Column("subject", ID, nullable=False),
    Column("purpose", Text, nullable=False),  # one, or several with commas between
    Column("fields", Text, nullable=False),  # names, comma between; never a value
    Column("policy", NAME, nullable=False),
    # ids of the decisions that the line is about, in the order of `purpose`: it orders their receipts
    Column("records", Text, nullable=False, server_default=""),
    Index(None, "subject"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # one chainer only can take the next
    Column("at", Moment, nullable=False),  # where an export begins
    Column("body", Text, nullable=False),  # the signed head, canonical JSON
)

audit_chained = Table(
    "audit_chained",
    metadata,
    Column("writer", NAME, primary_key=True),
    Column("number", BigInteger, nullable=False),  # how far the writer's rows are chained
)

audit_sent = Table(
    "audit_sent",
    metadata,
    Column("sink", NAME, primary_key=True),  # a hash of its address, which may hold a password
    Column("number", BigInteger, nullable=False),  # the newest head that it has taken
    Column("leased_until", Moment, nullable=False),  # until then one worker sends, so that few heads go twice
)

AUDIT_TABLES = (audit, audit_heads, audit_chained, audit_sent)
