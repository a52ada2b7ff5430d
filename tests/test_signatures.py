"""Signatures: anybody can check them, for ever, with the published keys."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, update

from storage.errors import KekRefused
from storage.keyring_tables import signing_keys
from storage.keys.kek import Wrapped
from storage.keys.signatures import Use, kid_of, verify
from tests.keyrings import NOW, Process, processes

SECRET = bytes(range(32))  # the private half of a key


@pytest.fixture
def begin_process(tmp_path: Path, empty_url: str) -> Iterator[Callable[[], Process]]:
    """Return what starts one more process on the same keyring."""
    with processes(empty_url, tmp_path) as begin:
        yield begin


@pytest.fixture
def process(begin_process: Callable[[], Process]) -> Process:
    """The only process, or the first of several."""
    return begin_process()


def test_signatures_can_be_checked_with_the_published_keys(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """Evidence and audit sign with keys of their own, which stay the same in every process (L14)."""
    uses: tuple[Use, ...] = get_args(Use)
    signed = {use: process.run(process.keyring.sign, use, "test", b"{}") for use in uses}
    second = begin_process()
    public = second.run(second.keyring.public_keys)

    for use, (kid, signature) in signed.items():
        assert kid.startswith(f"{use}-")
        assert verify(public[kid], "test", b"{}", signature)
        assert second.run(second.keyring.sign, use, "test", b"{}") == (kid, signature)
    assert not verify(public[signed["audit"][0]], "test", b"{}", signed["evidence"][1])


def _row(
    process: Process, use: str, secret: bytes, wrapped: Wrapped | None = None, **more: object
) -> dict[str, object]:
    """Return the row of a signing key, a day older than any; wrapped by the provider if nothing else is given."""
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    kid = kid_of(use, public)
    kek, body = wrapped or process.provider.wrap(f"signing key {kid}", secret)
    made = {"kid": kid, "use": use, "public": public, "kek": kek, "wrapped": body}
    return {**made, "created_at": NOW - timedelta(days=1), **more}


def test_an_older_signing_key_stays_published(process: Process, begin_process: Callable[[], Process]) -> None:
    """What it has signed can be checked for ever, while the newest signs."""
    newer, _ = process.run(process.keyring.sign, "evidence", "test", b"{}")
    older = _row(process, "evidence", SECRET)
    process.change(insert(signing_keys).values(older))

    second = begin_process()

    assert second.run(second.keyring.sign, "evidence", "test", b"{}")[0] == newer
    assert second.run(second.keyring.public_keys)[str(older["kid"])] == older["public"]
    assert second.keyring.signing.faults == ()


@pytest.mark.parametrize("use", get_args(Use))
@pytest.mark.parametrize("age", [timedelta(days=1), timedelta(days=-1)], ids=["older", "newer"])
def test_a_planted_signing_key_is_left_out_and_named(
    process: Process, begin_process: Callable[[], Process], use: Use, age: timedelta
) -> None:
    """L9: whoever may write to the keyring, without the KEK, adds no key; the desk starts and signs as before."""
    signed = process.run(process.keyring.sign, use, "test", b"{}")
    before = process.run(process.keyring.public_keys)
    planted = _row(process, use, SECRET, Wrapped(_kek(process), bytes(60)), created_at=NOW - age)
    process.change(insert(signing_keys).values(planted))

    second = begin_process()

    assert second.run(second.keyring.public_keys) == before
    assert second.run(second.keyring.sign, use, "test", b"{}") == signed
    [fault] = second.keyring.signing.faults
    assert str(planted["kid"]) in fault
    assert "delete it from signing_keys" in fault


def test_the_wrap_of_another_key_makes_no_key(process: Process, begin_process: Callable[[], Process]) -> None:
    """L9: a wrap that the provider did make opens under its own name only."""
    kek, body = process.provider.wrap("signing key audit-0123456789abcdef", SECRET)
    process.change(insert(signing_keys).values(_row(process, "audit", SECRET, Wrapped(kek, body))))

    second = begin_process()

    assert len(second.run(second.keyring.public_keys)) == 2
    assert len(second.keyring.signing.faults) == 1


def test_a_public_half_that_was_changed_is_published_as_it_was(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """L14: what is published comes from the private half, whatever stands in the row; the operator is told."""
    before = process.run(process.keyring.public_keys)
    kid, _ = process.run(process.keyring.sign, "evidence", "test", b"{}")
    process.change(update(signing_keys).where(signing_keys.c.kid == kid).values(public=SECRET))

    second = begin_process()

    assert second.run(second.keyring.public_keys) == before
    assert f"the public half of signing key {kid} was changed" in second.keyring.signing.faults[0]


def test_a_keyring_without_a_signing_key_of_its_own_does_not_open(
    process: Process, begin_process: Callable[[], Process]
) -> None:
    """Nothing could be proved any more: what does not open is named, as it is when KEK_URL names another holder."""
    kid, _ = process.run(process.keyring.sign, "audit", "test", b"{}")
    process.change(update(signing_keys).where(signing_keys.c.kid == kid).values(wrapped=bytes(60)))

    with pytest.raises(KekRefused, match=f"signing key {kid}: its wrap is damaged"):
        begin_process()


def _kek(process: Process) -> str:
    return process.provider.wrap("epoch 9", SECRET).kek
