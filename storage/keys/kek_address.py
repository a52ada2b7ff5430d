"""Which provider holds the key-encryption keys: what the address in KEK_URL names."""

from __future__ import annotations

from collections.abc import Callable

from storage.errors import UrlRefused
from storage.keys import kek_file, kek_kms, kek_vault
from storage.keys.kek import Provider


def provider_for(kek_url: str, *, random: Callable[[int], bytes]) -> Provider:
    """Return the holder of the KEKs that an address names. Nothing is opened, created or asked yet.

    Raises: UrlRefused for an address that is none.
    """
    match kek_url.partition(":")[0]:
        case "file":
            return kek_file.FileProvider.at(kek_url, random)
        case "vault":
            return kek_vault.VaultProvider.at(kek_url)
        case "aws-kms":
            return kek_kms.KmsProvider.at(kek_url)
    raise UrlRefused(f"KEK_URL: give {kek_file.FORM}, {kek_vault.FORM}, or {kek_kms.FORM}")
