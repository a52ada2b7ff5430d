"""Who holds the key-encryption keys (KEKs): for now a file of the desk's own.

A provider wraps a few secrets (one an epoch, and the private keys that sign) and opens them again when the desk starts.
It never sees a data key, and no turn waits for it.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import KekRefused, UrlRefused
from storage.private_files import FILE_MODE, FOLDER_MODE, make_private_folder, put_in_place
from storage.sealing import KEY_BYTES, NONCE_BYTES, framed

FORMAT = "askfirst-kek-1"
KEK_ID_BYTES = 8  # bytes of randomness; an id, not a secret
OTHERS = stat.S_IRWXG | stat.S_IRWXO  # every permission of the group and of all others
MARK = "askfirst kek wrap 1"  # keeps these wraps apart from every other use of AES-GCM
RESTORE = "put it back from its safe copy; without it everything sealed stays closed for ever"


class Wrapped(NamedTuple):
    """A secret that one KEK has wrapped, and the id of that KEK."""

    kek: str
    body: bytes


class Provider(Protocol):
    """Whoever holds the KEKs. `name` says what is wrapped ("epoch 3") and is authenticated with it."""

    def wrap(self, name: str, secret: bytes) -> Wrapped:
        """Return the secret wrapped by the current KEK. Raises KekRefused."""
        ...

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Return the secret. Raises KekRefused when the KEK is gone, or the wrap is not of this name."""
        ...


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


@dataclass(frozen=True, slots=True)
class _Keks:
    current: str  # id of the KEK that wraps what is new; the others only open
    secrets: Mapping[str, bytes] = field(repr=False)


class FileProvider:
    """KEKs in a JSON file (0600, in a folder 0700), created by the first wrap and read anew for each call.

    The file is refused while anybody but its owner could read or replace it. Its keys stay in memory for one call.
    """

    def __init__(self, path: Path, random: Callable[[int], bytes]) -> None:
        self._path = path
        self._random = random

    def wrap(self, name: str, secret: bytes) -> Wrapped:
        """Return the secret wrapped by the current KEK; the first wrap of all creates the file. Raises KekRefused."""
        self._create_if_missing()
        keks = self._read()
        nonce = self._random(NONCE_BYTES)
        body = AESGCM(keks.secrets[keks.current]).encrypt(nonce, secret, framed(MARK, keks.current, name))
        return Wrapped(keks.current, nonce + body)

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Return the secret. Raises KekRefused when the file or the KEK is gone, or the wrap is not of this name."""
        keks = self._read()
        if wrapped.kek not in keks.secrets:
            raise KekRefused(f"{self._path} lacks KEK {wrapped.kek}, which wraps {name}: {RESTORE}")
        nonce, body = wrapped.body[:NONCE_BYTES], wrapped.body[NONCE_BYTES:]
        try:
            return AESGCM(keks.secrets[wrapped.kek]).decrypt(nonce, body, framed(MARK, wrapped.kek, name))
        except (InvalidTag, ValueError):
            raise KekRefused(f"{name}: its wrap is damaged; restore the keyring database") from None

    def _read(self) -> _Keks:
        try:
            with self._path.open("rb") as file:
                self._refuse_strangers(os.fstat(file.fileno()))
                self._refuse_open_folder()
                return _parsed(file.read())
        except FileNotFoundError:
            raise KekRefused(f"{self._path} is missing: {RESTORE}") from None
        except OSError as fault:
            raise KekRefused(
                f"{self._path}: {fault.strerror}; the desk's user must be able to read it"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KekRefused(f"{self._path} is not a KEK file: {RESTORE}") from None

    def _create_if_missing(self) -> None:
        try:
            if not self._path.exists():
                make_private_folder(self._path.parent)
                self._refuse_open_folder()
                self._create()
        except OSError as fault:
            raise KekRefused(
                f"{self._path}: {fault.strerror}; name a place that the desk's user may write"
            ) from None

    def _create(self) -> None:
        """Put a complete file in place at once, never over another: the process that comes second uses the first's."""
        kek = self._random(KEK_ID_BYTES).hex()
        draft = self._path.with_name(f".{self._path.name}.{kek}")
        _write_durably(draft, _written(_Keks(kek, {kek: self._random(KEY_BYTES)})))
        put_in_place(draft, self._path)

    def _refuse_strangers(self, file: os.stat_result) -> None:
        if file.st_uid != os.geteuid():
            raise KekRefused(
                f"{self._path} belongs to user {file.st_uid}: run the desk as that user, or chown it"
            )
        if file.st_mode & OTHERS:
            raise KekRefused(f"{self._path} is open to others ({_mode(file)}): chmod 600 {self._path}")

    def _refuse_open_folder(self) -> None:
        folder = self._path.resolve().parent
        status = folder.stat()
        if status.st_uid != os.geteuid() or status.st_mode & OTHERS:
            raise KekRefused(
                f"{folder} is open to others ({_mode(status)}, user {status.st_uid}): "
                f"keep {self._path.name} in a folder of its own, mode {FOLDER_MODE:o}"
            )


def _mode(status: os.stat_result) -> str:
    return f"mode {stat.S_IMODE(status.st_mode):o}"


def _parsed(raw: bytes) -> _Keks:
    body = json.loads(raw)
    secrets = {kek: base64.b64decode(text, validate=True) for kek, text in body["keys"].items()}
    if (
        body["format"] != FORMAT
        or body["current"] not in secrets
        or {*map(len, secrets.values())} != {KEY_BYTES}
    ):
        raise ValueError
    return _Keks(body["current"], secrets)


def _written(keks: _Keks) -> bytes:
    keys = {kek: base64.b64encode(secret).decode() for kek, secret in keks.secrets.items()}
    return json.dumps({"format": FORMAT, "current": keks.current, "keys": keys}, indent=1).encode() + b"\n"


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
