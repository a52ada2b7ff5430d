"""Epochs: the newest wraps, every live one opens and is asked, and no turn waits for the provider."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from storage.errors import KeyLost
from storage.keyring_tables import epochs
from storage.keys.epochs import Epoch
from storage.keys.keyring import Keyring
from storage.keys.sealing import seal, unseal
from tests.keyrings import BEN, NONCE, NOW, PLACE, PROFILE, Process, processes


@pytest.fixture
def begin_process(tmp_path: Path, empty_url: str) -> Iterator[Callable[[], Process]]:
    """Return what starts one more process on the same keyring."""
    with processes(empty_url, tmp_path) as begin:
        yield begin


@pytest.fixture
def process(begin_process: Callable[[], Process]) -> Process:
    """The only process, or the first of several."""
    return begin_process()


@pytest.fixture
def keyring(process: Process) -> Keyring:
    """The keyring of the first process; its calls go through `process.run`."""
    return process.keyring


def test_no_turn_waits_for_the_provider(process: Process, keyring: Keyring) -> None:
    """The provider opens each secret once, at the start; working with keys asks it nothing, whatever others begin."""
    process.provider.opened.clear()
    process.run(keyring.create, [PROFILE])
    process.begin_epoch(2)
    process.clock.tick(minutes=5)
    process.run(keyring.keys, [PROFILE])
    process.run(keyring.create, [(BEN, "profile.1")])
    process.run(keyring.macs, "email", "ada@example.com")
    process.run(keyring.sign, "evidence", "test", b"{}")

    assert process.provider.opened == []


def test_opening_asks_the_provider_once_for_each_secret(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """One epoch, two signing keys: three calls."""
    kinds = sorted(name.rpartition("-")[0] or name for name in begin_process().provider.opened)

    assert kinds == ["epoch 1", "signing key audit", "signing key evidence"]


def test_a_look_up_is_equal_for_equal_values_alone(process: Process, keyring: Keyring) -> None:
    """16 bytes, which differ by field and by value."""
    [(epoch, mac)] = process.run(keyring.macs, "email", "ada@example.com")

    assert (epoch, len(mac)) == (1, 16)
    assert process.run(keyring.macs, "email", "ada@example.com") == [(1, mac)]
    assert process.run(keyring.macs, "email", "ben@example.com") != [(1, mac)]
    assert process.run(keyring.macs, "phone", "ada@example.com") != [(1, mac)]


def test_a_new_epoch_is_used_and_the_old_one_still_opens(process: Process, keyring: Keyring) -> None:
    """Once it is open, new keys are wrapped by it; look-ups ask for every live epoch, newest first."""
    old = process.run(keyring.create, [PROFILE])[PROFILE]
    [first] = process.run(keyring.macs, "email", "ada@example.com")
    process.begin_epoch(2)
    process.run(keyring.epochs.open)
    process.run(keyring.create, [(BEN, "profile.1")])
    macs = process.run(keyring.macs, "email", "ada@example.com")
    found = process.run(keyring.keys, [PROFILE])[PROFILE]

    assert [epoch for epoch, _ in macs] == [2, 1]
    assert macs[1] == first
    assert macs[0][1] != first[1]
    assert unseal(found, PLACE, seal(old, PLACE, b"Ada", NONCE)) == b"Ada"

    process.change(update(epochs).where(epochs.c.epoch == 1).values(retired_at=process.clock.now))
    process.clock.tick(seconds=59)
    assert process.run(keyring.macs, "email", "ada@example.com") == macs
    process.clock.tick(seconds=1)
    assert process.run(keyring.macs, "email", "ada@example.com") == macs[:1]
    assert process.run(keyring.keys, [(BEN, "profile.1")])
    with pytest.raises(KeyLost, match="epoch 1 is retired"):
        process.run(keyring.keys, [PROFILE])


def test_a_key_under_another_process_s_new_epoch_opens_at_once(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """Nobody waits for the minute to pass when a key names an epoch that is not known yet."""
    process.begin_epoch(2)
    second = begin_process()
    second.run(second.keyring.create, [PROFILE])

    assert process.run(process.keyring.keys, [PROFILE])


def test_no_key_is_wrapped_by_an_epoch_that_was_retired_meanwhile(
    process: Process, keyring: Keyring, begin_process: Callable[[], Process]
) -> None:
    """Whoever still holds it looks, in the transaction that makes the key, which epochs live; else it would be lost."""
    process.begin_epoch(2)
    process.change(update(epochs).where(epochs.c.epoch == 1).values(retired_at=process.clock.now))
    process.run(keyring.create, [PROFILE])

    second = begin_process()
    assert set(second.run(second.keyring.keys, [PROFILE])[PROFILE]) == {1}


def test_a_process_that_slept_through_a_retirement_opens_what_lives_now(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """When all that it holds is retired, it asks the provider, and works on."""
    second = begin_process()
    for number in (2, 3):
        process.begin_epoch(number)
    process.change(update(epochs).where(epochs.c.epoch == 1).values(retired_at=process.clock.now))
    second.clock.tick(minutes=2)

    assert [epoch for epoch, _ in second.run(second.keyring.macs, "email", "ada@example.com")] == [3, 2]


def test_only_the_epoch_that_a_key_names_is_opened_for_it(process: Process, keyring: Keyring) -> None:
    """The others are left to whoever watches for them."""
    for number in (2, 3):
        process.begin_epoch(number)
    process.provider.opened.clear()

    assert process.run(keyring.epochs.get, 2).number == 2
    assert process.provider.opened == ["epoch 2"]


def test_an_epoch_that_wraps_many_keys_is_overdue(
    process: Process, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rotation is due by number as well as by time: docs/sealing.md, "Bounds"."""
    monkeypatch.setattr("storage.keys.epochs.KEYS_MAX", 2)

    process.run(keyring.create, [PROFILE])
    assert not process.run(lambda: keyring.overdue)
    process.run(keyring.create, [(BEN, "profile.1")])
    assert process.run(lambda: keyring.overdue)


def test_an_epoch_is_overdue_after_thirty_days(process: Process, keyring: Keyring) -> None:
    """The operator hears of it on the day, and not before."""
    process.clock.tick(days=30, seconds=-1)
    assert not process.run(lambda: keyring.overdue)

    process.clock.tick(seconds=1)
    assert process.run(lambda: keyring.overdue)


def test_no_secret_shows_in_a_repr() -> None:
    """An epoch in a log line shows its number and its end."""
    assert repr(Epoch.of(1, NOW, bytes(32))) == f"Epoch(number=1, ends_at={NOW!r})"
