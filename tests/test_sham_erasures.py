"""What a database claims of an erasure, or of an epoch: it has happened, or no certificate says so."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from storage.errors import NotDestroyed
from storage.evidence import certificates
from storage.keyring_tables import addenda, epochs, retired_keks, scope_keys
from storage.keyring_tables import certificates as certificate_rows
from storage.people import erasure
from storage.tables import erasures, fields, messages, outbox, subjects
from tests.remembering import Memory, Visitor
from tests.rotating import changes_data, changes_keyring, keyring_rows, moves, retires, rotates

SHAM = "5" * 32
REPORT = {"destroyed": ["messages", "fields", "person"], "recipients": [], "copies": []}


def _claims(memory: Memory, visitor: Visitor, scope: str, scopes: str, step: int = 3) -> None:
    row: dict[str, object] = {
        "subject": visitor.subject,
        "id": SHAM,
        "scope": scope,
        "scopes": scopes,
        "reference": "",
    }
    row |= {"reason": "asked", "task": "", "sealed_task": b"", "report": orjson.dumps(REPORT).decode()}
    changes_data(memory, sa.insert(erasures).values(**row, step=step, at=memory.now()))


def _keys(memory: Memory, visitor: Visitor) -> set[str]:
    rows = keyring_rows(memory, scope_keys)
    return {row["scope"] for row in rows if row["subject"] == visitor.subject}


def _keeps_what_is_deleted(memory: Memory, engine: sa.Engine, table: sa.Table) -> None:
    if engine.dialect.name == "sqlite":
        act = "BEGIN SELECT RAISE(IGNORE); END"
    else:
        act = "FOR EACH ROW EXECUTE FUNCTION keeps()"
        body = "CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        memory.run(_changes, engine, body)
    memory.run(_changes, engine, f"CREATE TRIGGER keeper BEFORE DELETE ON {table.name} {act}")


def _lets_go(memory: Memory, engine: sa.Engine, table: sa.Table) -> None:
    of_table = "" if engine.dialect.name == "sqlite" else f" ON {table.name}"
    memory.run(_changes, engine, f"DROP TRIGGER keeper{of_table}")


def _changes(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize("scopes", ["", "nothing"])
def test_a_planted_erasure_is_certified_only_when_it_has_happened(memory: Memory, scopes: str) -> None:
    """S24: a row claims that everything of somebody is gone who is there: it is made true before it is signed."""
    visitor, other = Visitor(memory), Visitor(memory)
    visitor.sends()
    other.sends()
    _claims(memory, visitor, "all", scopes)

    memory.run(memory.store.sweep, memory.now())

    certificate = memory.run(memory.store.certificate, SHAM)
    assert {"keys", "person", "consents"} <= set(certificate["destroyed"])
    assert _keys(memory, visitor) == set()
    assert (
        memory.count(subjects, subject=visitor.subject) == memory.count(fields, subject=visitor.subject) == 0
    )
    assert other.says("hm").last


def test_who_asked_is_erased_whatever_the_data_says_of_it(memory: Memory) -> None:
    """S24, L8: a trigger says that all is done and the person lives; recipients are told once, and all goes."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")
    changes_data(memory, sa.update(erasures).values(step=3, report=orjson.dumps(REPORT).decode()))
    changes_data(memory, sa.update(subjects).values(status="live"))

    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    assert _keys(memory, visitor) == set()
    assert memory.count(messages) == memory.count(subjects) == 0
    assert certificate["recipients"] == ["crm"]
    assert memory.count(outbox, kind="person.erased") == 1


def test_no_certificate_says_that_a_part_is_gone_whose_rows_stand(memory: Memory) -> None:
    """S24: nobody took these details away, so nothing is signed, and the erasure shows as unfinished."""
    visitor, other = Visitor(memory), Visitor(memory)
    visitor.sends()
    other.sends()
    asked = other.deletes("all")
    _claims(memory, visitor, "draft", "profile.1")

    with pytest.raises(NotDestroyed, match=f"erasure {SHAM}: rows stand still in fields"):
        memory.run(memory.store.sweep, memory.now())

    assert memory.run(memory.store.certificate, SHAM) is None
    assert memory.run(memory.store.unfinished_erasures) == [SHAM]
    assert memory.run(memory.store.certificate, asked.erasure)


def test_rows_that_the_database_keeps_are_not_called_gone(memory: Memory) -> None:
    """S24: neither signed nor told to recipients; once they can be deleted the next sweep does all of it."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")
    _keeps_what_is_deleted(memory, memory.rooms.engine, fields)

    for _ in range(2):
        with pytest.raises(NotDestroyed):
            memory.run(memory.store.finish_erasure, asked.erasure)

    assert memory.run(memory.store.certificate, asked.erasure) is None
    assert memory.count(outbox, kind="person.erased") == 0
    _lets_go(memory, memory.rooms.engine, fields)
    memory.run(memory.store.sweep, memory.now())
    assert memory.run(memory.store.certificate, asked.erasure)["recipients"] == ["crm"]


def test_keys_that_the_database_keeps_are_not_called_gone(memory: Memory) -> None:
    """S24: a trigger of the keyring swallows the deletion: nothing is signed, no tombstone says that they are gone."""
    visitor = Visitor(memory)
    visitor.sends()
    asked = visitor.deletes("all")
    keyring = memory.rooms.keyring
    _keeps_what_is_deleted(memory, keyring.engine, scope_keys)

    with pytest.raises(NotDestroyed):
        memory.run(memory.store.finish_erasure, asked.erasure)

    assert keyring_rows(memory, certificate_rows) == []
    assert memory.run(keyring.tombstones) == 0
    _lets_go(memory, keyring.engine, scope_keys)
    memory.run(memory.store.sweep, memory.now())
    assert memory.run(memory.store.certificate, asked.erasure)
    assert _keys(memory, visitor) == set()


def test_keys_that_come_back_before_the_signature_are_seen(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S24: the keys are looked for where the certificate is signed, in one transaction."""
    visitor = Visitor(memory)
    visitor.sends()
    asked = visitor.deletes("all")
    kept = keyring_rows(memory, scope_keys)
    whole = erasure._delete_rows

    def with_keys_back(*given: Any) -> Any:
        with memory.rooms.keyring.engine.begin() as connection:
            connection.execute(sa.insert(scope_keys), kept)
        return whole(*given)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(erasure, "_delete_rows", with_keys_back)
        with pytest.raises(NotDestroyed):
            memory.run(memory.store.finish_erasure, asked.erasure)
    assert keyring_rows(memory, certificate_rows) == []

    assert memory.run(memory.store.finish_erasure, asked.erasure)
    assert _keys(memory, visitor) == set()


@pytest.mark.parametrize("scopes", [None, ["profile.1"], ["profile.1", "chat"]])
def test_nothing_is_signed_without_tombstones(memory: Memory, scopes: list[str] | None) -> None:
    """S24: a key that is only missing could be put back; one tombstone for everything serves for each part."""
    nobody, keyring = "d" * 32, memory.rooms.keyring
    given = memory.store.means, SHAM, memory.now(), {"id": SHAM}
    memory.run(keyring.destroy, nobody, ["chat"], tombstone=True, at=memory.now())

    with pytest.raises(NotDestroyed):
        memory.run(certificates.certify, *given, subject=nobody, scopes=scopes)

    memory.run(keyring.destroy, nobody, None, tombstone=True, at=memory.now())
    memory.run(certificates.certify, *given, subject=nobody, scopes=scopes)
    assert memory.run(memory.store.certificate, SHAM)


def _erased(memory: Memory, visitor: Visitor) -> str:
    begun: str = visitor.deletes("all").erasure
    memory.run(memory.store.finish_erasure, begun)
    return begun


def _done(memory: Memory, certificate: str) -> str | None:
    done: str | None = memory.run(memory.store.certificate, certificate)["backups"]["done"]
    return done


@pytest.mark.parametrize("second", [False, True], ids=["live", "retired once, its secret put back"])
def test_done_is_not_signed_of_a_secret_that_stands(memory: Memory, *, second: bool) -> None:
    """S24: whoever writes to the keyring says that a live epoch's KEK is gone: its certificates stay due."""
    visitor = Visitor(memory)
    visitor.sends()
    certificate = _erased(memory, visitor)
    rotates(memory)
    moves(memory)
    claimed = {"epoch": 1, "gone_from": None, "gone_at": memory.now()}
    changes_keyring(memory, sa.insert(retired_keks).values(claimed))
    if second:
        changes_keyring(memory, sa.update(epochs).where(epochs.c.epoch == 1).values(retired_at=memory.now()))

    moves(memory)

    assert _done(memory, certificate) is None


def test_an_addendum_without_an_epoch_stops_no_other(memory: Memory) -> None:
    """A row of the keyring that names no epoch which ever was stays due; the others are signed."""
    visitor, other = Visitor(memory), Visitor(memory)
    visitor.sends()
    other.sends()
    spoiled, sound = _erased(memory, visitor), _erased(memory, other)
    none = sa.update(addenda).where(addenda.c.certificate == spoiled).values(through=0)
    changes_keyring(memory, none)
    rotates(memory)
    moves(memory)

    retires(memory, 1)

    assert _done(memory, spoiled) is None
    assert _done(memory, sound)
