"""Look-ups are written anew under the newest epoch, beside the old ones, which die with their own epoch.

The values are opened for it inside the storage and shown to nobody. Only of people who are live, and whom nobody else
changes or erases at this moment: their rows are locked, whoever is busy comes with the next pass.

A value that cannot be opened any more (its key is gone) is found by nobody, since a match is confirmed after opening:
its look-up gets an empty code, which matches nothing, so that it holds up no retirement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select

from intake.answers import normalised
from storage import scopes
from storage.connecting import reading
from storage.errors import UNOPENED
from storage.keyring_tables import epochs, insert_new
from storage.keys.epochs import Epoch
from storage.means import KeysAtHand, Means
from storage.tables import chats, fields, index_rows, subjects
from storage.turn import showing
from storage.turn.erasing import CHAT_FIELD, NOTHING, chat_place
from storage.turn.standing import LIVE

LOOKED_AT = 100  # people whose rows are looked at together
# people whose look-ups are written together; a few milliseconds, since turns wait in the same thread
WRITTEN = 25


class Passed(NamedTuple):
    """How far a pass over everybody came. `last`: the person it came to, "" at the end; `busy`: some were left out."""

    last: str
    busy: bool


def reindex(means: Means, after: str, epoch: Epoch) -> Passed:
    """Write what is missing of look-ups under the newest epoch, and delete those of retired epochs, for some people.

    Args: after: the person that the last call came to; "" begins a pass.
    """
    with reading(means.keyring.engine).begin() as connection:
        retired = set(connection.scalars(select(epochs.c.epoch).where(epochs.c.retired_at.is_not(None))))
    with reading(means.engine).begin() as connection:
        found = _held_by(connection, after)
    wanting = [who for who, held in found.items() if _wants(held, epoch.number, retired)][:WRITTEN]
    met = _renew(means, wanting, epoch, retired) if wanting else set()
    if len(wanting) == WRITTEN:
        return Passed(wanting[-1], met != set(wanting))
    return Passed("" if len(found) < LOOKED_AT else next(reversed(found)), met != set(wanting))


def _held_by(connection: Connection, after: str) -> dict[str, dict[str, set[int]]]:
    """Return the epochs of the next people's look-ups, by person and field."""
    some = (
        select(index_rows.c.subject)
        .distinct()
        .join(subjects, subjects.c.subject == index_rows.c.subject)
        .where(index_rows.c.subject > after, subjects.c.status == LIVE)
        .order_by(index_rows.c.subject)
        .limit(LOOKED_AT)
    )
    rows = select(index_rows.c.subject, index_rows.c.field, index_rows.c.epoch).where(
        index_rows.c.subject.in_(some)
    )
    held: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for subject, field, epoch in connection.execute(rows.order_by(index_rows.c.subject)):
        held[subject][field].add(epoch)
    return held


def _wants(held: Mapping[str, set[int]], newest: int, retired: Collection[int]) -> bool:
    return any(newest not in numbers or not numbers.isdisjoint(retired) for numbers in held.values())


def _renew(means: Means, wanting: Sequence[str], epoch: Epoch, retired: Collection[int]) -> set[str]:
    """Renew the look-ups of those who are live and free; return who these are."""
    with means.engine.begin() as connection:
        free = select(subjects.c.subject, subjects.c.profile).where(
            subjects.c.subject.in_(wanting), subjects.c.status == LIVE
        )
        locked = free.order_by(subjects.c.subject).with_for_update(skip_locked=True)
        people = {row.subject: row.profile for row in connection.execute(locked)}
        theirs = index_rows.c.subject.in_(people)
        rows = connection.execute(select(index_rows).where(theirs)).all()
        done = {(row.subject, row.field) for row in rows if row.epoch == epoch.number}
        missing = sorted({(row.subject, row.field) for row in rows} - done)
        values = _values(means, connection, people, missing)
        written = [
            {"subject": subject, "field": field, "epoch": epoch.number}
            | {"mac": epoch.mac(field, value) if value else NOTHING}
            for subject, field in missing
            for value in [values.get((subject, field))]
        ]
        if written:
            connection.execute(insert_new(connection, index_rows), written)
        connection.execute(delete(index_rows).where(theirs, index_rows.c.epoch.in_(retired)))
    return set(people)


def _values(
    means: Means, connection: Connection, people: Mapping[str, int], missing: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Return the values that people are found by, in one form each; what cannot be opened is left out."""
    wanted = set(missing)
    kept = select(fields).where(fields.c.subject.in_(people), fields.c.name.in_({name for _, name in wanted}))
    details = [
        row
        for row in connection.execute(kept)
        if (row.subject, row.name) in wanted and row.scope == scopes.profile(people[row.subject])
    ]
    talks = connection.execute(select(chats).where(chats.c.subject.in_(people))).all()
    names = {(row.subject, row.scope) for row in details} | {(row.subject, scopes.CHAT) for row in talks}
    keys = KeysAtHand(means, passing=True)
    keys.fetch_sound(names)
    found: dict[tuple[str, str], str] = {}
    for row in details:
        if (field := means.rules.fields.get(row.name)) and (value := _opened(keys, row)):
            found[row.subject, row.name] = normalised(field.kind, value)
    for row in talks:
        if value := _chat(keys, row):
            found[row.subject, CHAT_FIELD] = value
    return found


def _opened(keys: KeysAtHand, row: Row[Any]) -> str:
    try:
        return showing.open_value(keys, row)
    except UNOPENED:
        return ""


def _chat(keys: KeysAtHand, row: Row[Any]) -> str:
    try:
        return keys.unseal(scopes.CHAT, chat_place(row.subject, row.conversation), row.sealed_chat).decode()
    except UNOPENED:
        return ""
