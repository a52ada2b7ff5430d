"""The tables of web sessions: tokens, remembered devices, one-time codes. Hashes and times; what waits is sealed."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table

from storage.columns import ID, NAME, SCOPE, Moment, metadata

sessions = Table(
    "sessions",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("token_hash", LargeBinary, primary_key=True),
    Column("conversation", ID, nullable=False),
    Column("kind", NAME, nullable=False),  # chat; rights: of the my-data page, which does not chat
    Column("device", ID, nullable=False),  # the remembered one that it was resumed from; "": none
    Column("fresh_until", Moment, nullable=False),  # moves on with use; once past it stays (assurance)
    Column("verified_until", Moment, nullable=True),  # after a code; NULL: none was entered
    Column("expires_at", Moment, nullable=False),
    Column("erased_at", Moment, nullable=True),  # set: the token answers 410, for 30 days (contract)
    Column("certificate", ID, nullable=False),  # of that erasure; else ""
    Index(None, "token_hash", unique=True),
    Index(None, "conversation"),
)

devices = Table(
    "devices",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("id", ID, primary_key=True),  # the first half of the cookie
    Column("conversation", ID, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),  # of the second half, which changes at each use (S8)
    Column("expires_at", Moment, nullable=False),  # counted from the last visit
    Index(None, "id", unique=True),
    Index(None, "conversation"),
)

codes = Table(
    "codes",
    metadata,
    Column("subject", ID, primary_key=True),  # "": asked for on the my-data page; whose, the worker looks up
    Column("id", ID, primary_key=True),
    Column("kind", NAME, nullable=False),  # chat, change or door: where it is entered
    Column("conversation", ID, nullable=False),  # in which it is entered; "": whose it is, is not known yet
    Column("field", NAME, nullable=False),  # the kind of address it went to
    Column("mac", LargeBinary, nullable=False),  # of that address: bounds how many codes go there
    Column("code_mac", LargeBinary, nullable=True),  # one HMAC of each live epoch; NULL: works no more
    Column("misses", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("entered_at", Moment, nullable=True),  # NULL: was not entered
    Column("scope", SCOPE, nullable=False),  # of what waits for it; "": nothing does
    Column("sealed_values", LargeBinary, nullable=True),  # what waits for it: a new address
    Index(None, "id"),
    Index(None, "mac", "created_at"),
)
