"""The rows behind the keyring: keys and tombstones. Each function works inside the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Row,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from storage.errors import NotDestroyed, SubjectErased
from storage.keyring_tables import installation, scope_keys, tombstones
from storage.keys.cache import Name
from storage.short_reading import ShortReading

EVERYTHING = "*"  # the scope of a tombstone that bars the whole person


class KeyName(NamedTuple):
    """One version of the key of one scope of one person."""

    subject: str
    scope: str
    version: int


class StoredKey(NamedTuple):
    """One version of a key as it stands in the database."""

    subject: str
    scope: str
    version: int
    epoch: int
    wrapped: bytes


_KEYS_OF = ShortReading(
    select(*(scope_keys.c[name] for name in StoredKey._fields)).where(
        scope_keys.c.subject.in_(bindparam("subjects", expanding=True))
    ),
    "subjects",
)


def stored(connection: Connection, names: Collection[Name]) -> dict[Name, list[StoredKey]]:
    """Return the wrapped versions of each name's key; who has none is absent."""
    if not names:
        return {}
    wanted = set(names)
    found: dict[Name, list[StoredKey]] = defaultdict(list)
    for row in map(StoredKey._make, _KEYS_OF.rows(connection, list({subject for subject, _ in wanted}))):
        if (row.subject, row.scope) in wanted:
            found[row.subject, row.scope].append(row)
    return dict(found)


def destroy_barred(connection: Connection, names: Collection[KeyName]) -> set[KeyName]:
    """Delete those of these keys that a tombstone bars and return them. Raises NotDestroyed."""
    tombs = _tombstones(connection, {name.subject for name in names})
    barred = {name for name in names if tombs & {(name.subject, name.scope), (name.subject, EVERYTHING)}}
    if barred:
        destroy(
            connection, tuple_(scope_keys.c.subject, scope_keys.c.scope, scope_keys.c.version).in_(barred)
        )
    return barred


def refuse_erased(connection: Connection, names: Collection[Name]) -> None:
    """Raise SubjectErased when a tombstone stands against any of these names."""
    barred = _tombstones(connection, {subject for subject, _ in names})
    for subject, scope in names:
        if barred & {(subject, scope), (subject, EVERYTHING)}:
            raise SubjectErased(f"{scope} of subject {subject} was erased")


def erased_scopes(connection: Connection, subject: str) -> set[str]:
    """Return the scopes of a person's tombstones."""
    return {scope for _, scope in _tombstones(connection, {subject})}


def of_person(subject: str, scopes: Collection[str] | None) -> ColumnElement[bool]:
    """Return the condition of a person's keys of these scopes, or (None) of all."""
    mine = scope_keys.c.subject == subject
    return mine if scopes is None else mine & scope_keys.c.scope.in_(scopes)


def destroy(connection: Connection, which: ColumnElement[bool]) -> set[str]:
    """Delete these keys and return their scopes. Raises NotDestroyed where the database keeps one: a trigger can."""
    gone = set(connection.scalars(delete(scope_keys).where(which).returning(scope_keys.c.scope)))
    left = connection.execute(select(scope_keys.c.subject, scope_keys.c.scope).where(which).limit(1)).first()
    if left is not None:
        raise NotDestroyed(
            f"the key of {left.scope} of subject {left.subject} cannot be deleted: "
            "remove triggers from scope_keys"
        )
    return gone


def must_be_destroyed(connection: Connection, subject: str, scopes: Collection[str] | None) -> None:
    """Raises NotDestroyed unless tombstones bar a person's keys of these scopes, or (None) all, and none stands."""
    barred = erased_scopes(connection, subject)
    are_barred = EVERYTHING in barred or {*(scopes or [EVERYTHING])} <= barred
    standing = select(scope_keys.c.scope).where(of_person(subject, scopes)).limit(1)
    if not are_barred or connection.execute(standing).first() is not None:
        raise NotDestroyed(
            f"keys of subject {subject} stand still, or no tombstone bars them: somebody else writes to the keyring"
        )


def bury(connection: Connection, subject: str, scopes: Iterable[str], at: datetime) -> None:
    """Write and count the tombstones of these scopes; those that stand already stay as they are.

    Call it where no other process writes any (`keyring_tables.keep_out`).
    """
    fresh = sorted({*scopes} - erased_scopes(connection, subject))
    if fresh:
        connection.execute(
            insert(tombstones), [{"subject": subject, "scope": scope, "at": at} for scope in fresh]
        )
        counted = installation.c.tombstones + len(fresh)
        connection.execute(update(installation).values(tombstones=counted))


def begin_counting(connection: Connection, name: str) -> None:
    """Give a keyring that has no name its own, and count the tombstones that it has."""
    if connection.execute(select(installation)).first() is None:
        there = select(func.count()).select_from(tombstones).scalar_subquery()
        connection.execute(insert(installation).values(id=name, tombstones=there))


def living(connection: Connection, subjects: Collection[str]) -> dict[str, set[str]]:
    """Return, by subject, the scopes that have a key."""
    found: dict[str, set[str]] = defaultdict(set)
    query = select(scope_keys.c.subject, scope_keys.c.scope).where(scope_keys.c.subject.in_(subjects))
    for subject, scope in connection.execute(query):
        found[subject].add(scope)
    return found


def buried(connection: Connection, subjects: Collection[str]) -> dict[str, dict[str, datetime]]:
    """Return, by subject, the scopes of the tombstones and since when they stand."""
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for row in connection.execute(select(tombstones).where(tombstones.c.subject.in_(subjects))):
        found[row.subject][row.scope] = row.at
    return found


def count_tombstones(connection: Connection) -> int:
    """Return how many tombstones stand. None ever goes, so the number only grows."""
    return connection.execute(select(func.count()).select_from(tombstones)).scalar_one()


def unsettled(connection: Connection, older_than: datetime) -> list[KeyName]:
    """Return the keys made before this time under which nobody has seen data, oldest first."""
    query = (
        select(scope_keys.c.subject, scope_keys.c.scope, scope_keys.c.version)
        .where(scope_keys.c.settled.is_(False), scope_keys.c.created_at < older_than)
        .order_by(scope_keys.c.created_at)
    )
    return [KeyName(*row) for row in connection.execute(query)]


def made_again(connection: Connection, names: Collection[Name], at: datetime) -> None:
    """Have the keys under which nobody has seen data yet count as made at this time."""
    waiting = tuple_(scope_keys.c.subject, scope_keys.c.scope).in_(list(names)) & scope_keys.c.settled.is_(
        False
    )
    connection.execute(update(scope_keys).where(waiting).values(created_at=at))


def discard_orphans(connection: Connection, names: Collection[KeyName], older_than: datetime) -> list[str]:
    """Delete those of these versions that were made before this time; return whose went, one entry a version."""
    these = tuple_(scope_keys.c.subject, scope_keys.c.scope, scope_keys.c.version).in_(names)
    old = scope_keys.c.settled.is_(False) & (scope_keys.c.created_at < older_than)
    return list(connection.scalars(delete(scope_keys).where(these, old).returning(scope_keys.c.subject)))


def settle(connection: Connection, names: Iterable[tuple[str, str, int]]) -> None:
    """Note that data exists under these keys."""
    _each(connection, update(scope_keys).values(settled=True), names)


def unsettle(connection: Connection, names: Iterable[tuple[str, str, int]]) -> None:
    """Note that no data exists under these keys any more: they are orphans from now on."""
    _each(connection, update(scope_keys).values(settled=False), names)


def discard(connection: Connection, names: Iterable[tuple[str, str, int]]) -> None:
    """Delete exactly these versions."""
    _each(connection, delete(scope_keys), names)


def wrapped_by(connection: Connection, epochs: Collection[int], at_once: int) -> Sequence[Row[Any]]:
    """Return some of the keys that these epochs wrap, none that another process works on at this moment."""
    columns = (scope_keys.c[name] for name in ("subject", "scope", "version", "epoch", "wrapped"))
    some = select(*columns).where(scope_keys.c.epoch.in_(epochs)).limit(at_once)
    return connection.execute(some.with_for_update(skip_locked=True)).all()  # SQLite has one writer


def rewrap(connection: Connection, epoch: int, rewrapped: Sequence[tuple[Row[Any], bytes]]) -> None:
    """Put each key's new wrap in place of the one that was read, where that still stands."""
    parameters = [
        {"of_subject": row.subject, "of_scope": row.scope, "of_version": row.version, "old": row.epoch}
        | {"wrap": wrap}
        for row, wrap in rewrapped
    ]
    as_it_was = _THIS_KEY & (scope_keys.c.epoch == bindparam("old"))
    change = update(scope_keys).where(as_it_was).values(epoch=epoch, wrapped=bindparam("wrap"))
    if parameters:
        connection.execute(change, parameters)


_THIS_KEY = (
    (scope_keys.c.subject == bindparam("of_subject"))
    & (scope_keys.c.scope == bindparam("of_scope"))
    & (scope_keys.c.version == bindparam("of_version"))
)


def _each(connection: Connection, change: Update | Delete, names: Iterable[tuple[str, str, int]]) -> None:
    parameters = [{"of_subject": subject, "of_scope": scope, "of_version": v} for subject, scope, v in names]
    if parameters:
        connection.execute(change.where(_THIS_KEY), parameters)


def _tombstones(connection: Connection, subjects: Collection[str]) -> set[tuple[str, str]]:
    query = select(tombstones.c.subject, tombstones.c.scope).where(tombstones.c.subject.in_(subjects))
    return {(row.subject, row.scope) for row in connection.execute(query)}
