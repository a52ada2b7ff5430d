"""The first tables, as they were in version 0.1.0."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.columns import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES: dict[str, Any] = {
    "id": sa.String(32),
    "name": sa.String(),
    "text": sa.Text(),
    "int": sa.Integer(),
    "bigint": sa.BigInteger(),
    "bytes": sa.LargeBinary(),
    "time": Moment(),
}
TABLES = {  # column:type, `!` in the primary key, `?` may be NULL
    "subjects": "subject:id! kind:name status:name profile:int visit:int created_at:time",
    "conversations": (
        "subject:id! id:id! channel:name site:name locale:name scope:name revision:int sealed_state:bytes "
        "last_seq:int delivered_seq:int created_at:time updated_at:time look_at:time"
    ),
    "messages": (
        "subject:id! conversation:id! seq:int! sender:name at:time locale:name scope:name "
        "event_key:bytes? sealed_body:bytes? sealed_digest:bytes? channel_ref:bigint"
    ),
    "fields": (
        "subject:id! scope:name! name:name! sealed_value:bytes revision:int given_at:time policy:name "
        "warning_sha256:name"
    ),
    "index_rows": "subject:id! field:name! epoch:int! mac:bytes",
    "consents": (
        "subject:id! id:id! conversation:id purpose:name decision:name policy:name method:name at:time "
        "ended_at:time? sealed_evidence:bytes"
    ),
    "sessions": "subject:id! token_hash:bytes! conversation:id expires_at:time erased_at:time? certificate:id",
    "chats": "subject:id! conversation:id! sealed_chat:bytes",
    "leads": (
        "subject:id! id:id! conversation:id scope:name reference:name topic:name channel:name site:name "
        "locale:name status:name assignee:id submitted_at:time answer_due:time keeps_until:time"
    ),
    "disclosures": (
        "subject:id! id:id! at:time recipient:name event:name reference:name fields:text "
        "acknowledged_at:time?"
    ),
    "outbox": (
        "id:id! kind:name subject:id recipient:name conversation:id reference:name fields:text "
        "created_at:time due_at:time attempts:int error:name dead_at:time? sealed:bytes"
    ),
    "staff": "id:id! role:name sealed_email:bytes created_at:time disabled_at:time?",
    "staff_links": "token_hash:bytes! staff:id created_at:time expires_at:time",
    "staff_sessions": "token_hash:bytes! staff:id created_at:time expires_at:time",
    "updates_seen": "update_id:bigint! at:time error:name",
    "erasures": (
        "subject:id! id:id! scope:name scopes:text reference:name reason:text at:time step:int "
        "report:text task:id sealed_task:bytes"
    ),
    "doomed_keys": "subject:id! scope:name!",
    "audit": (
        "writer:name! number:bigint! at:time actor:name action:name subject:id purpose:text fields:text "
        "policy:name"
    ),
}
WITHOUT_ROWID = ("conversations", "messages")
# name, table, columns, unique, only where
INDEXES: tuple[tuple[str, str, tuple[str, ...], bool, str], ...] = (
    ("ix_conversations_id", "conversations", ("id",), False, ""),
    ("ix_conversations_look_at", "conversations", ("look_at",), False, ""),
    (
        "ix_conversations_undelivered",
        "conversations",
        ("id",),
        False,
        "channel = 'telegram' AND delivered_seq < last_seq",
    ),
    ("ix_messages_event_key", "messages", ("event_key",), True, "event_key IS NOT NULL"),
    ("ix_index_rows_field_mac", "index_rows", ("field", "mac"), False, ""),
    ("ix_sessions_conversation", "sessions", ("conversation",), False, ""),
    ("ix_sessions_token_hash", "sessions", ("token_hash",), True, ""),
    ("ix_leads_keeps_until", "leads", ("keeps_until",), False, ""),
    ("ix_leads_reference", "leads", ("reference",), True, ""),
    ("ix_leads_submitted_at", "leads", ("submitted_at",), False, ""),
    ("ix_outbox_dead_at_due_at", "outbox", ("dead_at", "due_at"), False, ""),
    ("ix_outbox_subject", "outbox", ("subject",), False, ""),
    ("ix_updates_seen_at", "updates_seen", ("at",), False, ""),
    ("ix_audit_subject", "audit", ("subject",), False, ""),
)


def upgrade() -> None:
    """Create every table and index."""
    for name, columns in TABLES.items():
        written = columns.split()
        key = [column.partition(":")[0] for column in written if column.endswith("!")]
        op.create_table(
            name,
            *[_column(column) for column in written],
            sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"),
            sqlite_with_rowid=name not in WITHOUT_ROWID,
        )
    for name, table, names, unique, where in INDEXES:
        only = sa.text(where) if where else None
        op.create_index(name, table, list(names), unique=unique, sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    """Remove them all."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _column(written: str) -> sa.Column[Any]:
    name, _, kind = written.partition(":")
    return sa.Column(
        name,
        TYPES[kind.rstrip("!?")],
        nullable=kind.endswith("?"),
        autoincrement=False,
    )
