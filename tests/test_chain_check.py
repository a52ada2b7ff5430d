"""Checking the audit: whatever is changed in it, cut from it, put into it or rearranged is found, and where (L9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage.audit_tables import audit as rows
from storage.audit_tables import audit_heads
from storage.evidence import chain_check
from storage.evidence.chain import Head
from tests.chaining import PERSON, Audit, auditing, three_batches

ANT, BEE = rows.c.writer == "ant", rows.c.writer == "bee"


@pytest.fixture
def audit(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Audit]:
    """An audit of nine rows in three batches, whole."""
    with auditing(data_url, keyring_url, tmp_path) as opened:
        three_batches(opened)
        yield opened


def test_a_whole_audit_passes(audit: Audit) -> None:
    """The report tells how much was checked, and the newest head; rows of the last minutes may still wait."""
    audit.note("ant", 2)

    report = audit.check()

    assert report.faults == []
    assert (report.rows, report.batches, report.waiting) == (9, 3, 2)
    assert report.newest == audit.heads()[-1].document


def test_an_empty_audit_passes(data_url: str, keyring_url: str, tmp_path: Path) -> None:
    """Nothing was noted, nothing is missing."""
    with auditing(data_url, keyring_url, tmp_path) as empty:
        report = empty.check()

    assert (report.faults, report.rows, report.newest) == ([], 0, None)


def test_a_changed_row_is_found_whichever_part_was_changed(audit: Audit) -> None:
    """Time, actor, action, person, purpose, names, policy, records: a changed one names its batch and its runs."""
    one = ANT & (rows.c.number == 2)
    changes: dict[str, Any] = {
        "at": audit.rooms.clock.now,
        "actor": "person",
        "action": "erased",
        "subject": "6" * 32,
        "purpose": "news",
        "fields": "phone",
        "policy": "2027-01",
        "records": "7" * 32,
    }
    for name, value in changes.items():
        assert audit.faults_after(rows.update().where(one).values({name: value})) == [
            "batch 1: a row was changed (writer ant rows 1–3, writer bee rows 1–2)"
        ], name
    assert set(changes) == {column.name for column in rows.c} - {"writer", "number"}
    assert audit.check().faults == []


def test_a_part_moved_into_its_neighbour_is_found(audit: Audit) -> None:
    """The parts are hashed each after its length: "opened" + "" is not "open" + "ed"."""
    change = rows.update().where(ANT & (rows.c.number == 5)).values(actor="staff:", action="1opened")

    assert audit.faults_after(change) == ["batch 2: a row was changed (writer ant rows 4–5)"]


def test_a_deleted_row_is_found(audit: Audit) -> None:
    """From the middle, from the beginning, from the very end: the first missing one is named."""
    for number, writer, fault in (
        (2, ANT, "batch 1: row 2 of writer ant is missing"),
        (1, BEE, "batch 1: row 1 of writer bee is missing"),
        (4, BEE, "batch 3: row 4 of writer bee is missing"),
    ):
        assert audit.faults_after(rows.delete().where(writer & (rows.c.number == number))) == [fault]


def test_rows_in_another_order_are_found(audit: Audit) -> None:
    """Two rows of one writer that change places, and rows that change to another writer."""
    swap = [
        rows.update().where(ANT & (rows.c.number == 2)).values(number=99, actor="staff:2"),
        rows.update().where(ANT & (rows.c.number == 3)).values(number=2),
        rows.update().where(ANT & (rows.c.number == 99)).values(number=3),
    ]
    other = rows.update().where(ANT & (rows.c.number == 5)).values(writer="bee", number=5)

    assert audit.faults_after(*swap) == [
        "batch 1: a row was changed (writer ant rows 1–3, writer bee rows 1–2)"
    ]
    assert audit.faults_after(other)[0] == "batch 2: row 5 of writer ant is missing"


def test_a_row_that_was_put_in_is_found(audit: Audit) -> None:
    """Before the first, and behind the last where it claims to be old; a number that is taken cannot be used twice."""
    old = {"at": audit.rooms.clock.now - timedelta(minutes=6), "actor": "staff:2", "action": "opened"}
    more = {"subject": PERSON, "purpose": "", "fields": "", "policy": "", "records": ""}
    before = rows.insert().values(writer="ant", number=0, **old, **more)
    behind = rows.insert().values(writer="ant", number=6, **old, **more)
    apart = rows.insert().values(writer="bee", number=6, **old, **more)

    assert audit.faults_after(before) == ["writer ant: row 0 was put in, numbers begin with 1"]
    assert audit.faults_after(behind) == ["writer ant: row 6 of 2026-11-23 08:57 UTC is not chained yet"]
    assert audit.faults_after(apart) == [
        "writer bee: a row is missing after 4, none of what follows is chained"
    ]
    with pytest.raises(sa.exc.IntegrityError):
        audit.tamper(rows.insert().values(writer="ant", number=5, **old, **more))


def test_a_row_that_waits_too_long_is_found(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes are allowed, for the chainer comes every minute; the oldest row of each writer is named."""
    monkeypatch.setattr(chain_check, "PAGE", 2)
    audit.note("ant", 5)
    audit.rooms.clock.tick(minutes=5)
    in_time = audit.check()
    audit.rooms.clock.tick(seconds=1)
    late = audit.check()

    assert (in_time.faults, in_time.waiting) == ([], 5)
    assert late.faults == ["writer ant: row 6 of 2026-11-23 09:03 UTC is not chained yet"]
    audit.append()
    assert audit.check().faults == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_row_that_cannot_be_read_is_a_fault(audit: Audit) -> None:
    """SQLite takes anything for a time; that is one line, not a traceback."""
    nonsense = sa.text("UPDATE audit SET at = 'yesterday' WHERE writer = 'ant' AND number = 1")

    waits = sa.text("UPDATE audit SET at = 'yesterday' WHERE writer = 'ant' AND number = 6")
    audit.note("ant")

    assert audit.faults_after(nonsense) == [
        "batch 1: a row cannot be read (writer ant rows 1–3, writer bee rows 1–2)"
    ]
    assert audit.faults_after(waits) == ["writer ant: a row from 6 on cannot be read"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_check_beside_a_busy_chainer_finds_nothing(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is noted and chained while it runs is no fault, wherever it is at that moment."""
    check = chain_check.Check(audit.rooms.engine, audit.rooms.keyring, audit.rooms.clock.now)
    other = audit.another_chain()
    signature = check._signature

    def meanwhile(document: Any) -> str:
        audit.noting("ant", 1)
        if len(audit_heads_now()) < 8:
            other.append(audit.rooms.clock.now)
        return signature(document)

    def audit_heads_now() -> list[Head]:
        with audit.rooms.engine.begin() as connection:
            return [
                Head(*row) for row in connection.execute(sa.select(audit_heads.c.number, audit_heads.c.body))
            ]

    monkeypatch.setattr(check, "_signature", meanwhile)

    report = audit.rooms.run(check.carry_out)

    assert report.faults == []
    assert report.batches == 8
