"""Several processes on one keyring: whoever is first, nobody comes back and no key is lost (S24)."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from storage.connecting import StorageThread, data_engine, is_async
from storage.errors import SubjectErased
from storage.keyring_tables import keep_out, tombstones
from storage.keys.kek_file import FileProvider
from storage.keys.keyring import Keyring
from storage.keys.sealing import DataKey, seal, unseal
from tests.keyrings import ADA, NONCE, NOW, PLACE, PROFILE, Process, processes
from tests.rooms import Clock

on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@pytest.fixture
def begin_process(tmp_path: Path, empty_url: str) -> Iterator[Callable[[], Process]]:
    """Return what starts one more process on the same keyring."""
    with processes(empty_url, tmp_path) as begin:
        yield begin


@pytest.fixture
def process(begin_process: Callable[[], Process]) -> Process:
    """The only process, or the first of several."""
    return begin_process()


def test_processes_that_start_together_share_one_keyring(begin_process: Callable[[], Process]) -> None:
    """A new keyring gets one epoch and one signing key for each use, whoever comes first."""
    with_start: list[Process] = []
    threads = [threading.Thread(target=lambda: with_start.append(begin_process())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    macs = [process.run(process.keyring.macs, "email", "ada@example.com") for process in with_start]

    assert len(macs) == 4
    assert all(mac == macs[0] for mac in macs)
    assert len(with_start[0].run(with_start[0].keyring.public_keys)) == 2


def test_other_processes_forget_within_a_minute(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """A warm cache does not keep a destroyed key longer than 60 s, however often it is used."""
    process.run(process.keyring.create, [PROFILE])
    second = begin_process()
    names = [PROFILE]
    assert second.run(second.keyring.keys, names)
    process.run(process.keyring.destroy, ADA, None, tombstone=True, at=NOW)

    process.clock.tick(seconds=59)
    assert second.run(second.keyring.keys, names, fresh=True) == {}
    assert second.run(second.keyring.keys, names)
    process.clock.tick(seconds=1)
    assert second.run(second.keyring.keys, names) == {}


def test_erasing_waits_for_a_key_that_is_being_made(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """The race of two connections: whatever the order, no key stands beside its tombstone (S24)."""
    eraser = begin_process()
    erasing: list[Future[tuple[str, ...]]] = []

    def erase_meanwhile() -> None:
        erasing.append(eraser.submit(eraser.keyring.destroy, ADA, None, tombstone=True, at=NOW))
        with pytest.raises(StillWaiting):
            erasing[0].result(0.3)  # seconds; without the lock it takes a few milliseconds

    process.interruption = erase_meanwhile
    process.run(process.keyring.create, [PROFILE])

    assert erasing[0].result(30) == ("profile.1",)
    assert process.run(process.keyring.keys, [PROFILE], fresh=True) == {}


def test_making_a_key_waits_for_an_erasure(process: Process, begin_process: Callable[[], Process]) -> None:
    """The other order: who comes second finds the tombstone, although it was not there when they began."""
    eraser = begin_process()
    making: list[Future[object]] = []

    def erase_slowly() -> None:
        with eraser.engine.begin() as connection:
            keep_out(connection, others=True)
            making.append(process.submit(process.keyring.create, [PROFILE]))
            with pytest.raises(StillWaiting):
                making[0].result(0.3)  # seconds
            connection.execute(insert(tombstones).values(subject=ADA, scope="*", at=NOW))

    eraser.run(erase_slowly)

    with pytest.raises(SubjectErased):
        making[0].result(30)


@on_postgresql
def test_two_processes_that_make_one_key_get_the_same(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """The second insert gives way, and its process works with the first one's key."""
    second = begin_process()
    theirs: list[DataKey] = []

    def make_meanwhile() -> None:
        theirs.append(second.run(second.keyring.create, [PROFILE])[PROFILE])

    process.interruption = make_meanwhile
    ours = process.run(process.keyring.create, [PROFILE])[PROFILE]

    assert unseal({1: ours}, PLACE, seal(theirs[0], PLACE, b"Ada", NONCE)) == b"Ada"


def test_who_waits_for_the_provider_at_the_start_keeps_nobody_waiting(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """While a provider takes its time to open what another process needs, this one makes and destroys keys."""
    second = begin_process()

    def meanwhile() -> None:
        process.submit(process.keyring.create, [PROFILE]).result(3)
        process.submit(process.keyring.destroy, ADA, ["profile.1"], tombstone=False, at=NOW).result(3)

    second.provider.meanwhile = meanwhile
    second.run(second.keyring.open)

    assert process.run(process.keyring.keys, [PROFILE]) == {}
    assert len(second.provider.opened) > 3  # it was asked again


@contextmanager
def mixed(data_url: str, keyring_url: str, folder: Path) -> Iterator[tuple[StorageThread, Engine, Keyring]]:
    """A desk whose two databases may be of different kinds, in one thread."""
    thread = StorageThread("storage", greenlets=is_async(data_url) or is_async(keyring_url))
    data, keys = data_engine(data_url), data_engine(keyring_url)
    keyring = Keyring(
        keys, FileProvider(folder / "keys" / "kek.json", os.urandom), clock=Clock(), random=os.urandom
    )
    thread.submit(keyring.open).result(30)
    yield thread, data, keyring
    for engine in (data, keys):
        thread.submit(engine.dispose).result(30)
    thread.close()


@on_postgresql
@pytest.mark.parametrize(
    "kinds", ["data on PostgreSQL", "keyring on PostgreSQL", "both on PostgreSQL", "one database"]
)
def test_data_and_keyring_may_live_in_different_databases(
    kinds: str, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    """A key is made and used inside a data transaction, whichever database holds which."""
    data_url = keyring_url = f"sqlite:///{tmp_path}/kept.db"
    if kinds != "keyring on PostgreSQL":
        data_url = new_database("desk")
    if kinds != "data on PostgreSQL":
        keyring_url = data_url if kinds == "one database" else new_database("keyring")

    with mixed(data_url, keyring_url, tmp_path) as (thread, data, keyring):

        def turn() -> bytes:
            with data.begin() as connection:
                connection.execute(text("CREATE TABLE kept (number INTEGER)"))
                keys = keyring.create([PROFILE])
                connection.execute(text("INSERT INTO kept VALUES (1)"))
                envelope = seal(keys[PROFILE], PLACE, b"Ada", NONCE)
            return unseal(keyring.keys([PROFILE], fresh=True)[PROFILE], PLACE, envelope)

        assert thread.submit(turn).result(30) == b"Ada"
