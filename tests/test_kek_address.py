"""KEK_URL: which provider an address names, and what is no address."""

import os

import pytest

from storage.errors import UrlRefused
from storage.kek_address import provider_for


@pytest.mark.parametrize(
    "url", ["", "file:", "file://", "file://host/kek.json", "kek.json", "https://example.com/kek"]
)
def test_an_address_that_is_no_file_is_refused(url: str) -> None:
    """The message says what to give."""
    with pytest.raises(UrlRefused, match="KEK_URL: give file:PATH"):
        provider_for(url, random=os.urandom)


def test_an_address_with_a_secret_is_not_repeated() -> None:
    """Whatever was given by mistake, a password in it stays out of the message."""
    with pytest.raises(UrlRefused) as refused:
        provider_for("https://desk:pass-word@example.com/kek", random=os.urandom)
    assert "pass-word" not in str(refused.value)


@pytest.mark.parametrize("url", ["vault://vault.example.com/transit/askfirst", "aws-kms://alias/askfirst"])
def test_a_provider_to_come_is_said_to_be_missing(url: str) -> None:
    """Vault and KMS are not taken for mistakes: they are not supported yet."""
    with pytest.raises(UrlRefused, match="is not supported yet; give file:PATH"):
        provider_for(url, random=os.urandom)
