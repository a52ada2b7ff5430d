"""The chainer: rows in unbroken runs, heads in one line, one chainer at a time, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.audit_tables import audit as audit_rows
from storage.audit_tables import audit_chained, audit_heads
from storage.connecting import StorageThread, data_engine, is_async
from storage.evidence import chainer
from storage.evidence.chainer import Chain
from tests.chaining import Audit, auditing, three_batches


@pytest.fixture
def audit(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Audit]:
    """An empty audit."""
    with auditing(data_url, keyring_url, tmp_path) as opened:
        yield opened


def test_rows_are_chained_once_in_unbroken_runs(audit: Audit) -> None:
    """Each head names the runs of its writers and goes on where the one before ended."""
    three_batches(audit)

    documents = [head.document for head in audit.heads()]

    assert [document["batch"] for document in documents] == [1, 2, 3]
    assert [
        [(one["writer"], one["first"], one["last"]) for one in document["ranges"]] for document in documents
    ] == [[("ant", 1, 3), ("bee", 1, 2)], [("ant", 4, 5)], [("bee", 3, 4)]]
    assert [(document["rows"], document["total"]) for document in documents] == [(5, 5), (2, 7), (2, 9)]
    assert audit.append() == []


def test_each_head_names_the_one_before(audit: Audit) -> None:
    """By the hash of its whole signed text; the first names none."""
    three_batches(audit)

    first, second, third = audit.heads()

    assert first.document["previous"] == ""
    assert (second.document["previous"], third.document["previous"]) == (first.sha256, second.sha256)


def test_a_batch_is_short(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many rows, so many writers, and the next batch takes the rest: turns in the same thread do not wait long."""
    monkeypatch.setattr(chainer, "ROWS_MAX", 4)
    monkeypatch.setattr(chainer, "RUNS_MAX", 2)
    audit.note("ant", 6)
    for writer in ("bee", "cat", "dog"):
        audit.note(writer)

    sizes = audit.append()

    assert sizes == [4, 3, 2]
    assert audit.check().faults == []
    assert audit.check().rows == 9


def test_a_batch_ends_where_it_is_full(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that just fits leaves nothing behind."""
    monkeypatch.setattr(chainer, "ROWS_MAX", 3)
    audit.note("ant", 3)
    audit.note("bee", 1)

    assert audit.append() == [3, 1]


def test_rows_behind_a_gap_are_not_chained(audit: Audit) -> None:
    """A missing row cannot be hashed; what was before it is chained, what comes after waits, other writers go on."""
    audit.note("ant", 5)
    audit.note("bee", 1)
    audit.tamper(audit_rows.delete().where(audit_rows.c.writer == "ant", audit_rows.c.number == 3))

    sizes = audit.append()

    assert sizes == [3]
    assert {(row["writer"], row["number"]) for row in audit.rooms.rows(audit_chained)} == {
        ("ant", 2),
        ("bee", 1),
    }
    assert audit.append() == []


def test_of_two_chainers_one_takes_the_next_number(audit: Audit) -> None:
    """A second worker that chains while the first one hashes makes the first one stop; no row is chained twice."""
    audit.note("ant", 3)
    other = audit.another_chain()
    slow = audit.another_chain(lambda: other.append(audit.rooms.clock.now))

    assert audit.append(slow) == []
    assert [head.number for head in audit.heads()] == [1]

    audit.note("ant", 2)
    assert audit.append(slow) == [2]
    assert audit.check().faults == []


def test_a_worker_that_slept_appends_nothing_of_what_it_knew(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two batches of a backlog another worker chained it all, and more came: the sleeper reads anew."""
    monkeypatch.setattr(chainer, "ROWS_MAX", 2)
    audit.note("ant", 6)
    assert audit.rooms.run(audit.chain.append, audit.rooms.clock.now) == 2
    audit.append(audit.another_chain())
    audit.note("ant", 1)

    assert audit.rooms.run(audit.chain.append, audit.rooms.clock.now) == 0
    assert audit.append() == [1]

    assert audit.check().faults == []
    assert audit.check().rows == 7


def test_writers_do_not_wait_for_the_chainer(audit: Audit) -> None:
    """While a batch is hashed and signed, rows are appended: no lock is held, and they come with the next batch."""
    audit.note("ant", 3)
    slow = audit.another_chain(lambda: audit.noting("bee", 2))

    assert audit.append(slow) == [3, 2]
    assert audit.check().faults == []


def test_a_chainer_that_dies_before_its_write_leaves_nothing(audit: Audit) -> None:
    """What it had hashed is chained by the next one, once; the one that failed can go on as well."""

    def die() -> None:
        raise OSError("killed")

    audit.note("ant", 3)
    dying = audit.another_chain(die)
    with pytest.raises(OSError, match="killed"):
        audit.append(dying)
    assert audit.heads() == []

    audit.note("ant", 1)
    assert audit.append() == [4]
    assert audit.append(dying) == []
    assert audit.check().faults == []


def test_two_workers_and_a_writer_at_once_make_one_chain(
    audit: Audit, data_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In threads of their own, as processes would: every row is chained once, and the whole chain holds."""
    monkeypatch.setattr(chainer, "ROWS_MAX", 3)

    def work() -> int:
        thread = StorageThread("second", greenlets=is_async(data_url))
        engine = data_engine(data_url)
        chain = Chain(engine, audit.rooms.keyring)
        total, idle = 0, 0
        while idle < 20:
            count = thread.submit(chain.append, audit.rooms.clock.now).result()
            total, idle = total + count, 0 if count else idle + 1
        thread.submit(engine.dispose).result()
        thread.close()
        return total

    def note() -> None:
        for _ in range(15):
            audit.note("ant", 2)

    audit.note("ant", 3)
    monkeypatch.setattr(audit.rooms.keyring, "tombstones", lambda: 0)  # the keyring's thread is the writer's
    with ThreadPoolExecutor() as pool:
        writing, chaining = pool.submit(note), [pool.submit(work) for _ in range(2)]
        writing.result()
        total = sum(one.result() for one in chaining)
    total += sum(audit.append())

    assert total == 33
    report = audit.check()
    assert (report.faults, report.rows, report.waiting) == ([], 33, 0)
    assert len(audit.rooms.rows(audit_heads)) == report.batches


def test_a_head_counts_tombstones(audit: Audit) -> None:
    """So a keyring from before an erasure can be told from the right one."""
    audit.note("ant")
    audit.append()
    audit.rooms.run(
        audit.rooms.keyring.destroy, "a" * 32, ["profile.1"], tombstone=True, at=audit.rooms.clock.now
    )
    audit.rooms.clock.tick(minutes=1)
    audit.note("ant")
    audit.append()

    assert [head.document["tombstones"] for head in audit.heads()] == [0, 1]
