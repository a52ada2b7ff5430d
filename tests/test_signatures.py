"""Signatures: anybody can check them, for ever, with the published keys."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import update

from storage.keyring_tables import signing_keys
from storage.signatures import Use, verify
from tests.keyrings import NOW, Process, processes


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


def test_an_older_signing_key_stays_published(process: Process, begin_process: Callable[[], Process]) -> None:
    """What it has signed can be checked for ever, while the newest signs."""
    kid, signature = process.run(process.keyring.sign, "evidence", "test", b"{}")
    process.change(
        update(signing_keys)
        .where(signing_keys.c.kid == kid)
        .values(use="retired", created_at=NOW - timedelta(days=1))
    )
    second = begin_process()

    newer, _ = second.run(second.keyring.sign, "evidence", "test", b"{}")

    assert newer != kid
    assert verify(second.run(second.keyring.public_keys)[kid], "test", b"{}", signature)
