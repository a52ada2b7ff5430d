"""Migrations of the data database, run from here: no alembic.ini, no folder to stand in.

A new one begins as alembic's draft of how the tables differ from an upgraded database: `alembic.command.revision(
configuration(connection), "what it does", autogenerate=True)`. Tests compare tables and migrations on both databases.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from storage.errors import SchemaTooNew, SchemaTooOld

FOLDER = Path(__file__).parent


def upgrade(engine: Engine) -> str:
    """Carry out missing migrations in one transaction; return the version reached. Raises SchemaTooNew."""
    with engine.begin() as connection:
        found = version(connection)
        refuse_newer(found)
        if found != head():
            command.upgrade(configuration(connection), "head")
        return version(connection)


def current(engine: Engine) -> str:
    """Return the newest migration that was carried out, "" for an empty database."""
    with engine.begin() as connection:
        return version(connection)


def head() -> str:
    """Return the newest migration that there is."""
    return _scripts().get_current_head() or ""


def must_be_current(engine: Engine) -> None:
    """Raises SchemaTooOld when a migration is missing, SchemaTooNew when the database knows one that is not here."""
    found = current(engine)
    refuse_newer(found)
    if found != head():
        raise SchemaTooOld(
            f"the database is at version {found or 'none'}, this needs {head()}: run `askfirst db upgrade`, or "
            "`askfirst restore` where it was lost"
        )


def configuration(connection: Connection) -> Config:
    """Return alembic's configuration for migrations over an open connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def _scripts() -> ScriptDirectory:
    """Return the migrations that there are; reading them takes as long as all else that opens a database."""
    return ScriptDirectory(str(FOLDER))


def refuse_newer(found: str) -> None:
    """Raises SchemaTooNew for a version that is not known here."""
    known = {script.revision for script in _scripts().walk_revisions()}
    if found and found not in known:
        raise SchemaTooNew(f"the database has version {found} of a newer Askfirst: update this one")


def version(connection: Connection) -> str:
    """Return the newest migration that was carried out, "" for an empty database."""
    return MigrationContext.configure(connection).get_current_revision() or ""
