"""Rotation: a new epoch begins with a KEK of its own, whole or not at all, once (S10)."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from storage.errors import Conflict, KekAway
from storage.keyring_tables import epochs, signing_keys
from storage.keys.epochs import EPOCH
from storage.keys.signatures import verify
from storage.tables import audit
from tests.remembering import DETAILS, Memory, Visitor, remembering
from tests.rotating import changes_keyring, kek_of, keyring_rows, rotates, rotation_of, wrapping


def test_a_rotation_begins_an_epoch_with_a_kek_of_its_own(memory: Memory) -> None:
    """S10: the old one stays live beside it; both last their thirty days; no KEK wraps two epochs."""
    began = memory.now()

    number = memory.run(rotation_of(memory).rotate, "command")

    first, second = sorted(keyring_rows(memory, epochs), key=lambda row: row["epoch"])
    assert (number, second["epoch"], second["began_at"], second["ends_at"]) == (2, 2, began, began + EPOCH)
    assert first["retired_at"] is second["retired_at"] is None
    assert first["kek"] != second["kek"]


def test_what_is_new_comes_under_the_new_epoch_at_once(memory: Memory) -> None:
    """No key is wrapped by the old epoch from that moment on, and what was there opens and is found as before."""
    early = Visitor(memory)
    early.sends()

    memory.run(rotation_of(memory).rotate, "command")
    late = Visitor(memory)
    late.sends()

    assert wrapping(memory) == {1, 2}
    assert memory.run(memory.rooms.keyring.macs, "phone", DETAILS["phone"])[0][0] == 2
    assert set(memory.run(memory.store.find, "phone", DETAILS["phone"])) == {early.subject, late.subject}
    for visitor in (early, late):
        opened = memory.run(
            memory.store.open_fields, visitor.subject, ["phone"], purpose="contact", actor="staff:1"
        )
        assert opened == {"phone": DETAILS["phone"]}


def test_whoever_comes_after_a_rotation_is_found_by_every_process(memory: Memory, second: Memory) -> None:
    """Also by one that has not opened the new epoch yet: else a Telegram chat could begin twice."""
    memory.run(rotation_of(memory).rotate, "command")
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.sends()

    assert second.run(second.store.telegram_conversation, 4711) == visitor.conversation
    assert second.run(second.store.find, "phone", DETAILS["phone"]) == [visitor.subject]


def test_signing_keys_come_under_the_new_kek(
    memory: Memory, data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """Else the old KEK could not die. Proofs are signed by the same keys, and older ones check as before."""
    kid, signature = memory.run(memory.rooms.keyring.sign, "evidence", "receipt", b"{}")
    before = {row["kid"]: row["public"] for row in keyring_rows(memory, signing_keys)}

    rotates(memory)

    [_, newest] = sorted(keyring_rows(memory, epochs), key=lambda row: row["epoch"])
    after = keyring_rows(memory, signing_keys)
    assert {row["kek"] for row in after} == {newest["kek"]}
    assert {row["kid"]: row["public"] for row in after} == before
    with remembering(data_url, keyring_url, tmp_path, memory.rooms.clock) as second:
        again = second.run(second.rooms.keyring.sign, "evidence", "receipt", b"{}")
    assert again == (kid, signature)
    assert verify(before[kid], "receipt", b"{}", signature)


def test_a_planted_signing_key_does_not_stop_a_rotation(memory: Memory) -> None:
    """What is not the desk's own is passed over; the desk's own keys come under the new KEK."""
    [row, _] = keyring_rows(memory, signing_keys)
    planted = {**row, "kid": "audit-0123456789abcdef", "wrapped": bytes(60)}
    changes_keyring(memory, signing_keys.insert().values(planted))

    rotates(memory)

    [_, newest] = sorted(keyring_rows(memory, epochs), key=lambda row: row["epoch"])
    keks = {row["kid"]: row["kek"] for row in keyring_rows(memory, signing_keys)}
    assert keks.pop(planted["kid"]) == row["kek"]
    assert set(keks.values()) == {newest["kek"]}


def test_of_two_operators_at_once_one_begins_the_epoch(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is told so and leaves no line in the audit; the KEK that they had made serves the next epoch."""
    rotation, provider = rotation_of(memory), memory.rooms.keyring.provider
    renew, theirs = provider.renew, list[int]()

    def renew_later() -> str:
        monkeypatch.setattr(provider, "renew", renew)
        theirs.append(rotation.rotate("command"))
        return renew()

    monkeypatch.setattr(provider, "renew", renew_later)
    with pytest.raises(Conflict, match="somebody else has just begun epoch 2"):
        memory.run(rotation.rotate, "command")

    assert theirs == [2]
    assert sorted(row["epoch"] for row in keyring_rows(memory, epochs)) == [1, 2]
    assert memory.count(audit, action="rotated") == 1
    assert rotates(memory) == 3
    assert len({row["kek"] for row in keyring_rows(memory, epochs)}) == 3


def test_a_kek_that_a_crash_left_over_is_used(memory: Memory) -> None:
    """Where a rotation ended after it made its KEK, the next one takes that: none is left that wraps nothing."""
    left_over = memory.run(memory.rooms.keyring.provider.renew)

    rotates(memory)

    assert [row["kek"] for row in keyring_rows(memory, epochs) if row["epoch"] == 2] == [left_over]


def test_a_provider_that_is_away_changes_nothing(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rotation waits and says so; the desk goes on under the old epoch."""

    def away() -> NoReturn:
        raise KekAway("the provider does not answer")

    monkeypatch.setattr(memory.rooms.keyring.provider, "renew", away)
    with pytest.raises(KekAway):
        memory.run(rotation_of(memory).rotate, "command")

    Visitor(memory).sends()
    assert [row["epoch"] for row in keyring_rows(memory, epochs)] == [1]
    assert memory.count(audit, action="rotated") == 0


def test_a_rotation_stands_in_the_audit(memory: Memory) -> None:
    """Who, when, which epoch; no key and no person."""
    rotates(memory)

    [line] = [row for row in memory.rooms.rows(audit) if row["action"] == "rotated"]
    about = (line["actor"], line["subject"], line["purpose"], line["records"])
    assert about == ("command", "", "epoch 2", kek_of(memory, 2))
