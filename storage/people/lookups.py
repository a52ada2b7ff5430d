"""Finding things by what a channel or an officer has in hand, a chat or a phone; what a chat has not been told yet."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, literal_column, or_, select, update

from intake.answers import normalised as in_one_form
from storage import scopes
from storage.connecting import reading
from storage.errors import UNOPENED, NotFound
from storage.evidence.certificates import ID
from storage.means import KeysAtHand, Means
from storage.short_reading import ShortReading
from storage.tables import (
    chats,
    codes,
    conversations,
    devices,
    fields,
    index_rows,
    messages,
    sessions,
    subjects,
    updates_seen,
)
from storage.turn import showing
from storage.turn.codes import CODES_KEPT
from storage.turn.erasing import CHAT_FIELD, NOTHING, opened_chat
from storage.turn.standing import LIVE, must_live


class Alike(NamedTuple):
    """A kept value whose look-up is the one that was asked for."""

    subject: str
    scope: str
    name: str
    revision: int
    sealed_value: bytes


_ALIKE = ShortReading(
    select(*(fields.c[name] for name in Alike._fields))
    .join(index_rows, (index_rows.c.subject == fields.c.subject) & (index_rows.c.field == fields.c.name))
    .join(subjects, subjects.c.subject == fields.c.subject)
    .where(
        index_rows.c.field == bindparam("field"),
        index_rows.c.mac.in_(bindparam("macs", expanding=True)),
        subjects.c.status == LIVE,
    ),
    "macs",
)


class ChatFound(NamedTuple):
    """The conversation of a Telegram chat, "" for none; and who is found by the chat though theirs opens no more."""

    conversation: str
    lost: tuple[str, ...]


def telegram_conversation(means: Means, connection: Connection, chat: int) -> ChatFound:
    """Return the conversation of a Telegram chat: found by its blind index, confirmed after opening."""
    keys = KeysAtHand(means)
    found = (
        select(chats)
        .join(index_rows, index_rows.c.subject == chats.c.subject)
        .join(subjects, subjects.c.subject == chats.c.subject)
        .where(
            index_rows.c.field == CHAT_FIELD,
            index_rows.c.mac.in_([mac for _, mac in means.keyring.macs(CHAT_FIELD, str(chat))]),
            subjects.c.status == LIVE,
        )
    )
    opened = [(row, _chat_or_none(keys, row)) for row in connection.execute(found)]
    talks = [row.conversation for row, number in opened if number == chat]
    return ChatFound(next(iter(talks), ""), tuple(row.subject for row, number in opened if not number))


def free_chat(connection: Connection, lost: Collection[str]) -> None:
    """Have these people found by no chat any more: whoever writes there begins anew, instead of reaching nobody."""
    theirs = index_rows.c.subject.in_(lost), index_rows.c.field == CHAT_FIELD
    connection.execute(update(index_rows).where(*theirs).values(mac=NOTHING))


def undelivered(means: Means, connection: Connection) -> list[tuple[str, int, int]]:
    """Return (conversation, chat, last delivered message) of every Telegram chat that lacks messages.

    The chat is 0 where it cannot be opened any more: the others are to get their answers all the same.
    """
    behind = (
        select(chats, conversations.c.delivered_seq)
        .join(
            conversations,
            (conversations.c.subject == chats.c.subject) & (conversations.c.id == chats.c.conversation),
        )
        .join(subjects, subjects.c.subject == chats.c.subject)
        .where(
            # as the index says it, or it is not used
            conversations.c.channel == literal_column("'telegram'"),
            conversations.c.delivered_seq < conversations.c.last_seq,
            subjects.c.status == LIVE,
        )
        .order_by(conversations.c.updated_at, conversations.c.id)
    )
    rows = connection.execute(behind).all()
    keys = KeysAtHand(means)
    keys.fetch_sound({(row.subject, scopes.CHAT) for row in rows})
    return [(row.conversation, _chat_or_none(keys, row), row.delivered_seq) for row in rows]


def _chat_or_none(keys: KeysAtHand, row: Row[Any]) -> int:
    try:
        return opened_chat(keys, row.subject, row.conversation, row.sealed_chat)
    except UNOPENED:
        return 0


def mark_delivered(connection: Connection, conversation: str, seq: int, channel_ref: int) -> None:
    """Note that the chat shows messages up to `seq`, and under which number (0: unknown) Telegram keeps that one."""
    raised = update(conversations).where(
        conversations.c.id == conversation, conversations.c.delivered_seq < seq
    )
    connection.execute(raised.values(delivered_seq=seq))
    if channel_ref:
        subject = select(conversations.c.subject).where(conversations.c.id == conversation).scalar_subquery()
        one = update(messages).where(
            messages.c.subject == subject, messages.c.conversation == conversation, messages.c.seq == seq
        )
        connection.execute(one.values(channel_ref=channel_ref))


def find(means: Means, connection: Connection, field: str, normalised: str) -> list[str]:
    """Return the people who gave this value of a field, confirmed after opening.

    Whose value does not open is passed over, but not at once: a turn may have moved it to another key between the
    reading of row and key. So all is read anew, in a transaction that sees what was committed since.
    """
    try:
        return _confirmed(means, connection, field, normalised, sound=False)
    except UNOPENED:
        with reading(means.engine).begin() as anew:
            return _confirmed(means, anew, field, normalised, sound=True)


def _confirmed(
    means: Means, connection: Connection, field: str, normalised: str, *, sound: bool
) -> list[str]:
    macs = [mac for _, mac in means.keyring.macs(field, normalised)]
    rows = [Alike._make(row) for row in _ALIKE.rows(connection, macs, field=field)]
    keys = KeysAtHand(means)
    (keys.fetch_sound if sound else keys.fetch)({(row.subject, row.scope) for row in rows})
    kind, confirmed = means.rules.fields[field].kind, set[str]()
    for row in rows:
        with suppress(*UNOPENED) if sound else nullcontext():
            value = showing.open_value(keys, row)
            if value == normalised or in_one_form(kind, value) == normalised:
                confirmed.add(row.subject)
    return sorted(confirmed)


def conversation_of(connection: Connection, subject: str) -> str:
    """Return the conversation of a person. Raises SubjectErased, NotFound.

    What is no id (an address that somebody typed in its place) is not asked of the database: its log would hold it.
    """
    if not ID.fullmatch(subject):
        raise NotFound("an id has 32 hexadecimal digits: `subject find` prints it")
    theirs = (
        select(conversations.c.id, subjects.c.status)
        .join(subjects, subjects.c.subject == conversations.c.subject)
        .where(conversations.c.subject == subject)
    )
    row = connection.execute(theirs).first()
    if row is None:
        raise NotFound(f"subject {subject}: nobody has this id, or everything of theirs was erased")
    must_live(subject, row.status)
    conversation: str = row.id
    return conversation


def forget_old(connection: Connection, now: datetime, seen_before: datetime, stubs_before: datetime) -> int:
    """Delete what has served: sessions, devices and codes past their time, stubs of erased ones, old updates' numbers.

    A code that has expired only counts from then on, for a day: what waited for it goes.
    """
    waited = codes.c.expires_at <= now, or_(codes.c.sealed_values.is_not(None), codes.c.code_mac.is_not(None))
    connection.execute(update(codes).where(*waited).values(sealed_values=None, code_mac=None))
    old = (
        delete(sessions).where(sessions.c.erased_at.is_(None), sessions.c.expires_at <= now),
        delete(sessions).where(sessions.c.erased_at <= stubs_before),
        delete(devices).where(devices.c.expires_at <= now),
        delete(codes).where(codes.c.created_at <= now - CODES_KEPT),
        delete(updates_seen).where(updates_seen.c.at <= seen_before),
    )
    return sum(connection.execute(statement).rowcount for statement in old)
