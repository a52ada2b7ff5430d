"""A Telegram chat is one person's.

Of several persons that processes made of one chat at the same moment, the one whose conversation went furthest keeps
it. The others are no longer found by it: they hold first words of that moment, and go with their retention.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME = "ix_index_rows_one_chat"
ONLY = sa.text("field = 'telegram_chat' AND length(mac) > 0")
ON_SQLITE = sa.text("+field = 'telegram_chat' AND length(mac) > 0")  # `storage.tables` says why
ROWS = sa.table(
    "index_rows",
    *(sa.column(name) for name in ("subject", "field", "epoch")),
    sa.column("mac", sa.LargeBinary()),
)
PEOPLE = sa.table("subjects", sa.column("subject"), sa.column("status"))
TALKS = sa.table("conversations", sa.column("subject"), sa.column("last_seq"))
OF_CHAT = ROWS.c.field == "telegram_chat"


def upgrade() -> None:
    """Free the chats of who is being erased, leave every other one to one person, and see to it from now on."""
    erasing = sa.select(PEOPLE.c.subject).where(PEOPLE.c.status == "erasing")
    op.execute(ROWS.update().where(OF_CHAT, ROWS.c.subject.in_(erasing)).values(mac=b""))
    if losing := _losing():
        going = ROWS.delete().where(OF_CHAT, ROWS.c.subject == sa.bindparam("going"))
        op.get_bind().execute(going, [{"going": subject} for subject in losing])
    op.create_index(
        NAME, "index_rows", ["epoch", "mac"], unique=True, sqlite_where=ON_SQLITE, postgresql_where=ONLY
    )


def _losing() -> set[str]:
    """Return the people whose chat is another one's too, who went further in it."""
    several = (
        sa.select(ROWS.c.epoch, ROWS.c.mac)
        .where(OF_CHAT, ROWS.c.mac != b"")
        .group_by(ROWS.c.epoch, ROWS.c.mac)
        .having(sa.func.count() > 1)
        .subquery()
    )
    furthest = sa.select(sa.func.max(TALKS.c.last_seq)).where(TALKS.c.subject == ROWS.c.subject)
    found = (
        sa.select(ROWS.c.subject, ROWS.c.epoch, ROWS.c.mac)
        .join(several, (several.c.epoch == ROWS.c.epoch) & (several.c.mac == ROWS.c.mac))
        .where(OF_CHAT)
        .order_by(furthest.scalar_subquery().desc(), ROWS.c.subject)
    )
    holders: dict[tuple[int, bytes], str] = {}
    losing: set[str] = set()
    for subject, epoch, mac in op.get_bind().execute(found):
        if holders.setdefault((epoch, mac), subject) != subject:
            losing.add(subject)
    return losing


def downgrade() -> None:
    """Let a chat be several people's again."""
    op.drop_index(NAME, "index_rows")
