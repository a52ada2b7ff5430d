"""`kill -9` between any two steps of an erasure, and a turn that races it: the person, or the part, is gone (S24)."""

from __future__ import annotations

import itertools
import os
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from intake.events import AskedToForget, Corrected, Event, Picked, Said, Visited
from storage.errors import NotFound, SubjectErased
from storage.keyring_tables import scope_keys, tombstones
from storage.records import TurnFailed
from storage.tables import fields, leads, messages, metadata, subjects
from tests.killing import PATIENCE, Place, begun, forked, killed_at
from tests.remembering import Memory, Visitor, done
from tests.rotating import keyring_rows

ENOUGH = 40  # moments; an erasure has about ten
TOLD = (("browser", "Canary Browser"), ("pages", "/canary"))
ASKS: dict[str, Event] = {
    "all": AskedToForget("all"),
    "lead": AskedToForget("lead"),
    "visit": AskedToForget("visit"),
    "draft": Picked("review:cancel"),
}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Have the server that forks our processes read the program once."""
    forked.set_forkserver_preload(["tests.test_erasure_killed"])


@pytest.fixture
def place(memory: Memory, data_url: str, keyring_url: str, tmp_path: Path) -> Place:
    """Where the other processes work."""
    return Place(data_url, keyring_url, tmp_path, memory.now())


def _same(memory: Memory, subject: str, conversation: str) -> Visitor:
    """Return a visitor of the other process in this one; what they say next is something new."""
    memory.numbers = itertools.count(os.getpid() * 1_000_000)
    visitor = Visitor(memory)
    visitor.subject, visitor.conversation = subject, conversation
    return visitor


def erase(memory: Memory, subject: str, conversation: str, scope: str) -> None:
    """Ask for an erasure and carry it out."""
    visitor = _same(memory, subject, conversation)
    asked = done(memory.store.turns([visitor.turn(ASKS[scope])], memory.engine)[0])
    memory.store.finish_erasure(asked.erasure)


def chatter(memory: Memory, subject: str, conversation: str) -> None:
    """Say one thing after the other, correct the phone, and send, until there is nobody to say it any more."""
    visitor = _same(memory, subject, conversation)
    for number in itertools.count():
        time.sleep(0.002)  # seconds; who writes without a breath starves others on SQLite
        phone = ("phone", f"+86 138 0000 {number % 10_000:04}")
        said = Said("canary-words") if number % 2 else Corrected((phone,))
        [result] = memory.store.turns([visitor.turn(said)], memory.engine)
        if isinstance(result, TurnFailed):
            assert isinstance(result.error, SubjectErased | NotFound), result.error
            return


def _there(memory: Memory, scope: str) -> Visitor:
    visitor = Visitor(memory)
    if scope == "draft":
        visitor.reviews("visit")
    else:
        visitor.sends("visit")
    visitor.does(Visited(TOLD))
    return visitor


def _is_gone(memory: Memory, visitor: Visitor, scope: str) -> None:
    """Everything under a tombstone is gone, in both databases; where a part went, the rest is there and goes on."""
    mine = [row["scope"] for row in keyring_rows(memory, tombstones) if row["subject"] == visitor.subject]
    keys = {row["scope"] for row in keyring_rows(memory, scope_keys) if row["subject"] == visitor.subject}
    assert mine
    assert not keys & set(mine)
    assert memory.run(memory.store.unfinished_erasures) == []
    if scope == "all":
        assert "*" in mine
        assert not keys
        for table in metadata.sorted_tables:
            if "subject" in table.c and table.name not in ("audit", "sessions"):
                assert memory.count(table, subject=visitor.subject) == 0, table.name
        with pytest.raises(SubjectErased):
            visitor.says("Is anybody there?")
        return
    sealed = [*memory.rooms.rows(fields), *memory.rooms.rows(leads)]
    sealed += [row for row in memory.rooms.rows(messages) if row["sealed_body"] is not None]
    assert not [row for row in sealed if row["subject"] == visitor.subject and row["scope"] in mine]
    assert memory.count(subjects, subject=visitor.subject, status="live") == 1
    assert visitor.says("And now?").ack


@pytest.mark.parametrize(
    ("database_kind", "scope"),
    [*(("sqlite", scope) for scope in ASKS), ("postgresql", "all")],
    indirect=["database_kind"],
)
def test_a_kill_between_any_two_steps_ends_with_the_erasure_done(
    memory: Memory, place: Place, scope: str
) -> None:
    """S24: from before the first commit to after the last; what had begun is finished, what had not is whole."""
    unfinished = 0
    for moment in range(1, ENOUGH):
        killed, left = _killed_and_finished(memory, place, scope, moment)
        unfinished += left
        if not killed:
            break
    assert unfinished >= 4  # between the first and the last commit of the four steps
    assert not killed


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_part_whose_erasure_was_killed_is_finished_on_postgresql_too(memory: Memory, place: Place) -> None:
    """S24: at a moment each, one after the other: between marking, keys, rows and certificate."""
    for scope, moment in (("lead", 3), ("visit", 4), ("draft", 5)):
        assert _killed_and_finished(memory, place, scope, moment) == (True, 1), scope


def _killed_and_finished(memory: Memory, place: Place, scope: str, moment: int) -> tuple[bool, int]:
    """Kill an erasure at a moment, then finish it; return whether it was killed, and how many were left unfinished."""
    visitor = _there(memory, scope)

    killed = killed_at(moment, place, erase, visitor.subject, visitor.conversation, scope)

    left = memory.run(memory.store.unfinished_erasures)
    for one in left:
        assert memory.run(memory.store.finish_erasure, one)["scope"] == scope
    if any(row["subject"] == visitor.subject for row in keyring_rows(memory, tombstones)):
        _is_gone(memory, visitor, scope)
    else:
        assert memory.run(memory.store.transcript, visitor.conversation, 0).messages[-1].body is not None
    return killed, len(left)


@pytest.mark.parametrize(("scope", "moment"), [("all", ENOUGH), ("lead", ENOUGH), ("all", 4)])
def test_a_turn_that_races_an_erasure_brings_nothing_back(
    memory: Memory, place: Place, scope: str, moment: int
) -> None:
    """S24: another process talks on and makes keys while the erasure runs, or dies half way and is resumed."""
    visitor = _there(memory, scope)
    talking = begun(place, chatter, visitor.subject, visitor.conversation)
    try:
        _listens(memory, visitor, talking)
        killed_at(moment, place, erase, visitor.subject, visitor.conversation, scope)
        for one in memory.run(memory.store.unfinished_erasures):
            memory.run(memory.store.finish_erasure, one)
        if scope == "all":
            talking.join(PATIENCE)
            assert talking.exitcode == 0
        else:
            _listens(memory, visitor, talking)  # to what is said after the part is gone
    finally:
        talking.kill()
        talking.join(PATIENCE)

    _is_gone(memory, visitor, scope)


def _listens(memory: Memory, visitor: Visitor, talking: BaseProcess) -> None:
    """Return when something new was said."""
    before = memory.run(memory.store.transcript, visitor.conversation, 0).last
    while memory.run(memory.store.transcript, visitor.conversation, 0).last < before + 4:
        assert talking.is_alive()
        time.sleep(0.01)  # seconds; leaves the databases to those who race
