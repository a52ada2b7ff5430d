"""Putting a backup back: old data under the current keyring, and nothing is served before it is as it may be.

alone → keyring (put in place only where there is none) → what the current data still has to do
      → the backup beside it → migrated, merged, replayed → in its place, or everything is as it was
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from asyncpg import PostgresError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from intake.rules import Rules
from storage import in_use, keyring_tables, migrations
from storage.connecting import StorageThread, data_engine, is_async, reading, truncate_wal
from storage.copies import drafting, merging, replacing, replaying
from storage.copies.backup import Places, kind_of
from storage.copies.manifests import DATA, KEYRING, TABLES, Manifest
from storage.copies.replaying import Replayed
from storage.errors import DatabaseAway, KeyringRefused, RestoreRefused, SchemaTooNew
from storage.evidence import audit
from storage.evidence.audit import COMMAND, Entry
from storage.keys import checkpoints
from storage.keys.checkpoints import Anchor, Checkpoint
from storage.keys.kek_address import provider_for
from storage.keys.keyring import Keyring
from storage.means import Means, stamp
from storage.people import erasure, orphans
from storage.sources import Sources
from storage.store import Store

RESTORED = "restored"  # the audit's action


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """What is put back, and where. `with_keyring`: its keyring too, where there is none."""

    places: Places
    folder: Path
    rules: Rules
    with_keyring: bool
    sources: Sources

    def carry_out(self) -> Replayed:
        """Put the backup back, or change nothing. After a crash it can be carried out again.

        Raises: RestoreRefused, KeyringRefused, SchemaTooNew and whatever else keeps storage from being opened.
        """
        places = self.places
        urls = places.database_url, places.keyring_url
        thread = StorageThread("restore", greenlets=any(map(is_async, urls)))
        engines: list[Engine] = []
        try:
            return thread.submit(_carry_out, self, engines).result()
        except (SQLAlchemyError, PostgresError) as fault:
            raise DatabaseAway(
                f"a database refuses ({type(fault).__name__}): check DATABASE_URL and KEYRING_URL, "
                "and that their users own the tables; then restore again"
            ) from fault
        finally:
            for engine in engines:
                thread.submit(engine.dispose).result()
            thread.close()

    @property
    def anchor(self) -> Anchor:
        """Return what is noted outside both databases."""
        return Anchor(self.places.anchor)


def _carry_out(asked: Restore, engines: list[Engine]) -> Replayed:
    places = asked.places
    engines.append(engine := data_engine(places.database_url))
    engines.append(keyring_engine := data_engine(places.keyring_url))
    backup = Manifest.read(asked.folder, DATA, kind_of(engine))
    migrations.refuse_newer(backup.schema)
    with in_use.alone(engine):
        _clear_leftovers(asked, engine, keyring_engine)
        there, noted = _current(engine, backup)
        known = [backup.checkpoint, noted]
        if asked.with_keyring:
            _put_keyring(asked, keyring_engine, known)
        means = _means(asked, engine, keyring_engine, known)
        if there:
            _settle(means, doomed=not asked.with_keyring)
        done = _put_data(asked, means, keyring_engine, backup, there=there)
        orphans.sweep(means, asked.sources.clock())
    truncate_wal(engine)
    means.keyring.scrub()
    return done


def _clear_leftovers(asked: Restore, *engines: Engine) -> None:
    """Remove what killed restores left beside the databases, and killed backups beside the one that is put back."""
    for engine in engines:
        replacing.clear_leftovers(engine)
    drafting.clear_leftovers(asked.folder.absolute().parent)


def _current(engine: Engine, backup: Manifest) -> tuple[bool, Checkpoint | None]:
    """Return whether there is current data, if only that of an interrupted restore, and what it knows of its keyring.

    A database on a new disk that was only migrated, or whose desk nobody has talked to, is none.
    """
    with reading(engine).begin() as connection:
        schema = replacing.schema_of_current(connection)
        if not replacing.has_tables(connection, schema):
            return False, None
        noted = checkpoints.of_data(connection, schema)
        ours = noted is not None and noted.installation == backup.installation
        if not ours and checkpoints.is_empty(connection, schema):
            return False, None
        return True, noted


def _put_keyring(asked: Restore, engine: Engine, known: list[Checkpoint | None]) -> None:
    """Put the backup's keyring in place, where there is none and it is as new as any that is known of."""
    with reading(engine).begin() as connection:
        interrupted = replacing.schema_of_current(connection) is not None
        there = checkpoints.found_keyring(connection) is not None
        if there and not interrupted and checkpoints.knows_people(connection):
            raise RestoreRefused(
                "there is a keyring at KEYRING_URL: leave --keyring out, old data needs the current one"
            )
    backup = Manifest.read(asked.folder, KEYRING, kind_of(engine))
    if int(backup.schema) > keyring_tables.SCHEMA:
        raise SchemaTooNew(f"this keyring has schema {backup.schema} of a newer Askfirst: update this one")
    checkpoints.must_know(backup.checkpoint, [*known, asked.anchor.read(backup.installation)])
    path = asked.folder / KEYRING / backup.file
    places = asked.places
    with (
        replacing.replaced(engine, places.keyring_url, TABLES[KEYRING], path, places.environment) as restored,
        reading(restored).begin() as connection,
    ):
        if checkpoints.found_keyring(connection) != backup.checkpoint:
            raise RestoreRefused(f"{path} is not what its manifest says: take another backup")


def _means(asked: Restore, engine: Engine, keyring_engine: Engine, known: list[Checkpoint | None]) -> Means:
    """Return what storage works with, over a keyring that is there and new enough."""
    with reading(keyring_engine).begin() as connection:
        found = checkpoints.found_keyring(connection)
    if found is None:
        raise KeyringRefused(checkpoints.MISSING)
    checkpoints.must_know(found, [*known, asked.anchor.read(found.installation)])
    provider = provider_for(asked.places.kek_url, random=asked.sources.random)
    keyring = Keyring(keyring_engine, provider, clock=asked.sources.clock, random=asked.sources.random)
    keyring.open()
    asked.anchor.note(keyring.checkpoint())
    clock, random = asked.sources.clock, asked.sources.random
    return Store(engine, keyring, asked.rules, clock=clock, random=random, writer=random(8).hex()).means


def _settle(means: Means, *, doomed: bool) -> None:
    """Bring what the current data still has to do with keys to its end: the restored data will not know of it.

    Args: doomed: also destroy keys that are doomed; not where the keyring is the backup's, and has no newer ones.
    """
    with reading(means.engine).begin() as connection:
        settled = replacing.schema_of_current(connection) is not None  # before it was interrupted
    if not settled:
        migrations.upgrade(means.engine)
        with means.engine.begin() as connection:
            begun = erasure.unfinished(connection)
        for one in begun:
            erasure.finish(means, one)
        if doomed:
            orphans.destroy_doomed(means)


def _put_data(
    asked: Restore, means: Means, keyring_engine: Engine, backup: Manifest, *, there: bool
) -> Replayed:
    path, places, now = asked.folder / DATA / backup.file, asked.places, asked.sources.clock()
    with replacing.replaced(
        means.engine, places.database_url, TABLES[DATA], path, places.environment
    ) as restored:
        migrations.upgrade(restored)
        beside = replace(means, engine=restored)
        with restored.begin() as connection:
            if there:
                merging.merge(connection, keyring_engine)
            else:
                merging.without_current(connection, means.keyring, now)
        replaying.finish_erasures(beside)
        done = replaying.replay(beside, keyring_engine, now)
        replaying.find_again(beside)
        with restored.begin() as connection:
            merging.drop_strays(connection)
            checkpoints.must_know(means.keyring.checkpoint(), [checkpoints.of_data(connection)])
            checkpoints.bind(connection, means.keyring.checkpoint())
            what = f"backup of {stamp(backup.taken)}"
            line = Entry(at=now, actor=COMMAND, action=RESTORED, subject="", purpose=what)
            audit.write(connection, means.writer, [line])
        replaying.unsettle_lost(beside, keyring_engine)
    return done
