"""How an old copy of the keyring is told from the newest, and another's keyring from one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.errors import KeyringRefused
from storage.keyring_tables import installation
from storage.keys import checkpoints
from storage.keys.checkpoints import ANCHOR, Anchor, Checkpoint
from storage.storage import Storage
from storage.tables import keyring_seen
from tests.house import shipped
from tests.premises import Premises
from tests.remembering import Memory, Visitor, remembering
from tests.rooms import Rooms, bare_rooms

ADA = "a" * 32
ONE, OTHER = "1" * 32, "2" * 32  # installations


@pytest.fixture
def rooms(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Rooms]:
    """Rooms over empty databases."""
    with bare_rooms(data_url, keyring_url, tmp_path) as made:
        yield made


def _tombstones(rooms: Rooms) -> int:
    return rooms.run(rooms.keyring.checkpoint).tombstones


def test_every_tombstone_counts_once(rooms: Rooms) -> None:
    """An erasure that is resumed writes none anew; a key that goes without one counts for nothing."""
    rooms.run(rooms.keyring.create, [(ADA, "profile.1"), (ADA, "consents"), (ADA, "chat")])

    rooms.run(rooms.keyring.destroy, ADA, ["chat"], tombstone=False, at=rooms.clock.now)
    assert _tombstones(rooms) == 0
    for _ in range(2):
        rooms.run(rooms.keyring.destroy, ADA, ["profile.1"], tombstone=True, at=rooms.clock.now)
        assert _tombstones(rooms) == 1
    for _ in range(2):
        rooms.run(rooms.keyring.destroy, ADA, None, tombstone=True, at=rooms.clock.now)
        assert _tombstones(rooms) == 3


def test_a_keyring_of_an_older_version_is_counted_when_it_is_opened(premises: Premises) -> None:
    """It gets its name then, and keeps it."""
    with premises.memory() as memory:
        memory.run(memory.rooms.keyring.destroy, ADA, ["x.1", "x.2"], tombstone=True, at=memory.now())
        memory.run(_note, memory, memory.run(memory.rooms.keyring.checkpoint))
    with premises.storage() as storage:
        storage.thread.submit(_forget, storage.keyring_engine, installation).result()
        storage.thread.submit(_forget, storage.engine, keyring_seen).result()

    with premises.storage() as storage:
        first = storage.thread.submit(storage.keyring.checkpoint).result()
    with premises.storage() as storage:
        again = storage.thread.submit(storage.keyring.checkpoint).result()

    assert first == again
    assert first.tombstones == 2


def _forget(engine: sa.Engine, table: sa.Table) -> None:
    with engine.begin() as connection:
        connection.execute(sa.delete(table))


def test_the_data_notes_how_far_its_keyring_came(premises: Premises) -> None:
    """In the transaction in which the rows of the erased person go; never a lower number than before."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
        began = _noted(memory)
        erasure = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="officer")
        memory.run(memory.store.finish_erasure, erasure)

        now = memory.run(memory.rooms.keyring.checkpoint)
        memory.run(_note, memory, began)

        assert began == Checkpoint(now.installation, 0)
        assert _noted(memory) == now
        assert now.tombstones > 0


def _noted(memory: Memory) -> Checkpoint:
    [row] = memory.rooms.rows(keyring_seen)
    return Checkpoint(str(row["installation"]), int(str(row["tombstones"])))


def _note(memory: Memory, checkpoint: Checkpoint) -> None:
    with memory.rooms.engine.begin() as connection:
        checkpoints.note(connection, checkpoint)


def test_data_that_no_process_has_opened_is_bound_to_nothing(
    data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """Its erasures go on; the first start binds it."""
    with remembering(data_url, keyring_url, tmp_path) as memory:
        visitor = Visitor(memory)
        visitor.sends()
        erasure = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="officer")
        memory.run(memory.store.finish_erasure, erasure)

        assert memory.rooms.rows(keyring_seen) == []


def test_a_start_without_the_keyring_makes_no_new_one(premises: Premises) -> None:
    """A lost keyring, or a wrong address: the data would be closed for ever under a new one."""
    with premises.storage():
        pass
    premises.lose_keyring()

    refusals = [premises.terminal.refusal("db", "current") for _ in range(2)]

    assert all("restore --keyring DIR" in refusal for refusal in refusals)


def test_another_installations_keyring_is_refused(premises: Premises) -> None:
    """The line says whose it is and whose the data is."""
    with premises.storage():
        pass
    mine = premises.data_url
    premises.lose_data()
    premises.lose_keyring()
    with premises.storage():
        pass
    premises.data_url = mine

    assert "is of installation" in premises.terminal.refusal("db", "current")


def test_a_new_database_is_no_place_for_a_keyring_with_people(premises: Premises) -> None:
    """Where the data is lost, nothing is served before a backup is put back: its keys would be swept as orphans."""
    with premises.memory() as memory:
        Visitor(memory).opens()
    premises.lose_data()

    assert "restore DIR" in premises.terminal.refusal("db", "upgrade")


def test_a_keyring_without_people_may_get_a_new_database(premises: Premises) -> None:
    """Nothing is lost: a colleague is added anew."""
    with premises.storage() as storage:
        storage.thread.submit(storage.staff.add, "li@example.com", "sales", premises.clock()).result()
    premises.lose_data()

    with premises.storage() as storage:
        assert storage.thread.submit(storage.staff.colleagues).result() == []


def test_the_anchor_never_goes_back(tmp_path: Path) -> None:
    """It knows every installation that was seen, and the highest number of each."""
    anchor = Anchor(tmp_path / "var" / "checkpoint.json")
    assert anchor.read(ONE) is None

    for name, number in ((ONE, 3), (OTHER, 0), (ONE, 2)):
        anchor.note(Checkpoint(name, number))

    assert anchor.read(ONE) == Checkpoint(ONE, 3)
    assert anchor.read(OTHER) == Checkpoint(OTHER, 0)
    assert (tmp_path / "var" / "checkpoint.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["checkpoint.json"]


def test_without_an_anchor_nothing_is_noted_outside(data_url: str, keyring_url: str, tmp_path: Path) -> None:
    """Whoever opens the storage by itself may leave it out."""
    storage = Storage.open(data_url, keyring_url, f"file:{tmp_path}/keys/kek.json", shipped().rules)
    try:
        storage.thread.submit(storage.note_checkpoint).result()
    finally:
        storage.close()

    assert list(tmp_path.rglob(ANCHOR)) == []


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"format": "another", "tombstones": {}})])
def test_a_damaged_anchor_is_refused(tmp_path: Path, content: str) -> None:
    """Else whoever damages it could bring an old keyring."""
    path = tmp_path / "checkpoint.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(KeyringRefused, match="then remove it"):
        Anchor(path).read(ONE)


def test_an_anchor_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """One line with the variable to look at."""
    (tmp_path / "var").write_text("no folder", encoding="utf-8")

    with pytest.raises(KeyringRefused, match="ASKFIRST_VAR"):
        Anchor(tmp_path / "var" / "checkpoint.json").note(Checkpoint(ONE, 1))
