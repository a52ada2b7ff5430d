"""What every provider of key-encryption keys promises."""

import os
from pathlib import Path

import pytest

from storage.errors import KekRefused
from storage.kek import Provider, Wrapped
from storage.kek_address import provider_for

SECRET = b"an epoch's secret of 32 bytes..."


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    """A provider that has wrapped nothing yet."""
    return provider_for(f"file:{tmp_path}/keys/kek.json", random=os.urandom)


def test_a_wrapped_secret_opens_again(provider: Provider) -> None:
    """What was wrapped under a name opens under it, and is not there in plain."""
    wrapped = provider.wrap("epoch 1", SECRET)

    assert provider.unwrap("epoch 1", wrapped) == SECRET
    assert SECRET not in wrapped.body


def test_two_wraps_of_one_secret_differ(provider: Provider) -> None:
    """Every wrap has a nonce of its own."""
    assert provider.wrap("epoch 1", SECRET).body != provider.wrap("epoch 1", SECRET).body


@pytest.mark.parametrize("part", ["name", "bit", "nothing"])
def test_a_wrap_opens_under_its_own_name_alone(provider: Provider, part: str) -> None:
    """A wrap that was moved to another epoch, damaged or emptied does not open."""
    kek, body = provider.wrap("epoch 1", SECRET)
    name = "epoch 2" if part == "name" else "epoch 1"
    body = {"name": body, "bit": body[:-1] + bytes([body[-1] ^ 1]), "nothing": b""}[part]

    with pytest.raises(KekRefused, match="its wrap is damaged"):
        provider.unwrap(name, Wrapped(kek, body))


def test_a_new_key_wraps_and_the_old_one_still_opens(provider: Provider) -> None:
    """After `renew` the new one wraps, and each opens what it has wrapped."""
    old = provider.wrap("epoch 1", SECRET)

    kek = provider.renew()

    new = provider.wrap("epoch 2", SECRET)
    assert new.kek == kek != old.kek
    assert provider.unwrap("epoch 1", old) == provider.unwrap("epoch 2", new) == SECRET


def test_what_a_destroyed_key_has_wrapped_stays_closed(provider: Provider) -> None:
    """It is gone at once, says the answer; what other keys have wrapped opens as before."""
    old = provider.wrap("epoch 1", SECRET)
    provider.renew()
    new = provider.wrap("epoch 2", SECRET)

    assert provider.destroy(old.kek) is None

    with pytest.raises(KekRefused, match=f"lacks KEK {old.kek}, which wraps epoch 1"):
        provider.unwrap("epoch 1", old)
    assert provider.unwrap("epoch 2", new) == SECRET


def test_the_current_key_is_not_destroyed(provider: Provider) -> None:
    """Nothing could be wrapped any more: the message says what comes first."""
    wrapped = provider.wrap("epoch 1", SECRET)

    with pytest.raises(KekRefused, match=r"is the current one: rotate first"):
        provider.destroy(wrapped.kek)
    assert provider.unwrap("epoch 1", wrapped) == SECRET


def test_destroying_again_does_no_harm(provider: Provider) -> None:
    """Whoever crashed after destroying asks once more and gets the same answer."""
    old = provider.wrap("epoch 1", SECRET)
    provider.renew()

    assert provider.destroy(old.kek) is provider.destroy(old.kek) is None
