"""The messages of one turn: numbered, sealed, and as they are shown. Bodies stand under the conversation's scope.

The digest that tells a repeat from a reused id stands inside the body. An answer's would tell the answer to whoever
tries all phone numbers, so it stands under the profile's key: a correction or an erasure of the profile takes it along.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from intake.asking import NEED
from intake.events import ColleagueSaid
from intake.outcomes import Heard, Reply
from storage import codec, scopes
from storage.evidence.audit import Entry
from storage.keys.sealing import Place
from storage.means import KeysAtHand
from storage.records import Message
from storage.turn.carrying import Carrying
from storage.turn.moving import message_place

VISITOR, BOT, STAFF = "visitor", "bot", "staff"
ANSWERED = "answered"  # the audit's action


def digest_place(subject: str, conversation: str, seq: int) -> Place:
    """Return where the digest of an answer is sealed to."""
    return Place(subject, "messages", "sealed_digest", f"{conversation}/{seq}", 0)


def messages_of(carrying: Carrying) -> tuple[Message, ...]:
    """Return the turn's messages, the person's or colleague's own first, numbered on from the last one."""
    turn, step = carrying.turn, carrying.step
    said: list[tuple[str, Heard | Reply | ColleagueSaid]] = []
    if not step.refused:
        if isinstance(turn.event, ColleagueSaid):
            said.append((STAFF, turn.event))
        elif step.heard is not None:
            said.append((VISITOR, step.heard))
    said += [(BOT, _certified(reply, carrying.erasure)) for reply in step.replies]
    return tuple(
        Message(
            seq=seq,
            sender=sender,
            at=turn.at,
            locale=step.state.locale,
            body=body,
            client_id=turn.client_id if sender == VISITOR else "",
            channel_ref=turn.channel_ref if sender == VISITOR else 0,
        )
        for seq, (sender, body) in enumerate(said, carrying.standing.last_seq + 1)
    )


def _certified(reply: Reply, erasure: str) -> Reply:
    if erasure and "certificate" in reply.params:
        return replace(reply, params={**reply.params, "certificate": erasure})
    return reply


def write(carrying: Carrying, messages: tuple[Message, ...]) -> None:
    """Have the messages written; the first carries the event's key, so that a repeat is known.

    What a colleague says stands in the audit, too: who and to whom, never a word of it.
    """
    key = None if carrying.step.refused else carrying.event_key or None
    rows = carrying.rows.setdefault("message", [])
    for message in messages:
        rows.append(_row(carrying, message, key))
        key = None
        if message.sender == STAFF:
            turn, subject = carrying.turn, carrying.standing.subject
            carrying.entries.append(Entry(at=turn.at, actor=turn.actor, action=ANSWERED, subject=subject))


def _row(carrying: Carrying, message: Message, key: bytes | None) -> dict[str, Any]:
    standing = carrying.standing
    raw, digest = _encoded(carrying, message)
    place = message_place(standing.subject, standing.id, message.seq)
    return {
        "subject": standing.subject,
        "conversation": standing.id,
        "seq": message.seq,
        "sender": message.sender,
        "at": message.at,
        "locale": message.locale,
        "scope": carrying.numbers.scope,
        "event_key": key,
        "sealed_body": carrying.keys.seal(carrying.numbers.scope, place, raw, powers_of_two=True),
        "sealed_digest": digest,
        "channel_ref": message.channel_ref,
    }


def _encoded(carrying: Carrying, message: Message) -> tuple[bytes, bytes | None]:
    body, turn = message.body, carrying.turn
    if isinstance(body, Reply):
        return codec.encode_reply(body), None
    if isinstance(body, ColleagueSaid):
        return codec.encode_colleague(body), None
    assert body is not None
    answers = body.answered not in ("", NEED)
    sealed = _sealed_digest(carrying, message.seq) if answers and turn.digest else None
    digest = b"" if answers or body.code else turn.digest  # the hash of six digits tells them
    scope = carrying.erased.scope if carrying.erased else ""
    return codec.encode_spoken(body, turn.client_id, digest, carrying.erasure, scope), sealed


def _sealed_digest(carrying: Carrying, seq: int) -> bytes:
    standing = carrying.standing
    place = digest_place(standing.subject, standing.id, seq)
    return carrying.keys.seal(scopes.profile(carrying.numbers.profile), place, carrying.turn.digest)


def opened(keys: KeysAtHand, row: Any, current: str) -> tuple[Message, codec.Spoken | None]:
    """Return a stored message, and for a visitor's what makes it repeatable. Raises KeyLost, CannotUnseal.

    Args: current: the scope in use; what stands under another one is of an earlier consultation.
    """
    body: Heard | Reply | ColleagueSaid | None = None
    spoken: codec.Spoken | None = None
    if row.sealed_body is not None:
        place = message_place(row.subject, row.conversation, row.seq)
        raw = keys.unseal(row.scope, place, row.sealed_body)
        if row.sender == BOT:
            body = codec.decode_reply(raw)
        elif row.sender == STAFF:
            body = codec.decode_colleague(raw)
        else:
            spoken = codec.decode_spoken(raw)
            body = spoken.heard
    message = Message(
        seq=row.seq,
        sender=row.sender,
        at=row.at,
        locale=row.locale,
        body=body,
        client_id=spoken.client_id if spoken else "",
        channel_ref=row.channel_ref,
        scope="" if row.scope == current else row.scope,
    )
    return message, spoken
