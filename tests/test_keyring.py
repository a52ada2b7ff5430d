"""The keyring: keys are made once, die for good, and are never where the data is (S10, S24)."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update

from storage.connecting import StorageThread, data_engine
from storage.errors import CannotUnseal, KekRefused, SchemaTooNew, SubjectErased
from storage.keyring_tables import epochs, keyring_schema, scope_keys, tombstones
from storage.keys.keyring import Keyring
from storage.keys.sealing import seal, unseal
from tests.keyrings import ADA, BEN, NONCE, NOW, PLACE, PROFILE, Process, processes
from tests.servers import PostgreSQL

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def begin_process(tmp_path: Path, empty_url: str) -> Iterator[Callable[[], Process]]:
    """Return what starts one more process on the same keyring."""
    with processes(empty_url, tmp_path) as begin:
        yield begin


@pytest.fixture
def process(begin_process: Callable[[], Process]) -> Process:
    """The only process, or the first of several."""
    return begin_process()


@pytest.fixture
def keyring(process: Process) -> Keyring:
    """The keyring of the first process; its calls go through `process.run`."""
    return process.keyring


def test_a_key_is_made_once(process: Process, keyring: Keyring) -> None:
    """Creating again returns the same key, other names get their own, and an empty list asks nothing."""
    first = process.run(keyring.create, [PROFILE, (BEN, "profile.1"), PROFILE])
    again = process.run(keyring.create, [PROFILE, (ADA, "chat")])
    envelope = seal(first[PROFILE], PLACE, b"Ada", NONCE)

    assert set(first) == {PROFILE, (BEN, "profile.1")}
    assert unseal({1: again[PROFILE]}, PLACE, envelope) == b"Ada"
    for other in (first[BEN, "profile.1"], again[ADA, "chat"]):
        with pytest.raises(CannotUnseal):
            unseal({1: other}, PLACE, envelope)
    assert process.run(keyring.create, []) == {}
    assert process.run(keyring.keys, []) == {}


def test_a_second_process_opens_what_the_first_has_sealed(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """Keys live in the database; who has none is absent."""
    key = process.run(process.keyring.create, [PROFILE])[PROFILE]
    envelope = seal(key, PLACE, b"Ada", NONCE)
    second = begin_process()

    found = second.run(second.keyring.keys, [PROFILE, (ADA, "chat"), (BEN, "profile.1")])

    assert set(found) == {PROFILE}
    assert unseal(found[PROFILE], PLACE, envelope) == b"Ada"


def test_a_destroyed_key_is_gone(process: Process, keyring: Keyring) -> None:
    """The scope that is named goes, in this process at once; the person's others and other people's stay."""
    process.run(keyring.create, [PROFILE, (ADA, "c1.x"), (BEN, "profile.1")])

    destroyed = process.run(keyring.destroy, ADA, ["profile.1", "c9.x"], tombstone=False, at=NOW)

    assert destroyed == ("profile.1",)
    names = [PROFILE, (ADA, "c1.x"), (BEN, "profile.1")]
    assert set(process.run(keyring.keys, names)) == {(ADA, "c1.x"), (BEN, "profile.1")}


def test_an_erased_scope_does_not_come_back(process: Process, keyring: Keyring) -> None:
    """Its tombstone bars that scope, not the person; nobody else's key is made either in the refused call."""
    process.run(keyring.create, [(ADA, "c1.x")])
    process.run(keyring.destroy, ADA, ["c1.x"], tombstone=True, at=NOW)

    with pytest.raises(SubjectErased, match=f"c1.x of subject {ADA} was erased"):
        process.run(keyring.create, [(BEN, "profile.1"), (ADA, "c1.x")])

    assert process.run(keyring.keys, [(BEN, "profile.1"), (ADA, "c1.x")]) == {}
    assert process.run(keyring.create, [(ADA, "c2.x")])


def test_an_erased_person_does_not_come_back(process: Process, keyring: Keyring) -> None:
    """Nothing of theirs can be made again, not even under a name that never was (S24)."""
    process.run(keyring.create, [PROFILE, (ADA, "chat")])

    assert process.run(keyring.destroy, ADA, None, tombstone=True, at=NOW) == ("chat", "profile.1")

    for scope in ("profile.1", "chat", "c7.x"):
        with pytest.raises(SubjectErased):
            process.run(keyring.create, [(ADA, scope)])


def test_an_erasure_can_be_resumed(process: Process, keyring: Keyring) -> None:
    """Doing it again destroys nothing new and returns the same, and the first tombstone keeps its time."""
    process.run(keyring.create, [PROFILE, (ADA, "c1.x")])
    for _ in range(2):
        scoped = process.run(keyring.destroy, ADA, ["c1.x"], tombstone=True, at=process.clock.tick(days=1))
        assert scoped == ("c1.x",)
    for _ in range(2):
        whole = process.run(keyring.destroy, ADA, None, tombstone=True, at=process.clock.tick(days=1))
        assert whole == ("c1.x", "profile.1")

    def stones() -> dict[str, datetime]:
        with process.engine.begin() as connection:
            return {row.scope: row.at for row in connection.execute(select(tombstones))}

    assert process.run(stones) == {
        "c1.x": NOW + timedelta(days=1),
        "*": NOW + timedelta(days=3),
        "profile.1": NOW + timedelta(days=3),
    }


def test_what_expires_leaves_no_tombstone(process: Process, keyring: Keyring) -> None:
    """A draft that nobody finished is shredded without barring the person; with no scope nothing happens."""
    process.run(keyring.create, [(ADA, "s1.x")])

    assert process.run(keyring.destroy, ADA, None, tombstone=False, at=NOW) == ("s1.x",)
    assert process.run(keyring.destroy, ADA, [], tombstone=True, at=NOW) == ()

    assert process.run(keyring.create, [(ADA, "s1.x")])


def test_keys_from_memory_are_counted(process: Process, keyring: Keyring) -> None:
    """The metric counts what did not have to be read again."""
    process.run(keyring.create, [PROFILE])

    process.run(keyring.keys, [PROFILE, (BEN, "profile.1")])
    process.run(keyring.keys, [PROFILE], fresh=True)

    assert keyring.cache_hits == 1


def test_orphans_are_found_settled_or_discarded(process: Process, keyring: Keyring) -> None:
    """A key without data is a candidate until somebody has looked, oldest first, the younger ones not yet."""
    process.run(keyring.create, [PROFILE])
    process.clock.tick(minutes=30)
    process.run(keyring.create, [(BEN, "s1.x")])
    process.clock.tick(minutes=31)
    process.run(keyring.create, [(BEN, "chat")])
    found = process.run(keyring.orphans, process.clock.now)

    assert found == [(ADA, "profile.1", 1), (BEN, "s1.x", 1)]
    assert process.run(keyring.orphans, process.clock.now - timedelta(hours=1)) == found[:1]

    process.run(keyring.settle, found[:1])
    process.run(keyring.discard, found[1:])
    process.run(keyring.discard, [])
    assert process.run(keyring.orphans, process.clock.now) == []
    left = process.run(keyring.keys, [PROFILE, (BEN, "s1.x")])
    assert set(left) == {PROFILE}


def test_a_wrapped_key_cannot_be_moved(process: Process, keyring: Keyring) -> None:
    """A wrap that is copied to another person's row does not open there."""
    process.run(keyring.create, [PROFILE, (BEN, "profile.1")])
    of_ada = select(scope_keys.c.wrapped).where(scope_keys.c.subject == ADA).scalar_subquery()
    process.change(update(scope_keys).where(scope_keys.c.subject == BEN).values(wrapped=of_ada))

    with pytest.raises(CannotUnseal, match="damaged or moved"):
        process.run(keyring.keys, [(BEN, "profile.1")], fresh=True)


def test_a_lost_kek_is_said_at_the_start(
    process: Process, begin_process: Callable[[], Process], tmp_path: Path
) -> None:
    """The desk does not start with a new key over a keyring that the old one wraps."""
    (tmp_path / "keys" / "kek.json").unlink()

    with pytest.raises(KekRefused, match="put it back from its safe copy"):
        begin_process()


def test_a_keyring_of_a_newer_version_is_refused(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """An older program does not write into tables that it does not know."""
    process.change(update(keyring_schema).values(version=99))

    with pytest.raises(SchemaTooNew, match="the keyring has schema 99"):
        begin_process()


def test_ready_says_whether_the_keyring_answers(process: Process, keyring: Keyring) -> None:
    """Open: yes. Without an epoch or without its tables: no."""
    assert process.run(keyring.ready) is True

    process.change(delete(epochs))
    assert process.run(keyring.ready) is False
    process.change(text("DROP TABLE epochs"))
    assert process.run(keyring.ready) is False


def test_a_keyring_that_cannot_be_reached_is_not_ready(process: Process, free_port: int) -> None:
    """A server that is down is an answer, not an error."""
    engine = data_engine(f"postgresql://desk@127.0.0.1:{free_port}/keyring")
    thread = StorageThread("storage", greenlets=True)
    unreachable = Keyring(engine, process.provider, clock=process.clock, random=os.urandom)

    assert thread.submit(unreachable.ready).result(30) is False
    thread.close()


def test_a_keyring_that_refuses_its_connections_is_not_ready(
    process: Process, postgresql: PostgreSQL
) -> None:
    """The driver's own fault (no such database, too many connections) is an answer too."""
    engine = data_engine(postgresql.url("nobody-made-this"))
    thread = StorageThread("storage", greenlets=True)
    refused = Keyring(engine, process.provider, clock=process.clock, random=os.urandom)

    assert thread.submit(refused.ready).result(30) is False
    thread.close()


@on_sqlite
def test_a_destroyed_key_leaves_no_byte_in_the_files(
    process: Process, keyring: Keyring, tmp_path: Path
) -> None:
    """Row and log are overwritten once the log was scrubbed (S10)."""
    process.run(keyring.create, [PROFILE])

    def wrapped() -> bytes:
        with process.engine.begin() as connection:
            return bytes(connection.scalars(select(scope_keys.c.wrapped)).one())

    doomed = process.run(wrapped)
    process.run(keyring.destroy, ADA, None, tombstone=True, at=NOW)

    assert process.run(keyring.scrub) is True
    assert not any(doomed in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
