"""What alembic reads for each command: it runs the migrations over the connection that it was given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from storage.tables import metadata


def run(connection: Connection) -> None:
    """Carry out what the command asks for, in the caller's transaction."""
    # Batches: SQLite cannot alter a table, alembic copies it instead.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


if "connection" in context.config.attributes:  # alembic's way of calling: it reads this file
    run(context.config.attributes["connection"])
