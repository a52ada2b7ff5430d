"""People whose data is older than their keys: what cannot be opened goes, and what remains is one consistent state.

A restored conversation goes on under numbers that were never used: those that its backup would count on to may be taken
by a key that is gone, or barred by a tombstone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from intake.asking import NEED
from intake.conversation import Conversation
from intake.rules import Rules
from storage import scopes
from storage.codec import encode_state
from storage.connecting import reading
from storage.copies import restored_people
from storage.copies.restored_people import Keys, Person
from storage.copies.restored_state import AGREED, Known, begun_again, carried_on
from storage.errors import UNOPENED
from storage.keyring_tables import insert_new
from storage.keys import rows
from storage.keys.cache import Name
from storage.means import KeysAtHand, Means
from storage.tables import (
    chats,
    consents,
    conversations,
    doomed_keys,
    fields,
    index_rows,
    leads,
    messages,
    subjects,
)
from storage.turn import showing
from storage.turn.erasing import CHAT_FIELD
from storage.turn.moving import field_place, message_place
from storage.turn.standing import Standing, open_state, state_place

# Numbers are the seconds since then: far above whatever is counted one by one, and higher at every restore.
COUNTED_FROM = datetime(2026, 1, 1, tzinfo=UTC)
TELEGRAM = "telegram"  # its events are named with the bot's secret
SALT_BYTES = 16  # bytes: 128 bits, as at an opening on the web


class _Talk(NamedTuple):
    """A conversation as it was restored, and the state and scope under which it goes on."""

    was: Standing
    state: Conversation
    scope: str
    opened: bool  # its own state could be read: then what stands under its scope goes along
    left: bool  # its own state is damaged, its key is not: what stands under its scope stays, as after "new"


def mend(means: Means, connection: Connection, people: Collection[str], keys: Keys, now: datetime) -> int:
    """Mend some people's data, in the caller's transaction; return how many of them have lost something."""
    number = int((now - COUNTED_FROM).total_seconds())
    persons = restored_people.read(connection, people, keys)
    at_hand = KeysAtHand(means, passing=True)
    _find_damage(means, at_hand, persons)
    poorer = {person.subject for person in persons if _take_away(connection, person, number)}
    talks = [_talk(means, at_hand, person, talk, number) for person in persons for talk in person.talks]
    at_hand.make({(talk.was.subject, talk.scope) for talk in talks})
    poorer |= {talk.was.subject for talk in talks if _carry_on(connection, at_hand, talk) or talk.left}
    return len(poorer)


def _find_damage(means: Means, keys: KeysAtHand, persons: Sequence[Person]) -> None:
    """Have at hand every key that opens, and note those that do not: what stands under them is lost.

    They are destroyed at once, not doomed: one that is needed again is made anew under the same name, and no later
    sweep may take that for them.
    """
    keys.fetch_sound([(person.subject, scope) for person in persons for scope in person.alive])
    for person in persons:
        person.damaged = {scope for scope in person.alive if not keys.names(person.subject, scope)}
    lost = [(person.subject, scope) for person in persons for scope in person.damaged]
    with reading(means.keyring.engine).begin() as connection:
        stored = rows.stored(connection, lost)
    means.keyring.discard(
        [(key.subject, key.scope, key.version) for found in stored.values() for key in found]
    )


def _take_away(connection: Connection, person: Person, number: int) -> bool:
    """Delete what cannot be opened, and number on whatever has lost its key; return whether anything was lost."""
    subject, lost = person.subject, person.lost
    if lost:
        gone = update(messages).where(messages.c.subject == subject, messages.c.scope.in_(lost))
        connection.execute(gone.values(sealed_body=None, sealed_digest=None))
        connection.execute(delete(fields).where(fields.c.subject == subject, fields.c.scope.in_(lost)))
        erased = lost & person.buried.keys()
        connection.execute(delete(leads).where(leads.c.subject == subject, leads.c.scope.in_(erased)))
        person.fields = [row for row in person.fields if row.scope not in lost]
        person.leads = [row for row in person.leads if row.scope not in erased]
    moved = _number_on(connection, person, number)
    unproven = bool(person.decided) and scopes.CONSENTS not in person.alive
    if unproven:
        connection.execute(delete(consents).where(consents.c.subject == subject))
        person.decided = []
    cut_off = 0
    if person.talks and person.talks[0].channel == TELEGRAM and scopes.CHAT not in person.alive:
        cut_off = connection.execute(delete(chats).where(chats.c.subject == subject)).rowcount
        _drop_index(connection, subject, chat=True)
    return bool(lost or moved or unproven or cut_off)


def _number_on(connection: Connection, person: Person, number: int) -> bool:
    """Give the details and the visit record numbers that were never used, where those of the backup are gone."""
    was = person.profile, person.visit
    if person.has_moved(scopes.profile(person.profile), scopes.is_profile):
        person.profile = number
        _drop_index(connection, person.subject, chat=False)
        digests = update(messages).where(
            messages.c.subject == person.subject, messages.c.sealed_digest.is_not(None)
        )
        connection.execute(digests.values(sealed_digest=None))
    if person.has_moved(scopes.visit(person.visit), scopes.is_visit):
        person.visit = number
    if was == (person.profile, person.visit):
        return False
    mine = update(subjects).where(subjects.c.subject == person.subject)
    connection.execute(mine.values(profile=person.profile, visit=person.visit))
    return True


def _drop_index(connection: Connection, subject: str, *, chat: bool) -> None:
    concerned = index_rows.c.field == CHAT_FIELD if chat else index_rows.c.field != CHAT_FIELD
    connection.execute(delete(index_rows).where(index_rows.c.subject == subject, concerned))


def _talk(means: Means, keys: KeysAtHand, person: Person, was: Standing, number: int) -> _Talk:
    """Return how a conversation goes on."""
    rules, known = means.rules, _known(means.rules, person, was)
    left = was.scope in person.alive
    if left:
        with suppress(*UNOPENED):
            state = carried_on(open_state(keys, was), known, number, rules)
            scope = scopes.conversation(was.scope, state.scope, was.id)
            return _Talk(was, state, scope, opened=True, left=False)
        known = replace(known, sent="", topic="")
    salt = "" if was.channel == TELEGRAM else means.random(SALT_BYTES).hex()
    opened = Conversation(channel=was.channel, site=was.site, locale=was.locale, salt=salt)
    state = begun_again(opened, known, number, rules)
    return _Talk(was, state, scopes.conversation("", state.scope, was.id), opened=False, left=left)


def _known(rules: Rules, person: Person, talk: Standing) -> Known:
    shown = {talk.scope, scopes.profile(person.profile), scopes.visit(person.visit)}
    mine = [lead for lead in person.leads if lead.conversation == talk.id]
    standing = [lead for lead in mine if lead.scope == talk.scope]
    policies = [
        one.policy
        for one in person.decided
        if one.decision == AGREED and one.purpose in rules.purposes and rules.purposes[one.purpose].required
    ]
    return Known(
        kept=frozenset(row.name for row in person.fields if row.scope in shown),
        decisions={one.purpose: one.decision for one in person.decided},
        policy=next(iter(policies), ""),
        sent=standing[0].reference if standing else "",
        topic=standing[0].topic if standing else "",
        leads=len(mine),
    )


def _carry_on(connection: Connection, keys: KeysAtHand, talk: _Talk) -> bool:
    """Write the state; return whether anything was lost on the way.

    What stands under a scope that is left goes along; where it is lost, the lead alone.
    """
    was, scope = talk.was, talk.scope
    lost = talk.opened and scope != was.scope and _move(connection, keys, was, scope)
    if scope != was.scope and not talk.left:
        moved = update(leads).where(leads.c.subject == was.subject, leads.c.scope == was.scope)
        connection.execute(moved.values(scope=scope))
    place = state_place(was.subject, was.id, was.revision + 1)
    mine = update(conversations).where(conversations.c.subject == was.subject, conversations.c.id == was.id)
    connection.execute(
        mine.values(
            scope=scope,
            revision=was.revision + 1,
            sealed_state=keys.seal(scope, place, encode_state(talk.state)),
        )
    )
    return lost


def _move(connection: Connection, keys: KeysAtHand, was: Standing, scope: str) -> bool:
    """Seal what stands under the conversation's scope anew under another; the old key is to be destroyed.

    Return whether anything was lost: what does not open goes.
    """
    said = _move_messages(connection, keys, was, scope)
    given = _move_fields(connection, keys, was, scope)
    _doom(connection, [(was.subject, was.scope)])
    return said or given


def _move_messages(connection: Connection, keys: KeysAtHand, was: Standing, scope: str) -> bool:
    of_subject, lost = messages.c.subject == was.subject, False
    standing = messages.c.scope == was.scope, messages.c.sealed_body.is_not(None)
    for row in connection.execute(select(messages).where(of_subject, *standing)).all():
        place = message_place(row.subject, row.conversation, row.seq)
        one = messages.c.conversation == row.conversation, messages.c.seq == row.seq
        moved: dict[str, object] = {"sealed_body": None, "sealed_digest": None}
        with suppress(*UNOPENED):
            body = keys.unseal(was.scope, place, row.sealed_body)
            moved = {"scope": scope, "sealed_body": keys.seal(scope, place, body, powers_of_two=True)}
        lost = lost or moved["sealed_body"] is None
        connection.execute(update(messages).where(of_subject, *one).values(**moved))
    return lost


def _move_fields(connection: Connection, keys: KeysAtHand, was: Standing, scope: str) -> bool:
    mine, lost = (fields.c.subject == was.subject, fields.c.scope == was.scope), False
    for row in connection.execute(select(fields).where(*mine)).all():
        one = *mine, fields.c.name == row.name
        try:
            value = showing.open_value(keys, row)
        except UNOPENED:
            connection.execute(delete(fields).where(*one))
            lost = True
            continue
        place = field_place(row.subject, scope, row.name, row.revision + 1)
        sealed = keys.seal(scope, place, value.encode(), powers_of_two=row.name == NEED)
        moved = {"scope": scope, "revision": row.revision + 1, "sealed_value": sealed}
        connection.execute(update(fields).where(*one).values(**moved))
    return lost


def _doom(connection: Connection, names: Sequence[Name]) -> None:
    doomed = [{"subject": subject, "scope": scope} for subject, scope in names]
    connection.execute(insert_new(connection, doomed_keys), doomed)
