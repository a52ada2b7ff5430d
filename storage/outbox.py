"""What is still to be told to others: claimed, delivered, retried, dead.

A row holds ids and names, never a value: values are opened at sending time for the recipient's purpose. The exception
is a *lasting* task, which must outlive its person (telling a recipient of the erasure): it carries its minimum sealed
under a task key of its own (pseudo subject = row id), destroyed when the task is done or dead.

    waiting ── claim ──> leased until `due_at` ── done ──> row deleted
       ^                       │
       └──── retry, lease over ┴── 3 days old ──> dead
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from storage.connecting import reading
from storage.keyring_tables import insert_new
from storage.keys.keyring import Keyring
from storage.keys.sealing import NONCE_BYTES, Place, seal, unseal
from storage.tables import doomed_keys
from storage.tables import outbox as rows

# a claimed task that nobody finished is due again; a delivery takes at most 20 s
LEASE = timedelta(minutes=2)
FIRST_RETRY = timedelta(seconds=30)  # doubled at each failure
LONGEST_RETRY = timedelta(hours=8)
GIVE_UP = timedelta(days=3)  # contract, "Outgoing webhooks"
TASK_SCOPE = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One row: `kind` tells what happened, `recipient` whom to tell ("" for a handler of the desk's own)."""

    id: str
    kind: str
    subject: str
    at: datetime
    recipient: str = ""
    conversation: str = ""
    reference: str = ""
    fields: tuple[str, ...] = ()
    attempts: int = 0
    sealed: bytes = field(default=b"", repr=False)

    @property
    def lasting(self) -> bool:
        """Say whether the task outlives its person and carries its own sealed minimum."""
        return bool(self.sealed)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks wait, and how many were given up."""

    pending: int
    dead: int


def enqueue(connection: sa.Connection, tasks: Iterable[Task]) -> None:
    """Write tasks in the caller's transaction; they are due at once."""
    written = [
        {
            "id": task.id,
            "kind": task.kind,
            "subject": task.subject,
            "recipient": task.recipient,
            "conversation": task.conversation,
            "reference": task.reference,
            "fields": ",".join(task.fields),
            "created_at": task.at,
            "due_at": task.at,
            "attempts": 0,
            "error": "",
            "sealed": task.sealed,
        }
        for task in tasks
    ]
    if written:
        connection.execute(sa.insert(rows), written)


def lasting(keyring: Keyring, random: Callable[[int], bytes], task: Task, carried: Mapping[str, Any]) -> Task:
    """Return `task` with `carried` sealed under a new task key. Call it before the transaction: the key comes first."""
    key = keyring.create([(task.id, TASK_SCOPE)])[task.id, TASK_SCOPE]
    sealed = seal(key, _place(task.id), json.dumps(carried).encode(), random(NONCE_BYTES))
    return Task(
        id=task.id, kind=task.kind, subject=task.id, at=task.at, recipient=task.recipient, sealed=sealed
    )


class Outbox:
    """The worker's side. Several workers may claim at once; each gets tasks of its own."""

    def __init__(self, engine: sa.Engine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    def claim(self, now: datetime, limit: int = 10) -> list[Task]:
        """Return up to `limit` due tasks, oldest first, leased to the caller until `LEASE` from now."""
        due = (
            sa.select(rows.c.id)
            .where(rows.c.dead_at.is_(None), rows.c.due_at <= now)
            .order_by(rows.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)  # left out on SQLite, whose transactions already take turns
        )
        lease = (
            sa.update(rows)
            .where(rows.c.id.in_(due))
            .values(due_at=now + LEASE, attempts=rows.c.attempts + 1)
            .returning(rows)
        )
        with self._engine.begin() as connection:
            tasks = [_task(row) for row in connection.execute(lease)]
        return sorted(tasks, key=lambda task: (task.at, task.id))

    def carried(self, task: Task) -> dict[str, Any]:
        """Return what a lasting task carries. Raises KeyLost or CannotUnseal when it cannot be opened any more."""
        keys = self._keyring.keys([(task.id, TASK_SCOPE)]).get((task.id, TASK_SCOPE), {})
        opened: dict[str, Any] = json.loads(unseal(keys, _place(task.id), task.sealed))
        return opened

    def done(self, task: Task) -> None:
        """Forget a task that was carried out, and destroy its key if it had one."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(rows).where(rows.c.id == task.id))
            _doom(connection, task)
        self._shred(task)

    def retry(self, task: Task, now: datetime, error: str) -> bool:
        """Put a failed task off, or give it up after `GIVE_UP`; return whether it will be tried again.

        Args: error: the class of the fault, never its text.
        """
        wait = min(FIRST_RETRY * 2 ** min(task.attempts - 1, 20), LONGEST_RETRY)
        again: bool = now + wait <= task.at + GIVE_UP
        change = {"due_at": now + wait} if again else {"dead_at": now, "sealed": b""}
        newest = rows.c.attempts == task.attempts  # another worker may hold it by now
        mine = sa.and_(rows.c.id == task.id, newest)
        with self._engine.begin() as connection:
            changed = connection.execute(sa.update(rows).where(mine).values(error=error, **change)).rowcount
            if changed and not again:
                _doom(connection, task)
        if changed and not again:
            self._shred(task)
        return again

    def counts(self) -> Counts:
        """Return how many tasks wait and how many are dead."""
        waiting = sa.func.count().filter(rows.c.dead_at.is_(None))
        dead = sa.func.count().filter(rows.c.dead_at.is_not(None))
        with reading(self._engine).begin() as connection:
            pending, given_up = connection.execute(sa.select(waiting, dead).select_from(rows)).one()
        return Counts(pending, given_up)

    def _shred(self, task: Task) -> None:
        if task.lasting:
            self._keyring.destroy(task.id, [TASK_SCOPE], tombstone=False, at=task.at)


def _doom(connection: sa.Connection, task: Task) -> None:
    """Write down that a task's key is to go, so that it does even where this process dies before it destroys it."""
    if task.lasting:
        doomed = {"subject": task.id, "scope": TASK_SCOPE}
        connection.execute(insert_new(connection, doomed_keys), [doomed])


def _place(task: str) -> Place:
    return Place(subject=task, table="outbox", column="sealed", row=task, revision=0)


def _task(row: sa.Row[Any]) -> Task:
    return Task(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        at=row.created_at,
        recipient=row.recipient,
        conversation=row.conversation,
        reference=row.reference,
        fields=tuple(filter(None, row.fields.split(","))),
        attempts=row.attempts,
        sealed=row.sealed,
    )
