"""Migrations: from nothing to the tables that the code knows, on both databases, run from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage import migrations
from storage.connecting import StorageThread, data_engine, is_async
from storage.errors import SchemaTooNew, SchemaTooOld
from storage.tables import metadata


@contextmanager
def _database(url: str) -> Iterator[tuple[Any, sa.Engine]]:
    thread = StorageThread("test-migrations", greenlets=is_async(url))
    engine = data_engine(url)
    try:
        yield (lambda call, *given: thread.submit(call, *given).result()), engine
    finally:
        thread.submit(engine.dispose).result()
        thread.close()


def test_an_upgraded_database_has_the_tables_of_the_code(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upgrading twice is upgrading once; no table, column or index differs; the place one stands in does not matter."""
    monkeypatch.chdir(tmp_path)
    with _database(empty_url) as (run, engine):
        assert run(migrations.current, engine) == ""

        reached = [run(migrations.upgrade, engine) for _ in range(2)]

        assert reached == [migrations.head()] * 2
        assert run(migrations.current, engine) == migrations.head()
        run(migrations.must_be_current, engine)
        assert run(_differences, engine) == []


def _differences(engine: sa.Engine) -> list[Any]:
    with engine.begin() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def test_a_migration_can_be_taken_back(empty_url: str) -> None:
    """Down to nothing and up again."""
    with _database(empty_url) as (run, engine):
        run(migrations.upgrade, engine)

        run(_downgrade, engine)

        assert run(lambda: sa.inspect(engine).get_table_names()) == ["alembic_version"]
        assert run(migrations.upgrade, engine) == migrations.head()


def _downgrade(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        command.downgrade(migrations.configuration(connection), "base")


def test_an_old_database_is_refused_with_the_remedy(empty_url: str) -> None:
    """Nothing is served from tables that lack something."""
    with _database(empty_url) as (run, engine), pytest.raises(SchemaTooOld, match="db upgrade"):
        run(migrations.must_be_current, engine)


def test_a_newer_database_is_left_alone(empty_url: str) -> None:
    """A version that is not known here is neither used nor upgraded."""
    with _database(empty_url) as (run, engine):
        run(migrations.upgrade, engine)
        run(_claim, engine, "9999")

        for call in (migrations.upgrade, migrations.must_be_current):
            with pytest.raises(SchemaTooNew):
                run(call, engine)


def _claim(engine: sa.Engine, version: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_without_a_connection_nothing_is_migrated() -> None:
    """Alembic's own commands read the script too; it opens no database by itself."""
    scripts = ScriptDirectory(str(migrations.FOLDER))

    with EnvironmentContext(Config(), scripts):
        scripts.run_env()

    assert scripts.get_current_head() == migrations.head()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_hot_tables_have_one_tree_on_sqlite(empty_url: str) -> None:
    """Conversations and messages are stored without row ids, by migration as by the tables of the code."""
    with _database(empty_url) as (run, engine):
        run(migrations.upgrade, engine)

        written = run(_written, engine)

    assert {name for name, text in written if "WITHOUT ROWID" in text} == {"conversations", "messages"}
    assert {
        table.name for table in metadata.tables.values() if not table.dialect_options["sqlite"]["with_rowid"]
    } == {
        "conversations",
        "messages",
    }


def _written(engine: sa.Engine) -> list[tuple[str, str]]:
    with engine.begin() as connection:
        found = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        return [(row.name, row.sql) for row in found]
