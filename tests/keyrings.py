"""Processes of the desk that share one keyring, as tests start them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy import Engine, Executable, insert

from storage.connecting import StorageThread, data_engine, is_async
from storage.keyring_tables import epochs, scope_keys
from storage.keys.epochs import EPOCH
from storage.keys.kek import Wrapped
from storage.keys.kek_file import FileProvider
from storage.keys.keyring import Keyring
from storage.keys.sealing import Place
from tests.rooms import Clock

P = ParamSpec("P")
T = TypeVar("T")
ADA, BEN = "a" * 32, "b" * 32  # subjects
PLACE = Place(ADA, "fields", "sealed_value", "7" * 32, 1)
PROFILE = (ADA, "profile.1")
NOW = Clock().now
NONCE = bytes(12)


@dataclass(slots=True)
class CountingProvider:
    """The provider of files, which remembers what it was asked to open. `meanwhile` runs before it opens anything."""

    inner: FileProvider
    opened: list[str] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None
    delay: timedelta = timedelta(0)

    def wrap(self, name: str, secret: bytes) -> Wrapped:
        """Wrap a secret."""
        return self.inner.wrap(name, secret)

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Open a secret and remember its name."""
        self.opened.append(name)
        if self.meanwhile:
            self.meanwhile()
        return self.inner.unwrap(name, wrapped)

    def renew(self) -> str:
        """Begin a new KEK."""
        return self.inner.renew()

    def destroy(self, kek: str) -> None:
        """Destroy a KEK."""
        self.inner.destroy(kek)


@dataclass(slots=True)
class Process:
    """An engine, its thread and a keyring. `interruption` runs once, amid the next draw of randomness."""

    engine: Engine
    thread: StorageThread
    provider: CountingProvider
    clock: Clock
    interruption: Callable[[], object] | None = None
    keyring: Keyring = field(init=False)

    def __post_init__(self) -> None:
        """Build the keyring as the desk does."""
        self.keyring = Keyring(self.engine, self.provider, clock=self.clock, random=self.random)

    def random(self, size: int) -> bytes:
        """Draw random bytes; the keyring does so inside its transaction, after it has looked for tombstones."""
        interruption, self.interruption = self.interruption, None
        if interruption:
            interruption()
        return os.urandom(size)

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin a call in the storage thread."""
        return self.thread.submit(lambda: call(*args, **kwargs))

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Carry out a call in the storage thread."""
        return self.submit(call, *args, **kwargs).result(30)

    def change(self, statement: Executable) -> None:
        """Change the keyring database behind the keyring's back."""

        def changing() -> None:
            with self.engine.begin() as connection:
                connection.execute(statement)

        self.run(changing)

    def begin_epoch(self, number: int) -> None:
        """Begin a further epoch, as rotation does."""
        kek, body = self.provider.wrap(f"epoch {number}", os.urandom(32))
        span = {"began_at": self.clock.now, "ends_at": self.clock.now + EPOCH}
        self.change(insert(epochs).values(epoch=number, kek=kek, wrapped=body, **span))

    def add_version(self, subject: str, scope: str, version: int) -> None:
        """Put another version of a key beside the one that is there, wrapped by the newest epoch: the format has it."""

        def adding() -> None:
            with self.engine.begin() as connection:
                epoch = self.keyring.epochs.newest(connection)
                wrapped = epoch.wrap(subject, scope, version, os.urandom(32), os.urandom(12))
                named = {"subject": subject, "scope": scope, "version": version, "epoch": epoch.number}
                rest = {"wrapped": wrapped, "created_at": self.clock.now, "settled": False}
                connection.execute(insert(scope_keys).values(**named, **rest))

        self.run(adding)


@contextmanager
def processes(keyring_url: str, folder: Path) -> Iterator[Callable[[], Process]]:
    """Yield what starts one more process on the same keyring, KEK file and clock; end them all afterwards."""
    clock = Clock()
    running: list[Process] = []

    def begin() -> Process:
        provider = CountingProvider(FileProvider(folder / "keys" / "kek.json", os.urandom))
        thread = StorageThread("storage", greenlets=is_async(keyring_url))
        process = Process(data_engine(keyring_url), thread, provider, clock)
        running.append(process)
        process.run(process.keyring.open)
        return process

    try:
        yield begin
    finally:
        for process in running:
            process.run(process.engine.dispose)
            process.thread.close()
