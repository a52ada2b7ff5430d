"""The data knows its keyring, and how many erasures that must know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the first start fills it in."""
    op.create_table(
        "keyring_seen",
        sa.Column("installation", sa.String(32), nullable=False),
        sa.Column("tombstones", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("installation", name="pk_keyring_seen"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("keyring_seen")
