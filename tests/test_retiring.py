"""Retirement: an epoch dies when nothing depends on it, and takes old copies of the keyring with it (S24)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from storage.errors import EpochNeeded, KekRefused, KeyLost, NotFound
from storage.evidence import certificates
from storage.keyring_tables import addenda as addenda_rows
from storage.keyring_tables import epochs, retired_keks, scope_keys, signing_keys
from storage.keys.epochs import EPOCH
from storage.keys.kek import Provider, Wrapped
from storage.keys.signatures import verify
from storage.means import stamp
from storage.rekeying import retiring
from storage.tables import audit, index_rows
from tests.keyrings import ADA
from tests.remembering import DETAILS, Memory, Visitor
from tests.rotating import (
    ROBIN,
    changes_keyring,
    kek_of,
    keyring_rows,
    moves,
    retires,
    rotates,
    rotation_of,
)


@dataclass
class Waiting:
    """A provider that keeps what is to be destroyed for a week, as AWS does; its keys are those of a file."""

    inner: Provider
    clock: Any
    delay: timedelta = timedelta(days=7)
    doomed: dict[str, datetime] = field(default_factory=dict)

    def wrap(self, name: str, secret: bytes) -> Wrapped:
        """Wrap a secret."""
        return self.inner.wrap(name, secret)

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Open a secret, unless its KEK is to be destroyed."""
        if wrapped.kek in self.doomed:
            raise KekRefused("pending deletion")
        return self.inner.unwrap(name, wrapped)

    def renew(self) -> str:
        """Make a KEK."""
        return self.inner.renew()

    def destroy(self, kek: str) -> datetime | None:
        """Destroy a KEK when its week is over."""
        gone_from = self.doomed.setdefault(kek, self.clock() + self.delay)
        return gone_from if self.clock() < gone_from else None


def _erased(memory: Memory, visitor: Visitor) -> str:
    begun = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="officer")
    memory.run(memory.store.finish_erasure, begun)
    return str(begun)


def _backups(memory: Memory, certificate: str) -> dict[str, str | None]:
    backups: dict[str, str | None] = memory.run(memory.store.certificate, certificate)["backups"]
    return backups


def test_an_epoch_is_retired_once_everything_has_moved(memory: Memory) -> None:
    """S10: its secret, its look-ups and its KEK are gone; people are found and opened as before."""
    visitor = Visitor(memory)
    visitor.sends()
    old = kek_of(memory, 1)
    rotates(memory)
    moves(memory)

    assert retires(memory, 1) is None

    first = next(row for row in keyring_rows(memory, epochs) if row["epoch"] == 1)
    assert (first["retired_at"], first["wrapped"]) == (memory.now(), b"")
    assert {row["epoch"] for row in memory.rooms.rows(index_rows)} == {2}
    assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == [visitor.subject]
    assert old not in Path(memory.rooms.keyring.provider._path).read_text()  # type: ignore[attr-defined]  # the file's
    with pytest.raises(KeyLost, match="epoch 1 is retired"):
        memory.run(memory.rooms.keyring.epochs.get, 1)
    states = [(one.epoch, one.state) for one in memory.run(rotation_of(memory).status).epochs]
    assert states == [(1, "retired"), (2, "current")]


def test_an_epoch_that_is_needed_is_not_retired(memory: Memory) -> None:
    """The newest, one that wraps keys or finds people alone, one whose successor is not known everywhere yet."""
    Visitor(memory).sends()
    rotation = rotation_of(memory)
    with pytest.raises(EpochNeeded, match="epoch 1 is the newest"):
        memory.run(rotation.retire, 1, ROBIN)
    with pytest.raises(NotFound, match="there is no epoch 2"):
        memory.run(rotation.retire, 2, ROBIN)

    rotates(memory)
    with pytest.raises(EpochNeeded, match="keys are wrapped by it, 2 look-ups found only by it"):
        memory.run(rotation.retire, 1, ROBIN)

    moves(memory)
    memory.rooms.clock.tick(minutes=-2)
    with pytest.raises(EpochNeeded, match=r"the epoch after it has only just begun.*in 2 minutes"):
        memory.run(rotation.retire, 1, ROBIN)
    assert [row["retired_at"] for row in keyring_rows(memory, epochs)] == [None, None]


def test_a_key_that_comes_at_the_last_moment_saves_the_epoch(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and retiring another process may wrap a key by it: retirement looks once more, alone."""
    rotates(memory)
    looked = retiring.retirable

    def then_a_key_comes(*given: Any) -> Any:
        found = looked(*given)
        row = {"subject": ADA, "scope": "chat", "version": 1, "epoch": 1, "wrapped": b"w"}
        with memory.rooms.keyring.engine.begin() as connection:
            more = {"created_at": memory.now(), "settled": True}
            connection.execute(sa.insert(scope_keys).values(**row, **more))
        return found

    monkeypatch.setattr(retiring, "retirable", then_a_key_comes)
    with pytest.raises(EpochNeeded, match="a key has just been wrapped by epoch 1"):
        memory.run(rotation_of(memory).retire, 1, ROBIN)
    assert [row["retired_at"] for row in keyring_rows(memory, epochs)] == [None, None]


@pytest.mark.parametrize("what", ["signing key", "another epoch"])
def test_a_kek_that_wraps_something_else_saves_the_epoch(memory: Memory, what: str) -> None:
    """Destroying it would destroy more than the epoch."""
    rotates(memory)
    table = signing_keys if what == "signing key" else epochs
    other = table.c.kek != "" if what == "signing key" else epochs.c.epoch == 2
    changes_keyring(memory, sa.update(table).where(other).values(kek=kek_of(memory, 1)))

    with pytest.raises(EpochNeeded, match="wraps more than this epoch"):
        memory.run(rotation_of(memory).retire, 1, ROBIN)


def test_the_attestation_stands_in_the_audit(memory: Memory) -> None:
    """Who attested what, and when; once, however often the command is repeated."""
    rotates(memory)
    kek = kek_of(memory, 1)
    retires(memory, 1)
    retires(memory, 1)

    [line] = [row for row in memory.rooms.rows(audit) if row["action"] == "attested"]
    assert (line["actor"], line["at"], line["subject"]) == (ROBIN, memory.now(), "")
    assert (line["purpose"], line["records"]) == ("epoch 1", kek)


def test_only_the_kek_of_a_retired_epoch_is_destroyed(memory: Memory) -> None:
    """Whatever calls it: a live epoch's KEK stays."""
    rotates(memory)

    with pytest.raises(sa.exc.NoResultFound):
        memory.run(rotation_of(memory).destroy_kek, 1)

    assert keyring_rows(memory, retired_keks) == []


def test_a_certificate_is_due_until_every_epoch_of_its_time_is_retired(memory: Memory) -> None:
    """S24: due is the end of the newest epoch that lived at the erasure; done is when the last of them was gone."""
    early, late = Visitor(memory), Visitor(memory)
    early.sends()
    late.sends()
    began = memory.now()
    first = _erased(memory, early)
    rotates(memory)
    second_began = memory.now() - timedelta(minutes=3)
    second = _erased(memory, late)
    rotates(memory)
    moves(memory)
    assert _backups(memory, first) == {"due": stamp(began + EPOCH), "done": None}
    assert _backups(memory, second) == {"due": stamp(second_began + EPOCH), "done": None}
    assert memory.run(rotation_of(memory).status).certificates_due == 2

    retires(memory, 1)
    done = stamp(memory.now())
    assert _backups(memory, first) == {"due": stamp(began + EPOCH), "done": done}
    assert _backups(memory, second)["done"] is None

    memory.later(days=1)
    retires(memory, 2)
    assert _backups(memory, first)["done"] == done
    assert _backups(memory, second)["done"] == stamp(memory.now())
    assert memory.run(rotation_of(memory).status).certificates_due == 0


def test_an_overdue_epoch_is_not_promised_for_a_day_that_is_over(memory: Memory) -> None:
    """Its rotation is due at once; so are the certificates."""
    visitor = Visitor(memory)
    visitor.sends()
    memory.later(days=40)

    assert _backups(memory, _erased(memory, visitor))["due"] == stamp(memory.now())


def test_a_certificate_is_checked_alike_before_and_after(memory: Memory) -> None:
    """Offline, by the published key: the one that was given out, and the same with "done", signed anew."""
    visitor = Visitor(memory)
    visitor.sends()
    certificate = _erased(memory, visitor)
    given = memory.run(memory.store.certificate, certificate)
    rotates(memory)
    moves(memory)
    retires(memory, 1)
    after = memory.run(memory.store.certificate, certificate)

    public = memory.run(memory.rooms.keyring.public_keys)
    for one in (given, after):
        unsigned = {name: value for name, value in one.items() if name not in ("kid", "signature")}
        payload = orjson.dumps(unsigned, option=orjson.OPT_SORT_KEYS)
        signature = base64.urlsafe_b64decode(one["signature"] + "==")
        assert verify(public[one["kid"]], "certificate", payload, signature)
    assert list(given) == list(after)
    changed = {name for name in given if given[name] != after[name]}
    assert changed == {"backups", "signature"}
    assert after["backups"]["due"] == given["backups"]["due"]


def test_addenda_are_signed_some_at_a_time(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many certificates wait for one epoch, turns go on in between."""
    monkeypatch.setattr(certificates, "AT_ONCE", 2)
    erasures_done = []
    for _ in range(5):
        visitor = Visitor(memory)
        visitor.opens()
        erasures_done.append(_erased(memory, visitor))
    rotates(memory)
    moves(memory)
    memory.run(rotation_of(memory).retire, 1, ROBIN)
    memory.run(rotation_of(memory).destroy_kek, 1)

    assert moves(memory) >= 3
    assert all(_backups(memory, one)["done"] for one in erasures_done)


def test_done_is_said_when_the_provider_has_let_go_and_not_before(memory: Memory) -> None:
    """Where a destroyed KEK could be brought back for a week, certificates count with it, and wait for it."""
    keyring = memory.rooms.keyring
    keyring.provider = Waiting(keyring.provider, memory.rooms.clock)
    visitor = Visitor(memory)
    visitor.sends()
    certificate = _erased(memory, visitor)
    due = memory.now() + EPOCH + timedelta(days=7)
    rotates(memory)
    moves(memory)

    gone_from = retires(memory, 1)
    again = retires(memory, 1)

    assert gone_from == again == memory.now() + timedelta(days=7)
    assert _backups(memory, certificate) == {"due": stamp(due), "done": None}
    status = memory.run(rotation_of(memory).status).epochs[0]
    assert (status.state, status.kek_gone_from, status.kek_gone_at) == ("retired", gone_from, None)

    memory.later(days=7)
    assert retires(memory, 1) is None
    assert _backups(memory, certificate) == {"due": stamp(due), "done": stamp(memory.now())}


def test_a_certificate_that_comes_after_the_retirement_is_done_by_whoever_goes_on(memory: Memory) -> None:
    """An erasure that was under way while its epoch was retired gets its addendum from the worker."""
    visitor = Visitor(memory)
    visitor.sends()
    certificate = _erased(memory, visitor)
    rotates(memory)
    moves(memory)
    retires(memory, 1)
    changes_keyring(memory, sa.update(addenda_rows).values(body=None))  # as if it came after that

    moves(memory)

    assert _backups(memory, certificate)["done"]


def test_an_unknown_certificate_is_none(memory: Memory) -> None:
    """And the first one of an id stands."""
    nobody = "d" * 32
    memory.run(memory.rooms.keyring.destroy, nobody, None, tombstone=True, at=memory.now())
    for body in ({"id": "first"}, {"id": "second"}):
        given = memory.store.means, "e" * 32, memory.now(), body
        memory.run(certificates.certify, *given, subject=nobody, scopes=None)

    assert memory.run(memory.store.certificate, "e" * 32)["id"] == "first"
    assert memory.run(memory.store.certificate, "f" * 32) is None
