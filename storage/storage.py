"""Storage as a process uses it: both databases, the keyring and what is built on them, in one thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from intake.rules import Rules
from storage import in_use, migrations
from storage.connecting import FAULTS, StorageThread, data_engine, is_async, reading, truncate_wal
from storage.copies import replacing
from storage.errors import DatabaseAway
from storage.evidence.chainer import Chain
from storage.keys import checkpoints
from storage.keys.checkpoints import Anchor
from storage.keys.kek_address import provider_for
from storage.keys.keyring import Keyring
from storage.outbox import Outbox
from storage.rekeying.rotation import Rotation
from storage.sales.leads import Leads
from storage.sales.parcels import Parcels
from storage.sales.staff import Staff
from storage.sources import Sources
from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Storage:
    """Opened storage. Its parts are called through `thread` only."""

    thread: StorageThread
    keyring: Keyring
    store: Store
    outbox: Outbox
    leads: Leads
    parcels: Parcels
    staff: Staff
    chain: Chain
    rotation: Rotation
    engine: Engine
    keyring_engine: Engine
    anchor: Anchor | None

    @classmethod
    def open(
        cls,
        database_url: str,
        keyring_url: str,
        kek_url: str,
        rules: Rules,
        *,
        migrate: bool = False,
        public_url: str = "",
        anchor: Path | None = None,
        sources: Sources | None = None,
        old_copy: bool = False,
    ) -> Storage:
        """Open both databases and the keyring; with `migrate`, bring the data database up to this version first.

        Args: public_url: where visitors reach the desk; it stands in receipts. anchor: the file outside both databases
        that notes how far the keyring has come. old_copy: take old data too, to back it up.
        Raises: OperatorMustAct: KekRefused, KeyringRefused, UrlRefused, DatabaseAway, SchemaTooOld, SchemaTooNew, and
        RestoreRefused while a backup is being put back.
        """
        thread = StorageThread("storage", greenlets=is_async(database_url) or is_async(keyring_url))
        engines: list[Engine] = []
        try:
            build = partial(cls._built, migrate=migrate, public_url=public_url, sources=sources or Sources())
            build = partial(build, anchor=Anchor(anchor) if anchor else None, old_copy=old_copy)
            return thread.submit(build, thread, engines, database_url, keyring_url, kek_url, rules).result()
        except FAULTS as fault:
            _close(thread, engines)
            away = f"a database cannot be opened ({type(fault).__name__}): check DATABASE_URL and KEYRING_URL"
            raise DatabaseAway(away) from fault
        except BaseException:
            _close(thread, engines)
            raise

    @classmethod
    def _built(
        cls,
        thread: StorageThread,
        engines: list[Engine],
        database_url: str,
        keyring_url: str,
        kek_url: str,
        rules: Rules,
        *,
        migrate: bool,
        public_url: str,
        anchor: Anchor | None,
        sources: Sources,
        old_copy: bool,
    ) -> Storage:
        clock, random = sources.clock, sources.random
        engines.append(engine := data_engine(database_url))
        engines.append(keyring_engine := data_engine(keyring_url))
        _ready(engine, keyring_engine, migrate=migrate)
        keyring = Keyring(keyring_engine, provider_for(kek_url, random=random), clock=clock, random=random)
        _opened(keyring, engine, anchor, old_copy=old_copy)
        made = partial(Store, clock=clock, random=random, writer=random(8).hex())
        store = made(engine, keyring, rules, public_url=public_url)
        outbox = Outbox(engine, keyring)
        leads = Leads(engine, store, rules, random=random)
        return cls(
            thread=thread,
            keyring=keyring,
            store=store,
            outbox=outbox,
            leads=leads,
            parcels=Parcels(engine, store, leads, outbox),
            staff=Staff(engine, keyring, random=random),
            chain=Chain(engine, keyring),
            rotation=Rotation(store.means),
            engine=engine,
            keyring_engine=keyring_engine,
            anchor=anchor,
        )

    @property
    def version(self) -> str:
        """Return the version of the data database: the newest migration that was carried out."""
        return self.thread.submit(migrations.current, self.engine).result()

    def note_checkpoint(self) -> None:
        """Note outside both databases how far the keyring has come. Raises KeyringRefused."""
        if self.anchor:
            self.anchor.note(self.keyring.checkpoint())

    def truncate_logs(self) -> bool:
        """Empty SQLite's write-ahead logs; False while a reader holds one: try again later."""
        return all([truncate_wal(self.engine), self.keyring.scrub()])

    def close(self) -> None:
        """Finish what is queued, then close both databases and end the thread."""
        _close(self.thread, [self.engine, self.keyring_engine])


def _ready(engine: Engine, keyring_engine: Engine, *, migrate: bool) -> None:
    """Have the data database of this version, and say that it is in use. Raises OperatorMustAct."""
    in_use.share(engine)
    replacing.must_be_whole(engine)
    with reading(engine).begin():  # so no restore is under way
        for one in (engine, keyring_engine):
            replacing.clear_leftovers(one)
    if migrate:
        migrations.upgrade(engine)
    migrations.must_be_current(engine)


def _opened(keyring: Keyring, engine: Engine, anchor: Anchor | None, *, old_copy: bool) -> None:
    """Open the keyring that belongs to this data, or a new one for new data. Raises OperatorMustAct."""
    with reading(engine).begin() as data, reading(keyring.engine).begin() as keys:
        checkpoints.must_fit(data, keys, anchor)
    if not old_copy:
        checkpoints.refuse_old_copy(engine, keyring.engine)
    keyring.open()
    now = keyring.checkpoint()
    if not old_copy:
        with engine.begin() as connection:
            checkpoints.bind(connection, now)
    if anchor:
        anchor.note(now)


def _close(thread: StorageThread, engines: list[Engine]) -> None:
    for engine in engines:
        thread.submit(engine.dispose).result()
    thread.close()
