"""Writers of the audit count for themselves: what is cut behind their backs leaves a gap (L9)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa

from storage.audit_tables import audit as rows
from storage.evidence.audit import Entry, Writer, write
from storage.evidence.chainer import Chain
from tests.chaining import PERSON, Audit, auditing
from tests.remembering import Memory, Visitor


@pytest.fixture
def audit(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Audit]:
    """An empty audit."""
    with auditing(data_url, keyring_url, tmp_path) as opened:
        yield opened


def _notes(audit: Audit, writer: Writer, count: int = 1, *, gives_up: bool = False) -> None:
    entry = Entry(at=audit.rooms.clock.now, actor="staff:1", action="opened", subject=PERSON)

    def noting() -> None:
        with audit.rooms.engine.connect() as connection:
            write(connection, writer, [entry] * count)
            if not gives_up:
                connection.commit()

    audit.rooms.run(noting)


def _numbers(audit: Audit) -> list[object]:
    return [row["number"] for row in audit.rooms.rows(rows)]


@pytest.mark.parametrize("cut", [1, 3], ids=["the newest", "all"])
def test_a_cut_tail_is_found_before_it_was_chained(audit: Audit, cut: int) -> None:
    """L9: rows that go within the minute, before the chainer came, are missed by whoever wrote them."""
    writer = Writer("ant")
    _notes(audit, writer, 3)
    audit.tamper(rows.delete().where(rows.c.number > 3 - cut))

    _notes(audit, writer)

    [fault] = audit.check().faults
    assert fault.startswith("writer ant: a row is missing after")
    audit.append()
    assert len(audit.check().faults) == 1


def test_each_writer_counts_its_own_rows(audit: Audit) -> None:
    """L9: what another process wrote meanwhile leaves no gap."""
    ant, bee = Writer("ant"), Writer("bee")

    for writer in (ant, bee, ant, bee):
        _notes(audit, writer)

    numbered = [(row["writer"], row["number"]) for row in audit.rooms.rows(rows)]
    assert sorted(numbered) == [("ant", 1), ("ant", 2), ("bee", 1), ("bee", 2)]


def test_what_was_rolled_back_leaves_no_gap(audit: Audit) -> None:
    """A number that was drawn for nothing is drawn again."""
    writer = Writer("ant")
    _notes(audit, writer)
    _notes(audit, writer, 5, gives_up=True)

    _notes(audit, writer)

    assert _numbers(audit) == [1, 2]


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_commit_that_fails_leaves_no_gap(
    audit: Audit, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """The rows of that transaction were never there, however often it wrote."""
    writer, dialect = Writer("ant"), audit.rooms.engine.dialect
    _notes(audit, writer)

    def fail(connection: object) -> NoReturn:
        raise OSError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(dialect, "do_commit", fail)
        with pytest.raises(OSError, match="full"):
            _commits(audit, writer, writes)
    _commits(audit, writer, writes)

    assert _numbers(audit) == list(range(1, writes + 2))


def _commits(audit: Audit, writer: Writer, writes: int) -> None:
    entry = Entry(at=audit.rooms.clock.now, actor="staff:1", action="opened", subject=PERSON)

    def noting() -> None:
        with audit.rooms.engine.begin() as connection:
            for _ in range(writes):
                write(connection, writer, [entry])

    audit.rooms.run(noting)


def test_a_cut_look_at_a_detail_is_found(memory: Memory) -> None:
    """S11: a colleague opens a detail, and the line that says so is deleted at once: the next line tells of it."""
    visitor = Visitor(memory)
    visitor.sends()
    memory.run(memory.store.open_fields, visitor.subject, ["phone"], purpose="contact", actor="staff:1")
    newest = sa.select(sa.func.max(rows.c.number)).scalar_subquery()

    def cut() -> None:
        with memory.rooms.engine.begin() as connection:
            connection.execute(rows.delete().where(rows.c.number == newest))

    memory.run(cut)
    memory.run(memory.store.open_fields, visitor.subject, ["email"], purpose="contact", actor="staff:1")

    [fault] = Audit(memory.rooms, Chain(memory.rooms.engine, memory.rooms.keyring)).check().faults
    assert "a row is missing after" in fault
