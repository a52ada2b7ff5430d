"""KEK_URL: which provider an address names, and what is no address."""

import os
import subprocess
import sys

import pytest

from storage.errors import UrlRefused
from storage.keys.kek_address import provider_for
from storage.keys.kek_kms import KmsProvider
from storage.keys.kek_vault import VaultProvider
from tests.documents import ROOT


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


@pytest.mark.parametrize(
    ("url", "server", "mount"),
    [
        ("vault://vault.example.com/transit/desk", "https://vault.example.com:8200", "transit"),
        ("vault://vault.example.com:443/a/b/desk?tls=1", "https://vault.example.com:443", "a/b"),
        ("vault://127.0.0.1:8100/transit/desk?tls=0", "http://127.0.0.1:8100", "transit"),
        ("vault://localhost/transit/desk?tls=0", "http://localhost:8200", "transit"),
        ("vault://[::1]:8100/transit/desk?tls=0", "http://[::1]:8100", "transit"),
        ("vault://vault.example.com/transit/desk?namespace=a/b", "https://vault.example.com:8200", "transit"),
    ],
)
def test_an_address_of_vault_names_server_mount_and_key(url: str, server: str, mount: str) -> None:
    """https unless it is said otherwise; the port is Vault's own unless it is said otherwise."""
    provider = provider_for(url, random=os.urandom)

    assert isinstance(provider, VaultProvider)
    assert (provider.url, provider.mount, provider.key) == (server, mount, "desk")


@pytest.mark.parametrize(
    "url",
    [
        "vault:",
        "vault://vault.example.com",
        "vault://vault.example.com/desk",
        "vault:///transit/desk",
        "vault://vault.example.com:port/transit/desk",
        "vault://[vault.example.com/transit/desk",
        "vault://vault.example.com/../desk",
        "vault://vault.example.com/transit/a b",
        "vault://vault.example.com/transit/desk?tsl=0",
        "vault://vault.example.com/transit/desk?tls=no",
        "vault://vault.example.com/transit/desk?namespace=a//b",
        "vault://vault.example.com/transit/desk#1",
        "vault://s.token@vault.example.com/transit/desk",
    ],
)
def test_what_names_no_place_in_vault_is_refused(url: str) -> None:
    """The message shows the form; a token in the address is not repeated."""
    with pytest.raises(UrlRefused, match="give vault://HOST:8200/transit/askfirst") as refused:
        provider_for(url, random=os.urandom)
    assert "s.token" not in str(refused.value)


def test_plain_http_leaves_this_machine_never() -> None:
    """A token on the wire would be everybody's."""
    with pytest.raises(UrlRefused, match="https only"):
        provider_for("vault://vault.example.com/transit/desk?tls=0", random=os.urandom)


@pytest.mark.parametrize(
    "rest", ["alias/desk", "//alias/desk", "//alias/company/desk_1", "//alias/desk?region=eu-central-1"]
)
def test_an_address_of_kms_names_an_alias(rest: str) -> None:
    """And the region, if nothing else says it."""
    assert isinstance(provider_for(f"aws-kms:{rest}", random=os.urandom), KmsProvider)


@pytest.mark.parametrize(
    "url",
    [
        "aws-kms:",
        "aws-kms://desk",
        "aws-kms://alias/",
        "aws-kms://alias/aws/s3",
        "aws-kms://alias/d e",
        "aws-kms://alias/desk?regoin=eu-central-1",
        "aws-kms://alias/desk?region=",
        "aws-kms://alias/desk?region=a&region=b",
        "aws-kms://alias/desk#1",
        "aws-kms://[alias/desk",
    ],
)
def test_what_names_no_alias_of_ours_is_refused(url: str) -> None:
    """AWS's own aliases, and whatever is none: the message shows the form."""
    with pytest.raises(UrlRefused, match="give aws-kms://alias/askfirst"):
        provider_for(url, random=os.urandom)


def test_a_desk_with_a_file_loads_no_library_of_the_others() -> None:
    """They would be a third of its start: hvac with requests, botocore."""
    script = "import sys, storage.storage; sys.exit(bool({'hvac', 'requests', 'botocore'} & {*sys.modules}))"

    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
