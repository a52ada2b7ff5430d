"""The audit's chain, and what receipts are made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.columns import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lines of the audit name decisions; heads, how far each writer is chained, what was sent; terms of decisions."""
    op.add_column("audit", sa.Column("records", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "audit_heads",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_heads"),
    )
    op.create_table(
        "audit_chained",
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("writer", name="pk_audit_chained"),
    )
    op.create_table(
        "audit_sent",
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("sink", name="pk_audit_sent"),
    )
    op.create_table(
        "terms",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_terms"),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("terms", "audit_sent", "audit_chained", "audit_heads"):
        op.drop_table(name)
    op.drop_column("audit", "records")
