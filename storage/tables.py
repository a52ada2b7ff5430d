"""The tables of the data database, and why each column exists.

Everything about a person leads with `subject` in its primary key, so that it can be distributed by person. An
administrator of the database sees ids, hashes, index macs, times, padded sizes, topic, status and decisions; never a
personal value: those are in the `sealed_…` columns, under the keys that the scopes name. What was erased is NULL.

A *scope* is the full name of a data key: `s1.<conversation>`, `c1.<conversation>`, `profile.1`, `visit.1`, `consents`,
`chat`. Another number means another key: what is corrected moves to the next one, and the old key is destroyed.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from storage.audit_tables import audit as audit  # one place for all tables of the database
from storage.columns import ID, NAME, REFERENCE, SCOPE, SHA256, Moment
from storage.columns import metadata as metadata
from storage.session_tables import codes as codes
from storage.session_tables import devices as devices
from storage.session_tables import sessions as sessions

BEHIND = text("channel = 'telegram' AND delivered_seq < last_seq")  # only a few rows are in these indexes
KEYED = text("event_key IS NOT NULL")
CHATS = text("field = 'telegram_chat' AND length(mac) > 0")
# SQLite would plan every statement with a bound `field` anew at each binding, to see whether this index may serve it.
CHATS_OF_SQLITE = text("+field = 'telegram_chat' AND length(mac) > 0")

subjects = Table(
    "subjects",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("kind", NAME, nullable=False),  # visitor; consultant after consent to contact (S2)
    Column("status", NAME, nullable=False),  # live, or erasing: then nothing is read or written any more
    Column("profile", Integer, nullable=False),  # number of the profile scope in use
    Column("visit", Integer, nullable=False),  # number of the visit scope in use
    Column("created_at", Moment, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("channel", NAME, nullable=False),  # web or telegram
    Column("site", NAME, nullable=False),
    Column("locale", NAME, nullable=False),  # what the next message is worded in
    Column("scope", SCOPE, nullable=False),  # of the state and of the next messages
    Column("revision", Integer, nullable=False),  # of the state: bound into its envelope
    Column("sealed_state", LargeBinary, nullable=False),
    Column("last_seq", Integer, nullable=False),  # highest message number, never reused
    Column("delivered_seq", Integer, nullable=False),  # Telegram's watermark: what the chat shows
    Column("created_at", Moment, nullable=False),
    # of the last turn: drafts and sessions are kept from here (S12)
    Column("updated_at", Moment, nullable=False),
    # when the sweep looks next; turns leave it and its index alone
    Column("look_at", Moment, nullable=False),
    Index(None, "id"),
    Index(None, "look_at"),
    Index("ix_conversations_undelivered", "id", sqlite_where=BEHIND, postgresql_where=BEHIND),
    sqlite_with_rowid=False,  # one tree instead of two: half the time of a turn's write
)

messages = Table(
    "messages",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("conversation", ID, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("sender", NAME, nullable=False),  # visitor, bot or staff
    Column("at", Moment, nullable=False),
    Column("locale", NAME, nullable=False),
    Column("scope", SCOPE, nullable=False),
    # of the event that the message came with; NULL on answers
    Column("event_key", LargeBinary, nullable=True),
    Column("sealed_body", LargeBinary, nullable=True),  # NULL: erased
    # of an answer's meaning: under the profile, goes with it
    Column("sealed_digest", LargeBinary, nullable=True),
    Column("channel_ref", BigInteger, nullable=False),  # Telegram's message id; 0: none
    Index("ix_messages_event_key", "event_key", unique=True, sqlite_where=KEYED, postgresql_where=KEYED),
    sqlite_with_rowid=False,
)

fields = Table(
    "fields",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("scope", SCOPE, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("sealed_value", LargeBinary, nullable=False),
    Column("revision", Integer, nullable=False),  # bound into the envelope
    Column("given_at", Moment, nullable=False),
    Column("policy", NAME, nullable=False),  # the version consented to; "" for the need
    # of the warning that stood before the question (S7); or ""
    Column("warning_sha256", NAME, nullable=False),
)

index_rows = Table(
    "index_rows",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("field", NAME, primary_key=True),
    Column("epoch", Integer, primary_key=True),  # whose index key: the row dies with it
    Column("mac", LargeBinary, nullable=False),  # empty: finds nobody
    Index(None, "field", "mac"),
    Index(  # a chat is one person's, however many processes hear its first words at once
        "ix_index_rows_one_chat",
        "epoch",
        "mac",
        unique=True,
        sqlite_where=CHATS_OF_SQLITE,
        postgresql_where=CHATS,
    ),
)

consents = Table(
    "consents",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("conversation", ID, nullable=False),
    # `field:<name>`: the field's own consent; `attestation`: for another (S6)
    Column("purpose", NAME, nullable=False),
    Column("decision", NAME, nullable=False),  # agreed, refused, withdrawn
    Column("policy", NAME, nullable=False),
    Column("method", NAME, nullable=False),  # card, question, signal, command
    Column("at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=True),  # when a later decision took its place; NULL: it holds
    # what was decided and shown: the receipt's source
    Column("sealed_evidence", LargeBinary, nullable=False),
)

terms = Table(  # what was configured when somebody decided; no person in it
    "terms",
    metadata,
    Column("sha256", SHA256, primary_key=True),  # of the body; stands in the sealed evidence
    Column("body", Text, nullable=False),
)

chats = Table(
    "chats",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("conversation", ID, primary_key=True),
    Column("sealed_chat", LargeBinary, nullable=False),  # Telegram's chat id, found through `index_rows`
)

leads = Table(
    "leads",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("conversation", ID, nullable=False),
    Column("scope", SCOPE, nullable=False),  # of the need and of the messages
    Column("reference", REFERENCE, nullable=False),
    Column("topic", NAME, nullable=False),
    Column("channel", NAME, nullable=False),
    Column("site", NAME, nullable=False),
    Column("locale", NAME, nullable=False),
    Column("status", NAME, nullable=False),  # new, open, waiting, closed, withdrawn
    Column("assignee", ID, nullable=False),  # a colleague; "": nobody yet
    Column("submitted_at", Moment, nullable=False),
    Column("answer_due", Moment, nullable=False),  # what the person was told
    Column("keeps_until", Moment, nullable=False),  # then it is erased (S12)
    Index(None, "reference", unique=True),
    Index(None, "submitted_at"),  # the newest first
    Index(None, "keeps_until"),  # the sweep
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("id", ID, primary_key=True),  # the outbox task's: a repeated delivery is one disclosure
    Column("at", Moment, nullable=False),
    Column("recipient", NAME, nullable=False),
    Column("event", NAME, nullable=False),
    Column("reference", REFERENCE, nullable=False),  # of the lead; "": none
    Column("fields", Text, nullable=False),  # names, comma between
    Column("acknowledged_at", Moment, nullable=True),  # NULL: not yet (L8)
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", NAME, nullable=False),
    Column("subject", ID, nullable=False),
    Column("recipient", NAME, nullable=False),
    Column("conversation", ID, nullable=False),
    Column("reference", REFERENCE, nullable=False),
    Column("fields", Text, nullable=False),  # names, comma between
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),  # when it may be claimed: now, after its lease, after a pause
    Column("attempts", Integer, nullable=False),
    Column("error", NAME, nullable=False),  # the class of the last fault; "": none
    Column("dead_at", Moment, nullable=True),  # NULL: still tried
    Column("sealed", LargeBinary, nullable=False),  # what a lasting task carries; empty: nothing
    Index(None, "dead_at", "due_at"),
    Index(None, "subject"),
)

staff = Table(
    "staff",
    metadata,
    Column("id", ID, primary_key=True),
    Column("role", NAME, nullable=False),
    Column("sealed_email", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment, nullable=True),  # NULL: may come in
)

staff_links = Table(
    "staff_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("staff", ID, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("staff", ID, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

updates_seen = Table(
    "updates_seen",
    metadata,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("error", NAME, nullable=False),  # why it was given up; "": it was carried out
    Index(None, "at"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("id", ID, primary_key=True),  # the certificate's
    Column("scope", NAME, nullable=False),  # all, lead, draft, visit
    Column("scopes", Text, nullable=False),  # names of the keys to destroy, comma between; "": every one
    Column("reference", REFERENCE, nullable=False),  # of the lead that goes; "": none, or all
    Column("reason", Text, nullable=False),  # asked, retention, or the officer's
    Column("at", Moment, nullable=False),
    Column("step", Integer, nullable=False),  # how many of the four steps are done
    Column("report", Text, nullable=False),  # the certificate as far as it is known; holds no identifier
    Column("task", ID, nullable=False),  # of the outbox: deletes the messages in the Telegram chat; "": none
    Column("sealed_task", LargeBinary, nullable=False),  # what that task carries
)

keyring_seen = Table(
    "keyring_seen",
    metadata,
    Column("installation", ID, primary_key=True),  # which keyring this data is sealed with
    Column("tombstones", BigInteger, nullable=False),  # how many it had at the last erasure: never fewer
)

doomed_keys = Table(
    "doomed_keys",
    metadata,
    Column("subject", ID, primary_key=True),
    # whose key is to be destroyed, since nothing stands under it any more
    Column("scope", SCOPE, primary_key=True),
)
