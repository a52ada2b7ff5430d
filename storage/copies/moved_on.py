"""People of whom something has moved to another key since a backup was taken stay as they are now.

They have corrected a detail or the question, told of another visit, consented, begun another consultation, had a part
erased. The keys of then are destroyed, so the backup could bring back a part of them at most. And no correction is
undone.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Engine, MetaData, Table

from storage import tables
from storage.columns import ID
from storage.connecting import reading
from storage.copies.replacing import BEFORE
from storage.keys import rows

AT_ONCE = 500  # people whose keys are asked for together; bounds the parameters of a query
THEIRS = (  # everything of a person that is else as in the backup
    tables.subjects,
    tables.conversations,
    tables.messages,
    tables.fields,
    tables.index_rows,
    tables.chats,
    tables.leads,
)


def before(table: Table, name: str = "was") -> sa.FromClause:
    """Return a table as it was before the restore; under a name of its own, since both bear the same."""
    return table.to_metadata(MetaData(), schema=BEFORE).alias(name)


def names(table: Table) -> list[str]:
    """Return the names of a table's columns, in order."""
    return [column.name for column in table.c]


def same_row(table: Table, was: sa.FromClause) -> list[sa.ColumnElement[bool]]:
    """Return the conditions under which a row of now is the row of then."""
    return [column == was.c[column.name] for column in table.primary_key]


def keep(connection: Connection, keyring: Engine) -> None:
    """Take these people over from the current tables, if what stands there can be opened with this keyring."""
    moved = Table("moved_on", MetaData(), Column("subject", ID, primary_key=True), prefixes=["TEMPORARY"])
    moved.create(connection)
    found: list[str] = [row.subject for row in connection.execute(_moved())]
    for start in range(0, len(found), AT_ONCE):
        whole = _can_be_opened(connection, keyring, found[start : start + AT_ONCE])
        if whole:
            connection.execute(sa.insert(moved), [{"subject": subject} for subject in whole])
    people = sa.select(moved.c.subject)
    for table in THEIRS:
        was = before(table)
        connection.execute(sa.delete(table).where(table.c.subject.in_(people)))
        theirs = sa.select(was).where(was.c.subject.in_(people))
        connection.execute(sa.insert(table).from_select(names(table), theirs))
    moved.drop(connection)


def _can_be_opened(connection: Connection, keyring: Engine, some: Sequence[str]) -> list[str]:
    """Return those whose every scope has its key; else the backup's are the better ones: the keyring is its own."""
    standing: dict[str, set[str]] = {subject: set() for subject in some}
    for table in (before(tables.conversations), before(tables.fields)):
        scopes = sa.select(table.c.subject, table.c.scope).distinct().where(table.c.subject.in_(some))
        for subject, scope in connection.execute(scopes):
            standing[subject].add(scope)
    with reading(keyring).begin() as keys:
        living = rows.living(keys, some)
    return [subject for subject in some if standing[subject] <= living.get(subject, set())]


def _moved() -> sa.Select[str]:
    """Return the people of whom a number or a scope is another one now."""
    people, talks = tables.subjects, tables.conversations
    person, talk = before(people), before(talks, "talk")
    numbers = (person.c.profile != people.c.profile) | (person.c.visit != people.c.visit)
    scopes = (
        sa.exists()
        .where(talks.c.subject == people.c.subject)
        .where(*same_row(talks, talk), talk.c.scope != talks.c.scope)
    )
    return (
        sa.select(people.c.subject).join(person, sa.and_(*same_row(people, person))).where(numbers | scopes)
    )
