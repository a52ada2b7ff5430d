"""`kill -9` at every moment of a rotation, of the moving, of a retirement: nobody is lost, the next one finishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.errors import Conflict
from storage.keyring_tables import epochs
from storage.keys.epochs import name_of
from storage.keys.signatures import verify
from storage.rekeying import reindexing, renewal
from storage.rekeying.epoch_status import RETIRED
from storage.tables import audit
from tests.killing import Place, begun, forked, killed_at
from tests.remembering import DETAILS, Memory, Visitor, remembering
from tests.rotating import ROBIN, keyring_rows, moves, opened, retires, rotates, rotation_of, wrapping

ENOUGH = 60  # moments; all three together have about twenty
STEP = {"sqlite": 1, "postgresql": 4}  # every moment on the one, every fourth on the other: they crash alike


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Have the server that forks our processes read the program once."""
    forked.set_forkserver_preload(["tests.test_epochs_killed"])


def turn_over(memory: Memory) -> None:
    """Rotate, move everything in steps of one or two, retire what is older."""
    renewal.AT_ONCE, reindexing.LOOKED_AT, reindexing.WRITTEN = 4, 2, 1
    rotation, clock = rotation_of(memory), memory.rooms.clock
    number = rotation.rotate("command")
    clock.tick(minutes=3)
    while rotation.go_on():
        pass
    rotation.retire(number - 1, ROBIN)
    rotation.destroy_kek(number - 1)
    while rotation.go_on():
        pass


def rotate_once(memory: Memory) -> None:
    """Rotate, unless somebody else is just doing so."""
    try:
        rotation_of(memory).rotate("command")
    except Conflict:
        return


def _finish(memory: Memory) -> None:
    """Do what an operator and the worker do after the crash."""
    memory.run(memory.rooms.keyring.epochs.open)
    memory.later(minutes=3)
    moves(memory)
    for one in memory.run(rotation_of(memory).status).epochs[:-1]:
        if one.state != RETIRED or one.kek_gone_at is None:
            retires(memory, one.epoch)


@pytest.mark.parametrize("database_kind", STEP, indirect=True)
def test_a_kill_at_any_moment_loses_nobody(
    memory: Memory, data_url: str, keyring_url: str, tmp_path: Path, database_kind: str
) -> None:
    """Another process opens and finds everybody, proofs check, and whoever comes next finishes what was begun."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.sends()
    kid, signature = memory.run(memory.rooms.keyring.sign, "evidence", "receipt", b"{}")
    killed, moment = True, 1
    while killed and moment < ENOUGH:
        place = Place(data_url, keyring_url, tmp_path, memory.now())

        killed = killed_at(moment, place, turn_over)

        with remembering(data_url, keyring_url, tmp_path, memory.rooms.clock) as after:
            _is_whole(after, visitor)
            _claims_no_more_than_happened(after)
            assert after.run(after.rooms.keyring.sign, "evidence", "receipt", b"{}") == (kid, signature)
        _finish(memory)
        _is_whole(memory, visitor)
        _has_one_epoch(memory, tmp_path)
        moment += STEP[database_kind]
    assert not killed
    assert moment > 15
    assert verify(memory.run(memory.rooms.keyring.public_keys)[kid], "receipt", b"{}", signature)


def _is_whole(memory: Memory, visitor: Visitor) -> None:
    assert opened(memory, visitor) == DETAILS
    assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == [visitor.subject]
    assert memory.run(memory.store.telegram_conversation, 4711) == visitor.conversation


def _claims_no_more_than_happened(memory: Memory) -> None:
    """No line of the audit is about an epoch that never began."""
    begun = {name_of(row["epoch"]) for row in keyring_rows(memory, epochs)}
    assert {row["purpose"] for row in memory.rooms.rows(audit) if row["action"] == "rotated"} <= begun


def _has_one_epoch(memory: Memory, folder: Path) -> None:
    """Only the newest is left, in the keyring and at the provider; beside it at most one KEK that wraps nothing yet."""
    status = memory.run(rotation_of(memory).status)
    assert wrapping(memory) == {status.newest.epoch}
    assert {one.state for one in status.epochs[:-1]} <= {RETIRED}
    keks = {*json.loads((folder / "keys" / "kek.json").read_text())["keys"]}
    assert status.newest.kek in keks
    assert not keks & {one.kek for one in status.epochs[:-1]}
    assert len(keks) <= 2


def test_operators_who_rotate_at_once_begin_one_epoch_each_time(
    memory: Memory, data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """Two processes, really at once: whoever is second is told, nothing is lost, and both go on."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.sends()
    place = Place(data_url, keyring_url, tmp_path, memory.now())

    both = [begun(place, rotate_once) for _ in range(2)]
    for process in both:
        process.join(60)

    assert [process.exitcode for process in both] == [0, 0]
    numbers = sorted(row["epoch"] for row in keyring_rows(memory, epochs))
    assert numbers in ([1, 2], [1, 2, 3])  # one after the other, if they did not meet
    memory.run(memory.rooms.keyring.epochs.open)
    assert rotates(memory) == numbers[-1] + 1
    _finish(memory)
    _is_whole(memory, visitor)
