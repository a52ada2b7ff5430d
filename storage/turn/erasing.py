"""Erasure, step 1 of 4: mark and block, in the transaction of the turn that asks for it or in one of its own.

A whole person is marked `erasing`: from that commit nothing of theirs is read or written. Of a part, the rows go in
this very commit, so that nothing is left to read. Either way the row in `erasures` makes the other steps happen,
whatever crashes: `storage.people.erasure` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import ColumnElement, Connection, delete, insert, not_, select, true, update

from intake.outcomes import Erase
from storage import outbox, scopes
from storage.errors import UNOPENED, Conflict, NotFound
from storage.evidence import audit
from storage.keys.sealing import Place
from storage.means import KeysAtHand, Means
from storage.tables import (
    chats,
    codes,
    conversations,
    erasures,
    fields,
    index_rows,
    leads,
    messages,
    subjects,
)
from storage.turn import starting_afresh
from storage.turn.carrying import Carrying
from storage.turn.standing import ERASING, LIVE

ALL, LEAD, DRAFT, VISIT = "all", "lead", "draft", "visit"
ASKED, RETENTION = "asked", "retention"  # reasons; an officer gives their own
TELEGRAM_DELETES = timedelta(hours=48)  # Bot API, deleteMessage: no message older than this
TELEGRAM_ERASE = "telegram.erase"  # the outbox task that deletes messages in the chat
IN_CHAT = "messages in the chat"  # in the certificate: nobody knows any more which chat they are in
CHAT_FIELD = "telegram_chat"  # the index rows by which a chat is found
NOTHING = b""  # the code of an index row that matches nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An erasure that begins. `scopes` are the keys that will go; none named: all of the person's."""

    id: str
    subject: str
    scope: str
    scopes: tuple[str, ...]
    at: datetime
    reason: str
    actor: str


def erase(carrying: Carrying, effect: Erase) -> None:
    """Begin the erasure that a turn asks for, with its commit. Raises Conflict for a part that the turn still uses."""
    standing = carrying.standing
    parts: dict[str, tuple[str, ...]] = {
        ALL: (),
        VISIT: (scopes.visit(standing.visit),),
        LEAD: (standing.scope,),
        DRAFT: (standing.scope,),
    }
    doomed = (*parts[effect.scope], *([scopes.profile(standing.profile)] if effect.profile else []))
    if carrying.numbers.scope in doomed:
        raise Conflict(f"conversation {standing.id}: cannot go on under the scope that it erases")
    carrying.erased = effect
    carrying.erasure = carrying.means.new_id()
    begun = Begun(
        id=carrying.erasure,
        subject=standing.subject,
        scope=effect.scope,
        scopes=doomed,
        at=carrying.at,
        reason=ASKED,
        actor=audit.PERSON,
    )
    carrying.later.append(lambda connection: begin(carrying.means, connection, begun))


def begin(means: Means, connection: Connection, begun: Begun) -> None:
    """Write down the erasure; from this commit on nothing of it is read or written. Source: design, "Sealing"."""
    is_due = begun.actor == audit.DESK  # not by the reason: the officer may write the same word
    task, copies = (None, []) if is_due else _chat_task(means, connection, begun)
    references = _references(connection, begun)
    destroyed = _take_away(connection, begun) if begun.scopes else _block(connection, begun)
    connection.execute(
        insert(erasures).values(
            subject=begun.subject,
            id=begun.id,
            scope=begun.scope,
            scopes=",".join(begun.scopes),
            reference=references[0] if begun.scopes and references else "",
            reason=begun.reason,
            at=begun.at,
            step=1,
            report=orjson.dumps({"destroyed": destroyed, "copies": copies}).decode(),
            task=task.id if task else "",
            sealed_task=task.sealed if task else b"",
        )
    )
    officer = begun.actor == audit.OFFICER
    note = audit.Entry(
        at=begun.at,
        actor=begun.actor,
        action="erased",
        subject=begun.subject,
        purpose=f"{begun.scope},{begun.reason}" if officer else begun.scope,
    )
    audit.write(connection, means.writer, [note])


def begin_alone(
    means: Means,
    connection: Connection,
    subject: str,
    at: datetime,
    *,
    reason: str,
) -> str:
    """Begin the erasure of a whole person by the officer's hand and return its id. Raises NotFound, Conflict."""
    person = select(subjects.c.subject).where(subjects.c.subject == subject).with_for_update()
    if connection.execute(person).first() is None:
        raise NotFound(f"subject {subject}")
    return _begin_outside(means, connection, subject, ALL, (), at, reason, audit.OFFICER)


def begin_due(
    means: Means, connection: Connection, subject: str, scope: str, doomed: tuple[str, ...], at: datetime
) -> str:
    """Begin the erasure of what was kept long enough and return its id. Raises Conflict."""
    return _begin_outside(means, connection, subject, scope, doomed, at, RETENTION, audit.DESK)


def _begin_outside(
    means: Means,
    connection: Connection,
    subject: str,
    scope: str,
    doomed: tuple[str, ...],
    at: datetime,
    reason: str,
    actor: str,
) -> str:
    begun = Begun(
        id=means.new_id(),
        subject=subject,
        scope=scope,
        scopes=doomed,
        at=at,
        reason=reason,
        actor=actor,
    )
    if doomed:
        starting_afresh.start(means, connection, subject, doomed)
    begin(means, connection, begun)
    return begun.id


def _references(connection: Connection, begun: Begun) -> list[str]:
    going = select(leads.c.reference).where(leads.c.subject == begun.subject, leads.c.scope.in_(begun.scopes))
    return list(connection.scalars(going))


def _block(connection: Connection, begun: Begun) -> list[str]:
    mine = update(subjects).where(subjects.c.subject == begun.subject, subjects.c.status == LIVE)
    if not connection.execute(mine.values(status=ERASING)).rowcount:
        raise Conflict(f"subject {begun.subject}: being erased already, or unknown")
    # The chat is free from now on: what is said in it next opens another conversation, and waits for no other step.
    chat = index_rows.c.subject == begun.subject, index_rows.c.field == CHAT_FIELD
    connection.execute(update(index_rows).where(*chat).values(mac=NOTHING))
    return []


def _take_away(connection: Connection, begun: Begun) -> list[str]:
    """Remove the rows of the scopes; return what there was, in the certificate's words."""
    subject = begun.subject
    there = messages.c.sealed_body.is_not(None)
    shred = update(messages).where(messages.c.subject == subject, messages.c.scope.in_(begun.scopes), there)
    counts = {
        "messages": connection.execute(shred.values(sealed_body=None, sealed_digest=None)).rowcount,
        "lead": connection.execute(
            delete(leads).where(leads.c.subject == subject, leads.c.scope.in_(begun.scopes))
        ).rowcount,
        "visit" if begun.scope == VISIT else "fields": connection.execute(
            delete(fields).where(fields.c.subject == subject, fields.c.scope.in_(begun.scopes))
        ).rowcount,
    }
    if any(scopes.is_profile(scope) for scope in begun.scopes):
        found_by = delete(index_rows).where(index_rows.c.subject == subject, index_rows.c.field != CHAT_FIELD)
        counts["lookups"] = connection.execute(found_by).rowcount
        digests = update(messages).where(messages.c.subject == subject, messages.c.sealed_digest.is_not(None))
        connection.execute(digests.values(sealed_digest=None))
        connection.execute(
            update(codes).where(codes.c.subject == subject).values(sealed_values=None, code_mac=None)
        )
    return [what for what, count in counts.items() if count]


def _chat_task(means: Means, connection: Connection, begun: Begun) -> tuple[outbox.Task | None, list[str]]:
    """Return the task that deletes the messages in the Telegram chat; its own key outlives the person.

    Where the chat's number opens no more there is none, and what stays there is returned in the certificate's words.
    """
    row = connection.execute(
        select(chats.c.conversation, chats.c.sealed_chat, conversations.c.locale)
        .join(
            conversations,
            (conversations.c.subject == chats.c.subject) & (conversations.c.id == chats.c.conversation),
        )
        .where(chats.c.subject == begun.subject)
    ).first()
    if row is None or begun.scope == VISIT:
        return None, []
    keys = KeysAtHand(means)
    try:
        chat = opened_chat(keys, begun.subject, row.conversation, row.sealed_chat)
    except UNOPENED:
        return None, [IN_CHAT]
    older, deletable = _shown(connection, begun)
    carried = {
        "chat": chat,
        "messages": deletable,
        "older": older,
        "certificate": begun.id,
        "locale": row.locale,
    }
    bare = outbox.Task(id=means.new_id(), kind=TELEGRAM_ERASE, subject="", at=begun.at)
    return outbox.lasting(means.keyring, means.random, bare, carried), []


def _shown(connection: Connection, begun: Begun) -> tuple[bool, list[int]]:
    """Return whether Telegram shows messages that it deletes no more, and the numbers of those that it does.

    These are then no longer known as shown: an erasure of everything need not speak of what went with a part.
    """
    parts: ColumnElement[bool] = messages.c.scope.in_(begun.scopes) if begun.scopes else true()
    mine = messages.c.subject == begun.subject, messages.c.channel_ref != 0, parts
    fresh = messages.c.at > begun.at - TELEGRAM_DELETES
    older = connection.execute(select(messages.c.seq).where(*mine, not_(fresh)).limit(1)).first()
    going = connection.scalars(select(messages.c.channel_ref).where(*mine, fresh).order_by(messages.c.seq))
    deletable = list(going)
    connection.execute(update(messages).where(*mine, fresh).values(channel_ref=0))
    return older is not None, deletable


def opened_chat(keys: KeysAtHand, subject: str, conversation: str, sealed: bytes) -> int:
    """Return the number of a Telegram chat. Raises KeyLost, CannotUnseal."""
    keys.fetch([(subject, scopes.CHAT)])
    return int(keys.unseal(scopes.CHAT, chat_place(subject, conversation), sealed))


def chat_place(subject: str, conversation: str) -> Place:
    """Return where a Telegram chat id is sealed to."""
    return Place(subject, "chats", "sealed_chat", conversation, 0)
