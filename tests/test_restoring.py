"""Restoring: what is refused before anything is touched, what a crash leaves, and a host that lost everything."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic import command

from intake.events import AskedToWithdraw, Corrected
from storage import migrations
from storage.connecting import data_engine
from storage.copies.manifests import DATA, KEYRING, digest
from storage.errors import KeyringRefused, RestoreRefused, SchemaTooNew
from storage.keyring_tables import scope_keys
from storage.tables import keyring_seen, subjects
from tests.premises import Premises, change_manifest, erase
from tests.remembering import DETAILS, NEED, Visitor


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_restoring_twice_is_restoring_once(premises: Premises) -> None:
    """The second time changes nothing more, and people still go on."""
    visitor = premises.one_person()
    folder = premises.back_up()

    done = [premises.restore(folder) for _ in range(2)]

    assert [(one.people, one.erased, one.mended) for one in done] == [(1, 0, 0)] * 2
    with premises.memory() as memory:
        visitor.memory = memory
        assert visitor.says("still here").ack


def test_a_host_that_lost_everything_comes_back(premises: Premises) -> None:
    """Data, keyring and anchor are gone; with the KEK from its safe place and a backup people go on."""
    visitor = premises.one_person()
    folder = premises.back_up()
    premises.lose_data()
    premises.lose_keyring()
    premises.anchor.unlink()

    assert "restore --keyring DIR" in premises.terminal.refusal("restore", str(folder))
    code, told, _ = premises.terminal.run("restore", "--keyring", str(folder))

    assert code == 0
    assert told.startswith("1 people restored; 0 of them")
    with premises.memory() as memory:
        visitor.memory = memory
        assert memory.run(memory.store.record, visitor.subject, purpose="own_view").fields
        assert visitor.says("hello again").ack
    assert "leave --keyring out" in premises.terminal.refusal("restore", "--keyring", str(folder))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_lost_keyring_comes_back_without_the_corrections_since(premises: Premises) -> None:
    """The data is there, but the keys of what was corrected and begun since are gone: people are as in the backup."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
    folder = premises.back_up()
    with premises.memory() as memory:
        visitor.memory = memory
        visitor.does(Corrected((("phone", "+8613900000001"),)))
        visitor.does(AskedToWithdraw(("contact",)))
    premises.lose_keyring()

    assert premises.restore(folder, with_keyring=True).mended == 0

    with premises.memory() as memory:
        visitor.memory = memory
        record = memory.run(memory.store.record, visitor.subject, purpose="own_view")
        assert {one.name: one.value for one in record.fields} == {**DETAILS, "need": NEED}
        assert "contact" not in visitor.says("hello").state.agreed


def test_a_keyring_that_was_only_made_is_none(premises: Premises) -> None:
    """Whoever started the desk on the new disk before restoring has a keyring without people: it gives way."""
    premises.one_person()
    folder = premises.back_up()
    premises.lose_data()
    premises.lose_keyring()
    with premises.storage():
        pass
    premises.lose_data()

    assert premises.restore(folder, with_keyring=True).people == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [({"schema": "2"}, SchemaTooNew), ({"tombstones": 7}, RestoreRefused)],
    ids=["newer", "another than it says"],
)
def test_an_unfit_keyring_is_not_put_in_place(
    premises: Premises, changes: dict[str, object], refusal: type[Exception]
) -> None:
    """There is none afterwards, as before."""
    premises.one_person()
    folder = premises.back_up()
    premises.lose_data()
    premises.lose_keyring()
    change_manifest(folder, KEYRING, **changes)

    with pytest.raises(refusal):
        premises.restore(folder, with_keyring=True)
    with pytest.raises(KeyringRefused, match="does not know this data"):
        premises.restore(folder)


def test_a_lowered_manifest_lets_no_old_keyring_in(premises: Premises) -> None:
    """The data itself knows how far its keyring had come; what was loaded goes again."""
    visitor = premises.one_person()
    old = premises.back_up("old")
    with premises.memory() as memory:
        erase(memory, visitor)
    folder = premises.back_up()
    premises.put_old_keyring(old)
    premises.lose_data()
    premises.anchor.unlink()
    change_manifest(folder, DATA, tombstones=0)

    with pytest.raises(KeyringRefused, match="old copy"):
        premises.restore(folder)
    with pytest.raises(KeyringRefused, match="old copy"):
        premises.restore(folder)


def test_an_older_current_database_is_brought_up_to_date_first(premises: Premises) -> None:
    """As after an update that was not migrated yet: its audit and decisions are merged all the same."""
    visitor = premises.one_person()
    folder = premises.back_up()
    with premises.storage() as storage:
        storage.thread.submit(_downgrade, storage.engine).result()

    assert premises.restore(folder).people == 1
    with premises.memory() as memory:
        assert memory.count(subjects, subject=visitor.subject) == 1


def _downgrade(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        command.downgrade(migrations.configuration(connection), "0002")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_an_older_backup_is_migrated(premises: Premises) -> None:
    """Before anything of it is looked at."""
    premises.one_person()
    folder = premises.back_up()
    engine = data_engine(f"sqlite:///{folder}/data/desk.db")
    _downgrade(engine)
    engine.dispose()
    change_manifest(folder, DATA, schema="0002", sha256=digest(folder / "data" / "desk.db"))

    assert premises.restore(folder).people == 1
    with premises.memory() as memory:
        assert memory.count(keyring_seen) == 1


def test_keys_of_people_who_came_later_are_destroyed(premises: Premises) -> None:
    """They are lost with the data; their keys are not kept for nothing. Colleagues keep theirs."""
    visitor = premises.one_person()
    folder = premises.back_up()
    later = premises.one_person()
    with premises.storage() as storage:
        storage.thread.submit(storage.store.sweep, premises.clock.tick(hours=2)).result()
        storage.thread.submit(storage.staff.add, "li@example.com", "sales", premises.clock()).result()

    premises.restore(folder)

    with premises.storage() as storage:
        left = storage.thread.submit(_owners, storage.keyring_engine).result()
        [colleague] = storage.thread.submit(storage.staff.colleagues).result()
    assert later.subject not in left
    assert left == {visitor.subject, colleague.id}


def _owners(engine: sa.Engine) -> set[str]:
    with engine.begin() as connection:
        return {*connection.scalars(sa.select(scope_keys.c.subject))}
