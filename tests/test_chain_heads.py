"""Checking the heads of the audit: missing, moved, forged; and those that lie off the host (L9)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage.audit_tables import AUDIT_TABLES, audit_chained, audit_heads, audit_sent
from storage.audit_tables import audit as rows
from storage.evidence import chain_check, proofs
from storage.evidence.chain_check import TOLD_MAX
from storage.keyring_tables import tombstones
from tests.chaining import PERSON, Audit, auditing, three_batches
from tests.rooms import bare_rooms

BEE = rows.c.writer == "bee"


@pytest.fixture
def audit(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Audit]:
    """An audit of nine rows in three batches, whole."""
    with auditing(data_url, keyring_url, tmp_path) as opened:
        three_batches(opened)
        yield opened


def _head(number: int) -> Any:
    return audit_heads.c.number == number


def _with_body(number: int, body: str) -> sa.Update:
    return audit_heads.update().where(_head(number)).values(body=body)


def _signed(audit: Audit, kind: str, document: dict[str, Any]) -> str:
    return proofs.canonical(audit.rooms.run(proofs.signed, audit.rooms.keyring, kind, document)).decode()


def test_a_cut_end_is_found(audit: Audit) -> None:
    """Heads without the newest, with its rows or without them; the notes of the chainer remember more."""
    newest = audit_heads.delete().where(_head(3))
    its_rows = rows.delete().where(BEE & (rows.c.number > 2))
    missing = "after batch 2: heads are missing, rows of writer bee were chained up to 4"

    assert audit.faults_after(newest) == [missing]
    assert audit.faults_after(newest, its_rows) == [missing]


def test_a_cut_end_shows_by_what_was_sent(audit: Audit) -> None:
    """Where the chainer's notes were cut too, the sender's still tell what went off the host."""
    audit.tamper(
        audit_sent.insert().values(sink="far", number=3, leased_until=audit.rooms.clock.now),
    )
    cut = [
        audit_heads.delete().where(_head(3)),
        rows.delete().where(BEE & (rows.c.number > 2)),
        audit_chained.update().where(audit_chained.c.writer == "bee").values(number=2),
    ]

    assert audit.faults_after(*cut) == ["after batch 2: heads are missing, those up to 3 went off this host"]


def test_heads_kept_elsewhere_show_what_the_host_cannot(audit: Audit) -> None:
    """With everything cut back to batch 2 the host looks whole by itself; the head that lies elsewhere tells (L9)."""
    kept = [f"{head.body}\n" for head in audit.heads()]
    cut = [
        audit_heads.delete().where(_head(3)),
        rows.delete().where(BEE & (rows.c.number > 2)),
        audit_chained.update().where(audit_chained.c.writer == "bee").values(number=2),
    ]

    assert audit.faults_after(*cut) == []
    assert audit.faults_after(*cut, kept=kept) == ["line 3 of the heads: batch 3 is missing here"]
    emptied = audit.faults_after(*(table.delete() for table in AUDIT_TABLES), kept=kept)
    assert emptied == [f"line {n} of the heads: batch {n} is missing here" for n in (1, 2, 3)]
    report = audit.check(*kept)
    assert (report.faults, report.heads_checked) == ([], 3)


def test_a_rewritten_end_is_found_by_heads_kept_elsewhere(audit: Audit) -> None:
    """Even by somebody with the desk's own keys, who had the chainer sign another end."""
    kept = [f"{head.body}\n" for head in audit.heads()]
    audit.tamper(
        audit_heads.delete().where(_head(3)),
        rows.delete().where(BEE & (rows.c.number > 2)),
        audit_chained.update().where(audit_chained.c.writer == "bee").values(number=2),
    )
    audit.note("bee", 2, actor="staff:2")
    audit.append(audit.another_chain())

    assert audit.check().faults == []
    assert audit.check(*kept).faults == ["line 3 of the heads: batch 3 has another head here"]


def test_a_missing_head_is_found(audit: Audit) -> None:
    """The first, or one between: named, and that the next does not follow."""
    first = audit.faults_after(audit_heads.delete().where(_head(1)))
    second = audit.faults_after(audit_heads.delete().where(_head(2)))

    assert first[:2] == ["batch 1: its head is missing", "batch 2: it does not follow the batch before it"]
    assert second[:2] == ["batch 2: its head is missing", "batch 3: it does not follow the batch before it"]


def test_heads_in_another_order_are_found(audit: Audit) -> None:
    """Each says its own number under its signature."""
    _, second, third = audit.heads()

    faults = audit.faults_after(_with_body(2, third.body), _with_body(3, second.body))

    assert "batch 2: the head of batch 3 stands in its place" in faults
    assert "batch 3: the head of batch 2 stands in its place" in faults


def test_a_batch_that_comes_twice_is_found(audit: Audit) -> None:
    """A head that is put in again under the next number has rows which are chained already."""
    third = audit.heads()[2]
    again = audit_heads.insert().values(number=4, at=audit.rooms.clock.now, body=third.body)

    faults = audit.faults_after(again)

    assert faults[0] == "batch 4: the head of batch 3 stands in its place"
    assert "batch 4: it has rows 3–4 of writer bee again, after 4" in faults


def test_a_forged_head_is_found(audit: Audit, new_database: Any, tmp_path: Path) -> None:
    """Changed, unsigned, signed by another desk, by a key for other proofs, or no head at all."""
    document = audit.heads()[1].document
    bare = {name: value for name, value in document.items() if name not in ("kid", "signature")}
    with bare_rooms(new_database("other"), new_database("other-keys"), tmp_path / "other") as elsewhere:
        foreign = elsewhere.run(proofs.signed, elsewhere.keyring, proofs.HEAD, bare)
    evidence, _ = audit.rooms.run(audit.rooms.keyring.sign, "evidence", "test", b"")
    told = {
        "the signature does not hold": proofs.canonical({**document, "rows": 1}).decode(),
        "it is not signed": proofs.canonical(bare).decode(),
        f"the key {foreign['kid']} is not among the published ones": proofs.canonical(foreign).decode(),
        f"the key {evidence} does not sign such proofs": _signed(audit, proofs.RECEIPT, bare),
        "it is no head": json.dumps(document),
    }
    told["the signature does not hold: it was changed"] = proofs.canonical(
        {**document, "signature": audit.heads()[0].document["signature"]}
    ).decode()

    for fault, body in told.items():
        [found] = audit.faults_after(_with_body(2, body))
        assert found.startswith(f"batch 2: {fault}"), found
        assert found.endswith("nothing after it can be checked")
    for nonsense in ("", "{", "[]", '{"format":"askfirst-receipt-1"}'):
        assert audit.faults_after(_with_body(2, nonsense)) == [
            "batch 2: it is no head; nothing after it can be checked"
        ]


def test_a_signed_head_with_wrong_counts_is_found(audit: Audit) -> None:
    """A chainer that signs nonsense is no better than a stranger: totals, tombstones, places are computed anew."""
    document = {
        name: one for name, one in audit.heads()[2].document.items() if name not in ("kid", "signature")
    }
    wrong: dict[str, dict[str, Any]] = {
        "it counts 10 rows in all, there are 9": {"total": 10},
        "it has rows 3–4 of writer ant again, after 5": {
            "ranges": [{"writer": "ant", "first": 3, "last": 4}],
        },
        "it has rows 7–8 of writer ant too late, after 5": {
            "ranges": [{"writer": "ant", "first": 7, "last": 8}],
        },
    }
    for fault, change in wrong.items():
        body = _signed(audit, proofs.HEAD, {**document, **change})
        assert f"batch 3: {fault}" in audit.faults_after(_with_body(3, body))
    second = {
        name: one for name, one in audit.heads()[1].document.items() if name not in ("kid", "signature")
    }
    more = _signed(audit, proofs.HEAD, {**second, "tombstones": 5})
    assert "batch 3: it counts 0 tombstones, an earlier one 5" in audit.faults_after(_with_body(2, more))


def test_notes_that_were_set_back_are_found(audit: Audit) -> None:
    """Else the chainer would chain rows a second time."""
    back = audit_chained.update().where(audit_chained.c.writer == "ant").values(number=3)

    assert audit.faults_after(back) == ["writer ant: rows from 4 on would be chained again, they are up to 5"]


def test_an_old_keyring_is_found(audit: Audit) -> None:
    """S24: a keyring from before an erasure has fewer tombstones than the newest head counts."""
    audit.rooms.run(
        audit.rooms.keyring.destroy, PERSON, ["profile.1"], tombstone=True, at=audit.rooms.clock.now
    )
    audit.note("ant")
    audit.append()
    assert audit.check().faults == []

    engine = audit.rooms.keyring.engine  # the keyring itself never takes a tombstone away

    def forget() -> None:
        with engine.begin() as connection:
            connection.execute(tombstones.delete())

    audit.rooms.run(forget)

    assert audit.check().faults == ["batch 4: it counts 1 tombstones, the keyring has 0: an old keyring"]


def test_a_file_of_heads_is_read_as_it_was_written(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that came twice, one that a power cut tore and that came again, and a torn end are no faults."""
    monkeypatch.setattr(chain_check, "PAGE", 2)
    first, second, third = (head.body for head in audit.heads())

    report = audit.check(
        f"{first}\n", f"{first}\n", f"{second[:40]}\n", f"{second}\n", f"{third}\n", first[:9]
    )

    assert report.faults == []
    assert report.heads_checked == 3


def test_a_file_of_heads_may_start_late_and_end_early(audit: Audit) -> None:
    """A sink that was set up later, or lags, shows what it has."""
    _, second, _ = (head.body for head in audit.heads())

    report = audit.check(second)

    assert (report.faults, report.heads_checked) == ([], 1)


def test_a_forged_line_among_heads_kept_elsewhere_is_found(audit: Audit) -> None:
    """What is no head, what was changed, and numbers that no head can have."""
    first, second, _ = audit.heads()
    forged = proofs.canonical({**second.document, "rows": 1}).decode()
    far = proofs.canonical({**second.document, "batch": 2**63}).decode()
    word = proofs.canonical({**second.document, "batch": "2"}).decode()

    faults = audit.check(*(f"{line}\n" for line in (first.body, "no head", forged, far, word))).faults

    assert faults[0] == "line 2 of the heads: it is no head"
    assert [fault.partition(": ")[0] for fault in faults] == [f"line {n} of the heads" for n in (2, 3, 4, 5)]
    assert all("the signature does not hold" in fault for fault in faults[1:])


def test_a_check_stops_telling_after_enough(audit: Audit) -> None:
    """Whoever broke it in a thousand places is told of the first ones."""
    missing = _with_body(3, audit.heads()[2].body).values(number=1_000)

    assert len(audit.faults_after(missing)) == TOLD_MAX
