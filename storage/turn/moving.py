"""Moving what stands under one key to another, so that the first can be destroyed with all that it ever opened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from intake.asking import NEED
from storage import codec
from storage.keys.sealing import Place
from storage.turn.carrying import Carrying


def move(carrying: Carrying, old: str, new: str, *, without_answer: bool = False) -> None:
    """Seal everything under `old` anew under `new`; the old key goes after the commit. Once a turn.

    Args: without_answer: leave out what would tell the question's earlier wording: it is being corrected.
    """
    if old == new or old in carrying.moved:
        return
    carrying.moved.add(old)
    carrying.doomed.append(old)
    subject = carrying.standing.subject
    for message in carrying.known.messages.get((subject, old), ()):
        _move_message(carrying, message, old, new, without_answer=without_answer)
    for row in carrying.known.fields.get((subject, old), ()):
        _move_field(carrying, row, old, new)
    carrying.write("field_shredded", b_subject=subject, b_scope=old)
    carrying.write("lead_moved", b_subject=subject, b_old=old, b_scope=new)


def _move_message(carrying: Carrying, message: Row[Any], old: str, new: str, *, without_answer: bool) -> None:
    subject, conversation, seq = message.subject, message.conversation, message.seq
    place = message_place(subject, conversation, seq)
    body = carrying.keys.unseal(old, place, message.sealed_body)
    if without_answer and message.sender == "visitor":
        body = codec.without_digest(body, NEED)
    carrying.write(
        "message_moved",
        b_subject=subject,
        b_conversation=conversation,
        b_seq=seq,
        b_scope=new,
        b_sealed_body=carrying.keys.seal(new, place, body, powers_of_two=True),
    )


def _move_field(carrying: Carrying, row: Row[Any], old: str, new: str) -> None:
    value = carrying.keys.unseal(old, field_place(row.subject, old, row.name, row.revision), row.sealed_value)
    revision = row.revision + 1
    moved = {**row._mapping, "scope": new, "revision": revision}
    place = field_place(row.subject, new, row.name, revision)
    moved["sealed_value"] = carrying.keys.seal(new, place, value, powers_of_two=row.name == NEED)
    carrying.kept[new, row.name] = moved


def message_place(subject: str, conversation: str, seq: int) -> Place:
    """Return where a message's body is sealed to. It never changes in place, so its revision is 0."""
    return Place(subject, "messages", "sealed_body", f"{conversation}/{seq}", 0)


def field_place(subject: str, scope: str, name: str, revision: int) -> Place:
    """Return where a kept value is sealed to."""
    return Place(subject, "fields", "sealed_value", f"{scope}/{name}", revision)
