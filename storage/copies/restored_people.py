"""People as a restore finds them: what the backup has of them, beside what the keyring knows of them now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage.keys.rows import EVERYTHING
from storage.tables import consents, conversations, fields, leads, messages, subjects
from storage.turn.standing import Standing, lock


@dataclass(frozen=True, slots=True)
class Keys:
    """What the keyring says of some people, by subject: scopes that have a key, and tombstones."""

    living: Mapping[str, set[str]]
    buried: Mapping[str, Mapping[str, datetime]]

    def is_gone(self, subject: str) -> bool:
        """Tell whether the whole person was erased."""
        return EVERYTHING in self.buried.get(subject, {})


@dataclass(slots=True, kw_only=True)
class Person:
    """What is restored of a person, and what the keyring knows of them."""

    subject: str
    profile: int
    visit: int
    living: set[str]
    buried: Mapping[str, datetime]
    damaged: set[str] = field(default_factory=set)  # scopes that have a key which opens no more
    standing: set[str] = field(default_factory=set)  # scopes under which something stands
    fields: list[Any] = field(default_factory=list, repr=False)
    leads: list[Any] = field(default_factory=list)  # rows, the newest first
    decided: list[Any] = field(default_factory=list)
    talks: list[Standing] = field(default_factory=list)

    @property
    def alive(self) -> set[str]:
        """Return the scopes whose data can be opened."""
        return self.living - self.buried.keys() - self.damaged

    @property
    def lost(self) -> set[str]:
        """Return the scopes under which something stands that cannot be opened."""
        return self.standing - self.alive

    def has_moved(self, scope: str, is_kind: Callable[[str], bool]) -> bool:
        """Tell whether this scope of a kind was used once and is not any more."""
        known = {*self.living, *self.buried, *self.standing}
        return scope not in self.alive and any(is_kind(one) for one in known)


def read(connection: Connection, people: Collection[str], keys: Keys) -> list[Person]:
    """Return these people, their conversations locked."""
    persons = {
        row.subject: Person(
            subject=row.subject,
            profile=row.profile,
            visit=row.visit,
            living=keys.living.get(row.subject, set()),
            buried=keys.buried.get(row.subject, {}),
        )
        for row in connection.execute(select(subjects).where(subjects.c.subject.in_(people)))
    }
    ids = select(conversations.c.id).where(conversations.c.subject.in_(people))
    for talk in lock(connection, connection.scalars(ids).all()).values():
        persons[talk.subject].talks.append(talk)
        persons[talk.subject].standing.add(talk.scope)
    said = select(messages.c.subject, messages.c.scope).distinct()
    for row in connection.execute(
        said.where(messages.c.subject.in_(people), messages.c.sealed_body.is_not(None))
    ):
        persons[row.subject].standing.add(row.scope)
    for row in connection.execute(select(fields).where(fields.c.subject.in_(people))):
        persons[row.subject].standing.add(row.scope)
        persons[row.subject].fields.append(row)
    sent = select(leads).where(leads.c.subject.in_(people)).order_by(leads.c.submitted_at.desc())
    for row in connection.execute(sent):
        persons[row.subject].standing.add(row.scope)
        persons[row.subject].leads.append(row)
    holding = consents.c.subject.in_(people), consents.c.ended_at.is_(None)
    for row in connection.execute(select(consents).where(*holding)):
        persons[row.subject].decided.append(row)
    return list(persons.values())
