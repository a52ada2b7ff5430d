"""Keys that a crash left over: made for data that was never written, or doomed by a commit and not yet destroyed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_, union

from storage import scopes
from storage.connecting import reading
from storage.keys import rows
from storage.keys.cache import Name
from storage.keys.rows import KeyName
from storage.means import Means
from storage.outbox import TASK_SCOPE
from storage.tables import (
    conversations,
    doomed_keys,
    erasures,
    fields,
    leads,
    messages,
    outbox,
    subjects,
)

AT_ONCE = 500  # keys looked at in one query; bounds its parameters


def sweep(means: Means, older_than: datetime) -> int:
    """Destroy doomed keys and those made before this time without data; return how many keys went."""
    gone = destroy_doomed(means)
    made = means.keyring.orphans(older_than)
    return gone + sum(
        _discard_unused(means, made[start : start + AT_ONCE], older_than)
        for start in range(0, len(made), AT_ONCE)
    )


def destroy_doomed(means: Means) -> int:
    """Destroy the keys that commits have doomed; return how many there were still."""
    gone = 0
    while (doomed := _doomed(means)) is not None:
        gone += doomed
    return gone


def _doomed(means: Means) -> int | None:
    """Destroy some of the doomed keys; return how many there were still, or None when nothing is doomed.

    A name under which something stands was not doomed by a commit here: it is struck off, and its key stays. Whoever
    can write to the data could otherwise bring to nothing what backups hold.
    """
    with means.engine.begin() as connection:
        some = connection.execute(select(doomed_keys).limit(AT_ONCE))
        doomed: list[Name] = [(row.subject, row.scope) for row in some]
    if not doomed:
        return None
    with reading(means.keyring.engine).begin() as connection:  # read, not opened: a damaged key goes as well
        stored = rows.stored(connection, doomed)
    there = [KeyName(key.subject, key.scope, key.version) for found in stored.values() for key in found]
    names = unused(means, there)
    if names:
        means.keyring.discard(names)
    with means.engine.begin() as connection:
        both = tuple_(doomed_keys.c.subject, doomed_keys.c.scope)
        connection.execute(delete(doomed_keys).where(both.in_(doomed)))
    return len(names)


def _discard_unused(means: Means, made: Sequence[KeyName], older_than: datetime) -> int:
    """Settle keys with data, destroy those without, unless a turn has asked for them again meanwhile."""
    with means.engine.begin() as connection:
        used = _used(connection, {name.subject for name in made})
    over = _unused(used, made)
    settled = [name for name in made if name.scope in used[name.subject]]
    if settled:
        means.keyring.settle(settled)
    return means.keyring.discard_orphans(over, older_than) if over else 0


def unused(means: Means, names: Sequence[KeyName]) -> list[KeyName]:
    """Return those of these keys under which nothing stands, and that are no other part's to look after."""
    with means.engine.begin() as connection:
        return _unused(_used(connection, {name.subject for name in names}), names)


def _unused(used: dict[str, set[str]], names: Sequence[KeyName]) -> list[KeyName]:
    return [name for name in names if _is_ours(name) and name.scope not in used[name.subject]]


def _is_ours(name: KeyName) -> bool:
    """Tell a scope of people and tasks from one that another part of the desk looks after (colleagues)."""
    return name.scope in (scopes.CONSENTS, scopes.CHAT, TASK_SCOPE) or "." in name.scope


def _used(connection: Connection, owners: Collection[str]) -> dict[str, set[str]]:
    """Return, by subject, the scopes under which something stands or may be written any moment."""
    used: dict[str, set[str]] = defaultdict(set)
    named = union(
        *(
            select(table.c.subject, table.c.scope).where(table.c.subject.in_(owners))
            for table in (conversations, leads, fields)
        ),
        select(messages.c.subject, messages.c.scope).where(
            messages.c.subject.in_(owners), messages.c.sealed_body.is_not(None)
        ),
    )
    for subject, scope in connection.execute(named):
        used[subject].add(scope)
    for person in connection.execute(select(subjects).where(subjects.c.subject.in_(owners))):
        numbered = {scopes.profile(person.profile), scopes.visit(person.visit)}
        used[person.subject] |= {*numbered, scopes.CONSENTS, scopes.CHAT}
    tasks = union(
        select(outbox.c.id).where(outbox.c.id.in_(owners), outbox.c.sealed != b""),
        select(erasures.c.task).where(erasures.c.task.in_(owners), erasures.c.step < 3),  # then it is there
    )
    for task in connection.scalars(tasks):
        used[task].add(TASK_SCOPE)
    return used
