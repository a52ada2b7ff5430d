"""Erasure of a person: four steps, each resumed after a crash; what is gone is gone, what stays is named."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from intake.events import AskedToForget, Picked, Said
from storage.errors import Conflict, KeyLost, NotFound, SubjectErased
from storage.keys.signatures import verify
from storage.people import erasure
from storage.tables import (
    chats,
    consents,
    conversations,
    disclosures,
    fields,
    index_rows,
    leads,
    messages,
    metadata,
    outbox,
    sessions,
    subjects,
)
from tests.remembering import DETAILS, Memory, Visitor, done, failed

OWNED = (chats, consents, conversations, disclosures, fields, index_rows, leads, messages, subjects)


def test_forgetting_leaves_nothing(memory: Memory) -> None:
    """S24: every row and every key of the person is gone; the token's stub and ids remain."""
    visitor, other = Visitor(memory), Visitor(memory)
    visitor.sends()
    other.sends()

    asked = visitor.deletes("all")
    memory.run(memory.store.finish_erasure, asked.erasure)

    assert [table.name for table in OWNED if memory.count(table, subject=visitor.subject)] == []
    assert memory.count(leads, subject=other.subject) == 1
    assert (
        memory.run(memory.rooms.keyring.destroy, visitor.subject, None, tombstone=False, at=memory.now())
        == ()
    )
    stub = next(row for row in memory.rooms.rows(sessions) if row["subject"] == visitor.subject)
    assert (stub["erased_at"], stub["certificate"]) == (memory.now(), asked.erasure)
    assert (asked.scope, asked.ack) == ("all", asked.last)
    with pytest.raises(SubjectErased):
        memory.run(memory.store.transcript, visitor.conversation, 0)


def test_from_the_commit_on_nothing_is_read_or_written(memory: Memory) -> None:
    """Step 1 blocks everything, before a key is destroyed."""
    visitor = Visitor(memory)
    visitor.sends()

    visitor.deletes("all")

    store, subject = memory.store, visitor.subject
    blocked: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
        (store.transcript, (visitor.conversation, 0), {}),
        (store.record, (subject,), {"purpose": "own_view"}),
        (store.open_fields, (subject, ["phone"]), {"purpose": "contact", "actor": "staff:1"}),
        (store.receipts, (subject,), {}),
    ]
    for call, given, named in blocked:
        with pytest.raises(SubjectErased):
            memory.run(call, *given, **named)
    with pytest.raises(Conflict):
        memory.run(store.begin_erasure, subject, memory.now(), reason="officer")
    assert memory.run(store.find, "phone", DETAILS["phone"]) == []
    assert isinstance(failed(memory.turns(visitor.turn(Said("hm")))[0]), SubjectErased)
    session = memory.run(store.session, visitor.token_hash, memory.now())
    assert session.erased


def test_two_turns_of_somebody_who_goes_meet_the_erasure(memory: Memory) -> None:
    """A word that waits in the same group behind "delete all" is not kept."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says("delete")

    gone, after = memory.turns(visitor.turn(Picked("delete:all")), visitor.turn(Said("one more thing")))

    assert done(gone).erasure
    assert isinstance(failed(after), SubjectErased)


@pytest.mark.parametrize("crashes_after", [1, 2, 3, 4])
def test_an_erasure_is_resumed_from_where_it_stood(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, crashes_after: int
) -> None:
    """A crash after any step loses nothing: the rest is done once, with one certificate."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")
    parts = {1: "_destroy_keys", 2: "_delete_rows", 3: "_certify", 4: "truncate_wal"}
    with monkeypatch.context() as crash:
        crash.setattr(erasure, parts[crashes_after], _crash)
        with pytest.raises(KeyboardInterrupt):
            memory.run(memory.store.finish_erasure, asked.erasure)

    resumed = memory.run(memory.store.unfinished_erasures)
    certificates = [memory.run(memory.store.finish_erasure, asked.erasure) for _ in range(2)]

    assert resumed == ([asked.erasure] if crashes_after < 4 else [])
    assert certificates[0] == certificates[1]
    assert certificates[0]["recipients"] == ["crm"]
    assert memory.count(outbox, kind="person.erased") == 1
    assert memory.run(memory.store.unfinished_erasures) == []


def _crash(*given: Any) -> None:
    raise KeyboardInterrupt


def test_two_workers_finish_an_erasure_once(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second finds the step done, or the erasure finished."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")
    whole = erasure._destroy_keys

    def slow(means: Any, row: Any) -> None:
        whole(means, row)
        monkeypatch.setattr(erasure, "_destroy_keys", whole)
        erasure.finish(means, row.id)

    monkeypatch.setattr(erasure, "_destroy_keys", slow)

    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    assert certificate["recipients"] == ["crm"]
    assert memory.count(outbox, kind="person.erased") == 1


def test_a_step_that_another_worker_did_is_not_done_again(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read the erasure at step 1; the rows go once, both certify the same."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")
    certify = erasure._certify
    monkeypatch.setattr(erasure, "_certify", lambda means, row: None)
    destroy = erasure._destroy_keys

    def slow(means: Any, row: Any) -> None:
        destroy(means, row)
        monkeypatch.setattr(erasure, "_destroy_keys", destroy)
        with pytest.raises(NotFound):
            erasure.finish(means, row.id)
        monkeypatch.setattr(erasure, "_certify", certify)

    monkeypatch.setattr(erasure, "_destroy_keys", slow)

    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    assert certificate["recipients"] == ["crm"]
    assert memory.count(outbox, kind="person.erased") == 1


def test_a_slow_finisher_takes_nothing_back(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process did steps 2 and 3 while this one destroyed the keys: step 3 is not repeated (S24)."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")
    destroy, certify = memory.rooms.keyring.destroy, erasure._certify

    def slow(*given: Any, **named: Any) -> Any:
        gone = destroy(*given, **named)
        monkeypatch.setattr(memory.rooms.keyring, "destroy", destroy)
        monkeypatch.setattr(erasure, "_certify", _crash)
        with pytest.raises(KeyboardInterrupt):
            erasure.finish(memory.store.means, asked.erasure)
        monkeypatch.setattr(erasure, "_certify", certify)
        return gone

    monkeypatch.setattr(memory.rooms.keyring, "destroy", slow)

    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    assert certificate["recipients"] == ["crm"]
    assert memory.count(outbox, kind="person.erased") == 1


def test_a_certificate_can_be_checked_and_names_nobody(memory: Memory) -> None:
    """Signed, complete as the contract says, without an id of the person or of anything theirs."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")

    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    plain = {name: value for name, value in certificate.items() if name not in ("kid", "signature")}
    public = memory.run(memory.rooms.keyring.public_keys)[certificate["kid"]]
    signature = base64.urlsafe_b64decode(certificate["signature"] + "==")
    assert verify(public, "certificate", orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), signature)
    assert set(plain) == {"id", "at", "scope", "destroyed", "remaining", "recipients", "backups"}
    assert {"keys", "fields", "messages", "consents", "lead"} <= set(certificate["destroyed"])
    assert "copies at recipients" in [one["what"] for one in certificate["remaining"]]
    assert certificate["backups"]["done"] is None
    text = orjson.dumps(certificate).decode()
    assert not any(
        secret in text for secret in (visitor.subject, visitor.conversation, reference, *DETAILS.values())
    )
    assert memory.run(memory.store.certificate, asked.erasure) == certificate


def test_an_unknown_erasure_is_not_found(memory: Memory) -> None:
    """Neither an erasure nor a certificate has this id."""
    assert memory.run(memory.store.certificate, "0" * 32) is None
    with pytest.raises(NotFound):
        memory.run(memory.store.finish_erasure, "0" * 32)


def test_an_old_copy_cannot_be_opened(memory: Memory) -> None:
    """Rows put back from an old copy stay shut: the keyring knows no key any more."""
    visitor = Visitor(memory)
    visitor.sends()
    copies = {table: memory.rooms.rows(table) for table in metadata.tables.values()}
    asked = visitor.does(AskedToForget("all"))
    memory.run(memory.store.finish_erasure, asked.erasure)

    memory.run(_put_back, memory, {table: copies[table] for table in OWNED})

    with pytest.raises(KeyLost):
        memory.run(memory.store.transcript, visitor.conversation, 0)
    with pytest.raises(KeyLost):
        memory.run(memory.store.record, visitor.subject, purpose="own_view")


def _put_back(memory: Memory, copies: dict[sa.Table, list[dict[str, object]]]) -> None:
    with memory.rooms.engine.begin() as connection:
        for table, rows in copies.items():
            if rows:
                connection.execute(sa.insert(table), rows)
