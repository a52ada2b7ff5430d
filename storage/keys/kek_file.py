"""Key-encryption keys in a file of the desk's own: 0600, in a folder 0700."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import KekRefused, UrlRefused
from storage.keys.kek import Wrapped, damaged, lacking
from storage.keys.sealing import KEY_BYTES, NONCE_BYTES, framed
from storage.private_files import (
    FOLDER_MODE,
    clear_leftovers,
    make_private_folder,
    put_in_place,
    replace_and_overwrite,
    write_durably,
)

FORM = "file:PATH, a file that only the desk's user may read"
FORMAT = "askfirst-kek-1"
KEK_ID_BYTES = 8  # bytes of randomness; an id, not a secret
OTHERS = stat.S_IRWXG | stat.S_IRWXO  # every permission of the group and of all others
MARK = "askfirst kek wrap 1"  # keeps these wraps apart from every other use of AES-GCM
RESTORE = "put it back from its safe copy; without it everything sealed stays closed for ever"


@dataclass(frozen=True, slots=True)
class _Keks:
    current: str  # id of the KEK that wraps what is new; the others only open
    secrets: Mapping[str, bytes] = field(repr=False)


class FileProvider:
    """KEKs in a JSON file, created by the first wrap, read anew for each call, and replaced as a whole.

    The file is refused while anybody but its owner could read or replace it. Its keys stay in memory for one call.
    Processes that change it wait for each other, and for those that read it, by a lock on its folder.
    """

    def __init__(self, path: Path, random: Callable[[int], bytes]) -> None:
        self._path = path
        self._random = random

    @classmethod
    def at(cls, kek_url: str, random: Callable[[int], bytes]) -> FileProvider:
        """Return the provider of a `file:` address. Raises UrlRefused."""
        rest = kek_url.removeprefix("file:")
        path = rest.removeprefix("//")
        if not path or (rest.startswith("//") and not path.startswith("/")):
            raise UrlRefused(f"KEK_URL: give {FORM}")
        return cls(Path(path), random)

    @property
    def delay(self) -> timedelta:
        """Return none: what is taken out of the file is gone."""
        return timedelta(0)

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
            raise lacking(str(self._path), wrapped.kek, name)
        nonce, body = wrapped.body[:NONCE_BYTES], wrapped.body[NONCE_BYTES:]
        try:
            return AESGCM(keks.secrets[wrapped.kek]).decrypt(nonce, body, framed(MARK, wrapped.kek, name))
        except (InvalidTag, ValueError):
            raise damaged(name) from None

    def renew(self) -> str:
        """Add a KEK to the file and make it the current one; return its id. Raises KekRefused."""
        kek, secret = self._random(KEK_ID_BYTES).hex(), self._random(KEY_BYTES)
        with self._changing() as real:
            keks = self._parsed_file()
            replace_and_overwrite(real, _written(_Keks(kek, {**keks.secrets, kek: secret})))
        return kek

    def destroy(self, kek: str) -> None:
        """Take a KEK out of the file and overwrite the old file: gone at once, if no copy is left elsewhere.

        Raises: KekRefused, also when it is the current one.
        """
        with self._changing() as real:
            keks = self._parsed_file()
            if kek == keks.current:
                raise KekRefused(f"KEK {kek} is the current one: rotate first (`askfirst keys rotate`)")
            secrets = {other: secret for other, secret in keks.secrets.items() if other != kek}
            if len(secrets) < len(keks.secrets):
                replace_and_overwrite(real, _written(_Keks(keks.current, secrets)))

    def _read(self) -> _Keks:
        with self._locked(fcntl.LOCK_SH, "the desk's user must be able to read it"):
            return self._parsed_file()

    @contextmanager
    def _changing(self) -> Iterator[Path]:
        """Yield where the file really is, while no other process reads or changes it."""
        with self._locked(fcntl.LOCK_EX, "the desk's user must be able to replace it"):
            real = self._path.resolve()
            clear_leftovers(real)
            yield real

    @contextmanager
    def _locked(self, how: int, remedy: str) -> Iterator[None]:
        try:
            folder = os.open(self._path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(folder, how)  # closing lets go of it, however this process ends
                yield
            finally:
                os.close(folder)
        except FileNotFoundError:
            raise KekRefused(f"{self._path} is missing: {RESTORE}") from None
        except OSError as fault:
            raise KekRefused(f"{self._path}: {fault.strerror}; {remedy}") from None

    def _parsed_file(self) -> _Keks:
        with self._path.open("rb") as file:
            self._refuse_strangers(os.fstat(file.fileno()))
            self._refuse_open_folder()
            try:
                return _parsed(file.read())
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
        write_durably(draft, _written(_Keks(kek, {kek: self._random(KEY_BYTES)})))
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
