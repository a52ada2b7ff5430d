"""`keys status|rotate|retire`: what an operator types, and what stands on the terminal then (S10, S24)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from bot.__main__ import main
from bot.commands.office import Office
from storage.errors import KekAway
from storage.keyring_tables import epochs
from storage.keys.epochs import EPOCH
from storage.keys.kek_file import FileProvider
from storage.sources import Sources
from storage.tables import audit
from tests.house import CONFIG
from tests.remembering import Memory, Visitor, remembering
from tests.rooms import Clock
from tests.rotating import kek_of, keyring_rows, moves, rotates, wrapping

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@dataclass
class Operator:
    """Somebody at a terminal; `clock` is the time there."""

    environment: dict[str, str]
    clock: Clock

    def types(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, output and errors of a command."""
        out, errors = io.StringIO(), io.StringIO()
        code = main(words, Office(self.environment, out, io.StringIO(), Sources(clock=self.clock)), errors)
        return code, out.getvalue(), errors.getvalue()

    def done(self, *words: str) -> str:
        """Return what a command printed that was carried out."""
        code, out, errors = self.types(*words)
        assert (code, errors) == (0, ""), errors
        return out

    def refused(self, *words: str) -> str:
        """Return the one line of a refusal."""
        code, _, errors = self.types(*words)
        assert (code, errors.count("\n")) == (1, 1)
        return errors


class Hurrying(Clock):
    """A clock that has moved on whenever somebody looks."""

    def __call__(self) -> datetime:
        """Return the time, half a minute later than last time."""
        return self.tick(seconds=30)


@pytest.fixture
def operator(data_url: str, keyring_url: str, tmp_path: Path) -> Operator:
    """An operator of a desk that nobody has talked to."""
    urls = {"DATABASE_URL": data_url, "KEYRING_URL": keyring_url}
    someone = Operator({"ASKFIRST_VAR": str(tmp_path), "ASKFIRST_CONFIG": str(CONFIG), **urls}, Clock())
    someone.done("db", "upgrade")
    return someone


@pytest.fixture
def memory(operator: Operator, data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """The same desk, with somebody in it."""
    with remembering(data_url, keyring_url, tmp_path, operator.clock) as made:
        Visitor(made).sends()
        yield made


def test_the_status_names_every_epoch_and_what_is_left(operator: Operator, memory: Memory) -> None:
    """For people and for programs: state, times, KEK, keys and look-ups, and what comes next."""
    first = operator.done("keys", "status")
    rotates(memory)
    half = operator.done("keys", "status")
    known = json.loads(operator.done("keys", "status", "--json"))
    moves(memory)
    whole = operator.done("keys", "status")

    began = "2026-11-23 09:00Z 2026-12-23 09:00Z"
    assert f"1  current  {began}" in first
    assert "wraps what is new" in first
    assert f"1  live     {began}" in half
    assert "3 keys and 2 look-ups to be moved" in half
    assert "can be retired: `askfirst keys retire 1`" in whole
    assert "certificates of erasure that wait until older epochs are retired: 0" in whole
    assert [one["state"] for one in known["epochs"]] == ["live", "current"]
    assert known["epochs"][0] == {
        "epoch": 1,
        "state": "live",
        "began_at": "2026-11-23T09:00:00+00:00",
        "ends_at": "2026-12-23T09:00:00+00:00",
        "retired_at": None,
        "kek": kek_of(memory, 1),
        "kek_gone_from": None,
        "kek_gone_at": None,
        "keys": 3,
        "lookups": 2,
        "keys_left": 3,
        "lookups_left": 2,
        "free_from": "2026-11-23T09:02:00+00:00",
    }
    assert known["certificates_due"] == 0


def test_the_status_says_from_when_an_epoch_can_be_retired(operator: Operator) -> None:
    """Not in the two minutes in which another process may still wrap by it."""
    operator.done("keys", "rotate")

    assert "can be retired from 2026-11-23 09:02Z on: `askfirst keys retire 1`" in operator.done(
        "keys", "status"
    )


def test_an_overdue_epoch_is_shown_with_the_remedy(operator: Operator) -> None:
    """On the day it ends."""
    operator.clock.tick(seconds=EPOCH.total_seconds())

    assert "1  overdue " in (told := operator.done("keys", "status"))
    assert "`askfirst keys rotate`" in told


def test_a_rotation_says_what_the_operator_does_next(operator: Operator, memory: Memory) -> None:
    """A new safe copy of the file first: without it the new epoch could be lost with the machine."""
    told = operator.done("keys", "rotate")

    assert "epoch 2 has begun and ends 2026-12-23 09:00Z" in told
    assert (
        f"make a new safe copy of the KEK file now, and put it on every host: {_kek_file(operator)}" in told
    )
    assert "the worker moves 3 keys and 2 look-ups" in told
    assert wrapping(memory) == {1}


def test_a_rotation_can_be_waited_for(operator: Operator, memory: Memory) -> None:
    """It helps the worker and shows the progress until nothing is left."""
    hurried = Operator(operator.environment, Hurrying())

    told = hurried.done("keys", "rotate", "--wait").splitlines()

    assert told[-1] == "to be moved: 0 keys and 0 look-ups"
    assert wrapping(memory) == {2}


def test_nothing_is_retired_that_nobody_attested(operator: Operator, memory: Memory) -> None:
    """Without a name it says what is to be attested, and leaves with 1."""
    rotates(memory)
    moves(memory)

    code, told, errors = operator.types("keys", "retire", "1")

    assert code == 1
    assert errors == "askfirst: epoch 1 is not retired: nobody has attested it (--attest NAME)\n"
    assert f"destroys its KEK {kek_of(memory, 1)}, for good" in told
    assert "Copies of the keyring from before 2026-11-23 09:00Z, when epoch 2 began, open nothing" in told
    assert "safe copies of the KEK file" in told
    assert [row["retired_at"] for row in keyring_rows(memory, epochs)] == [None, None]


def test_an_epoch_is_retired_and_its_certificates_are_done(operator: Operator, memory: Memory) -> None:
    """It says which backups are unreadable from now on; repeated, it says the same."""
    gone = Visitor(memory)
    gone.sends()
    begun = memory.run(memory.store.begin_erasure, gone.subject, memory.now(), reason="officer")
    memory.run(memory.store.finish_erasure, begun)
    rotates(memory)
    moves(memory)

    told = operator.done("keys", "retire", "1", "--attest", " Robin Operator ")
    again = operator.done("keys", "retire", "1")

    assert told.splitlines() == [
        "epoch 1 is retired; its KEK is gone for good",
        "Copies of the keyring from before 2026-11-23 09:00Z, when epoch 2 began, open nothing",
        "certificates of erasure: 1 are done, 0 are still due",
    ]
    assert again.splitlines()[:2] == told.splitlines()[:2]
    assert memory.run(memory.store.certificate, begun)["backups"]["done"]
    assert memory.count(audit, action="attested", actor="Robin Operator") == 1
    assert "gone 2026-11-23 09:03Z" in operator.done("keys", "status")


def test_a_kek_that_is_not_gone_yet_is_asked_for_again(
    operator: Operator, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider may keep it for days: the command says when to come back, the status too."""
    week = timedelta(days=7)
    monkeypatch.setattr(FileProvider, "destroy", lambda provider, kek: operator.clock.now + week)
    rotates(memory)
    moves(memory)

    told = operator.done("keys", "retire", "1", "--attest", "Robin")

    assert "gone for good from 2026-11-30 09:03Z on; then run `askfirst keys retire 1` once more" in told
    assert "gone from 2026-11-30 09:03Z on, then run `askfirst keys retire 1`" in operator.done(
        "keys", "status"
    )


def test_a_retirement_that_was_cut_off_is_finished(
    operator: Operator, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epoch is retired but its KEK was not destroyed: status and commands say so, and it goes on unattested."""
    rotates(memory)
    moves(memory)
    with monkeypatch.context() as away:
        away.setattr(FileProvider, "destroy", _away)
        assert "away" in operator.refused("keys", "retire", "1", "--attest", "Robin")
    assert "half retired, run `askfirst keys retire 1`" in operator.done("keys", "status")
    rotates(memory)
    moves(memory)

    _, asked, _ = operator.types("keys", "retire", "2")
    told = operator.done("keys", "retire", "2", "--attest", "Robin")
    finished = operator.done("keys", "retire", "1")

    for still in (asked, told):
        assert (
            "Copies of the keyring from before 2026-11-23 09:00Z, when epoch 1 began, open nothing" in still
        )
    assert "its KEK is gone for good" in finished
    assert "Copies of the keyring from before 2026-11-23 09:03Z, when epoch 3 began, open nothing" in finished


def _away(provider: FileProvider, kek: str) -> NoReturn:
    raise KekAway("the provider is away")


@on_sqlite
def test_what_cannot_be_retired_is_one_line(operator: Operator) -> None:
    """The newest epoch, and one that never was."""
    assert "epoch 1 is the newest" in operator.refused("keys", "retire", "1")
    assert "there is no epoch 7" in operator.refused("keys", "retire", "7")


@on_sqlite
@pytest.mark.parametrize("name", ["", "  ", "Robin\nOperator", "r" * 101])
def test_whoever_attests_has_a_name(operator: Operator, name: str) -> None:
    """A name on one line, that an auditor can read."""
    with pytest.raises(SystemExit) as left:
        operator.types("keys", "retire", "1", "--attest", name)

    assert left.value.code == 2


def _kek_file(operator: Operator) -> Path:
    return Path(operator.environment["ASKFIRST_VAR"]) / "keys" / "kek.json"
