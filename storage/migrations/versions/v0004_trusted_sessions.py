"""How far a web session is trusted, devices that visitors had the desk remember, and one-time codes.

Sessions of before are taken for remembered ones: nobody knows when their pages were last used.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from storage.columns import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ADDED = ("kind", "device", "fresh_until", "verified_until")


def upgrade() -> None:
    """Add what is new; what was there keeps its rows."""
    with op.batch_alter_table("sessions") as sessions:
        sessions.add_column(sa.Column("kind", sa.String(), nullable=True))
        sessions.add_column(sa.Column("device", sa.String(32), nullable=True))
        sessions.add_column(sa.Column("fresh_until", Moment(), nullable=True))
        sessions.add_column(sa.Column("verified_until", Moment(), nullable=True))
    there = sa.table("sessions", sa.column("kind"), sa.column("device"), sa.column("fresh_until", Moment()))
    op.execute(there.update().values(kind="chat", device="", fresh_until=LONG_AGO))
    with op.batch_alter_table("sessions") as sessions:
        sessions.alter_column("kind", existing_type=sa.String(), nullable=False)
        sessions.alter_column("device", existing_type=sa.String(32), nullable=False)
        sessions.alter_column("fresh_until", existing_type=Moment(), nullable=False)
    op.create_table(
        "devices",
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("conversation", sa.String(32), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "id", name="pk_devices"),
    )
    op.create_table(
        "codes",
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("conversation", sa.String(32), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("code_mac", sa.LargeBinary(), nullable=True),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("entered_at", Moment(), nullable=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("sealed_values", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("subject", "id", name="pk_codes"),
    )
    op.create_index("ix_codes_id", "codes", ["id"])
    op.create_index("ix_codes_mac_created_at", "codes", ["mac", "created_at"])
    op.create_index("ix_devices_id", "devices", ["id"], unique=True)
    op.create_index("ix_devices_conversation", "devices", ["conversation"])


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("codes")
    op.drop_table("devices")
    with op.batch_alter_table("sessions") as sessions:
        for name in ADDED:
            sessions.drop_column(name)
