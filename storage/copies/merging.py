"""What of the current data outlives a restore: a table of the tables decides, so that no new one is forgotten.

What people said and gave is as in the backup, unless it has moved to another key since (`storage.copies.moved_on`).
What was decided, told to others and written down since stays: a restore appends to the audit and never rewinds it, a
withdrawal is not undone, nothing is delivered twice, and the numbers of messages are not given out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table

from storage import tables
from storage.connecting import reading
from storage.copies import moved_on
from storage.copies.moved_on import before, names, same_row
from storage.keys import rows
from storage.keys.keyring import Keyring
from storage.outbox import TASK_SCOPE

RESTORED = "Restored"  # the error of a task of which nobody knows whether it was carried out


class Rule(Enum):
    """Whose rows a table has after a restore."""

    BACKUP = "as in the backup"
    APPENDED = "the backup's, and whatever was added since"
    NEWEST = "both; where they differ, as it is now"
    CURRENT = "as it is now; as in the backup only where that is lost"
    DOOR = "as it is now; an old way in is none"
    NOTHING = "no row: what it serves for has passed"


RULES: Mapping[str, Rule] = {
    "subjects": Rule.BACKUP,
    "conversations": Rule.BACKUP,
    "messages": Rule.BACKUP,
    "fields": Rule.BACKUP,
    "index_rows": Rule.BACKUP,
    "chats": Rule.BACKUP,
    "leads": Rule.BACKUP,
    "erasures": Rule.BACKUP,  # all current ones were brought to their end before
    "doomed_keys": Rule.BACKUP,  # all current ones were destroyed before
    "keyring_seen": Rule.BACKUP,  # and then as far as the keyring has come
    "audit": Rule.APPENDED,
    "audit_heads": Rule.CURRENT,  # the chain goes on where it is
    "audit_chained": Rule.CURRENT,
    "audit_sent": Rule.CURRENT,
    "terms": Rule.APPENDED,
    "consents": Rule.NEWEST,
    "sessions": Rule.NEWEST,  # stubs of erased ones answer 410
    "disclosures": Rule.NEWEST,
    "staff": Rule.NEWEST,  # who was disabled stays so
    "updates_seen": Rule.NEWEST,
    "outbox": Rule.CURRENT,
    "devices": Rule.DOOR,
    "codes": Rule.NOTHING,
    "staff_links": Rule.DOOR,
    "staff_sessions": Rule.DOOR,
}
# Columns of restored rows that are as they are now.
COLUMNS: Mapping[Table, tuple[str, ...]] = {
    tables.subjects: ("kind",),
    tables.leads: ("status", "assignee", "keeps_until"),
    tables.conversations: ("delivered_seq", "last_seq", "updated_at"),
}
_ALONE = (tables.consents, tables.disclosures)  # tables whose rows are nothing without their person


def merge(connection: Connection, keyring: Engine) -> None:
    """Bring the restored tables up to date from the current ones, which stand beside them."""
    for name, rule in RULES.items():
        _TAKE[rule](connection, tables.metadata.tables[name])
    _keep_numbers(connection)
    moved_on.keep(connection, keyring)
    for table, columns in COLUMNS.items():
        _keep_columns(connection, table, columns)


def without_current(connection: Connection, keyring: Keyring, now: datetime) -> None:
    """Bring the restored tables up to date where the current ones are lost.

    A task with a key of its own is carried out unless the key is gone: then it was. Of the others nobody knows: they
    are dead until the operator says otherwise. Sessions and links of colleagues end, remembered devices are forgotten.
    """
    tasks = tables.outbox
    lasting = connection.scalars(sa.select(tasks.c.id).where(tasks.c.sealed != b"")).all()
    with reading(keyring.engine).begin() as keys:
        living = rows.living(keys, lasting)
    done = [task for task in lasting if TASK_SCOPE not in living.get(task, ())]
    connection.execute(sa.delete(tasks).where(tasks.c.id.in_(done)))
    unknown = sa.update(tasks).where(tasks.c.sealed == b"", tasks.c.dead_at.is_(None))
    connection.execute(unknown.values(dead_at=now, error=RESTORED))
    for name, rule in RULES.items():
        if rule in (Rule.DOOR, Rule.NOTHING):
            connection.execute(sa.delete(tables.metadata.tables[name]))


def drop_strays(connection: Connection) -> None:
    """Delete what is left of people who are not in the restored data, but for the stubs of erased sessions."""
    known = sa.select(tables.subjects.c.subject)
    for table in _ALONE:
        stray = sa.delete(table).where(table.c.subject.not_in(known))
        if table is tables.disclosures:  # what lasting tasks told stands under the task's own id
            stray = stray.where(table.c.subject != table.c.id)
        connection.execute(stray)
    tasks = tables.outbox
    connection.execute(
        sa.delete(tasks).where(
            tasks.c.sealed == b"", tasks.c.dead_at.is_(None), tasks.c.subject.not_in(known)
        )
    )
    _drop_ways_in(connection)


def _drop_ways_in(connection: Connection) -> None:
    """Delete devices and sessions that lead to no conversation, and sessions of devices that are known no more."""
    sessions, devices, talks = tables.sessions, tables.devices, tables.conversations
    lives = sessions.c.erased_at.is_(None)
    for table, condition in ((devices, sa.true()), (sessions, lives)):
        there = sa.exists().where(talks.c.subject == table.c.subject, talks.c.id == table.c.conversation)
        connection.execute(sa.delete(table).where(condition, ~there))
    ended = sessions.c.device != "", sessions.c.device.not_in(sa.select(devices.c.id))
    connection.execute(sa.delete(sessions).where(lives, *ended))


def _as_in_backup(connection: Connection, table: Table) -> None:
    """Leave the table as it was restored."""


def _append(connection: Connection, table: Table) -> None:
    was = before(table)
    new = sa.select(was).where(~sa.exists().where(*same_row(table, was)))
    connection.execute(sa.insert(table).from_select(names(table), new))


def _take_newest(connection: Connection, table: Table) -> None:
    was = before(table)
    connection.execute(sa.delete(table).where(sa.exists().where(*same_row(table, was))))
    _append(connection, table)


def _take_current(connection: Connection, table: Table) -> None:
    connection.execute(sa.delete(table))
    _append(connection, table)


def _take_nothing(connection: Connection, table: Table) -> None:
    connection.execute(sa.delete(table))


_TAKE = {
    Rule.BACKUP: _as_in_backup,
    Rule.APPENDED: _append,
    Rule.NEWEST: _take_newest,
    Rule.CURRENT: _take_current,
    Rule.DOOR: _take_current,
    Rule.NOTHING: _take_nothing,
}


def _keep_numbers(connection: Connection) -> None:
    """Have a message without words for each that was said since: its number stays taken, and its event known."""
    talks, messages = tables.conversations, tables.messages
    was = before(messages)
    empty = {"sealed_body": sa.null(), "sealed_digest": sa.null()}
    columns = [empty.get(name, was.c[name]) for name in names(messages)]
    since = (
        (talks.c.subject == was.c.subject)
        & (talks.c.id == was.c.conversation)
        & (was.c.seq > talks.c.last_seq)
    )
    connection.execute(
        sa.insert(messages).from_select(names(messages), sa.select(*columns).join(talks, since))
    )


def _keep_columns(connection: Connection, table: Table, columns: tuple[str, ...]) -> None:
    was = before(table)
    same = sa.and_(*same_row(table, was))
    now: dict[str, Any] = {name: sa.select(was.c[name]).where(same).scalar_subquery() for name in columns}
    newer = same if table is not tables.conversations else same & (was.c.last_seq >= table.c.last_seq)
    connection.execute(sa.update(table).where(sa.exists().where(newer)).values(**now))
