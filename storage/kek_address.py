"""Which provider holds the key-encryption keys: what the address in KEK_URL names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from storage.errors import UrlRefused
from storage.kek import Provider
from storage.kek_file import FileProvider


def provider_for(kek_url: str, *, random: Callable[[int], bytes]) -> Provider:
    """Return the holder of the KEKs that an address names: `file:PATH`. Nothing is opened or created yet.

    Raises: UrlRefused for any other address.
    """
    scheme, _, rest = kek_url.partition(":")
    if scheme in {"vault", "aws-kms"}:
        raise UrlRefused(f"KEK_URL: {scheme} is not supported yet; give file:PATH")
    path = rest.removeprefix("//")
    if scheme != "file" or not path or (rest.startswith("//") and not path.startswith("/")):
        raise UrlRefused("KEK_URL: give file:PATH, a file that only the desk's user may read")
    return FileProvider(Path(path), random)
