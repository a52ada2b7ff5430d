"""Values that wait for a one-time code before they are kept: a new address in the place of a proven one."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, select

from storage.keys.sealing import Place
from storage.means import KeysAtHand
from storage.tables import codes

NEW = ":new"  # behind a field's name: the value that waits, not the one that is kept


def place(subject: str, code_id: str) -> Place:
    """Return where the values that wait for a code are sealed to."""
    return Place(subject, "codes", "sealed_values", code_id, 0)


def opened(keys: KeysAtHand, row: Row[Any]) -> tuple[tuple[str, str], ...]:
    """Return the values that wait for the code of a row; none where a correction or an erasure has taken them along."""
    if row.sealed_values is None:
        return ()
    keys.fetch([(row.subject, row.scope)])
    raw = keys.unseal(row.scope, place(row.subject, row.id), row.sealed_values)
    return tuple((name, value) for name, value in json.loads(raw))


def shown(
    connection: Connection, keys: KeysAtHand, subject: str, conversation: str, names: Collection[str]
) -> dict[str, str]:
    """Return, by `<field>:new`, the values that wait in a conversation, where one of these names is such a one."""
    if not any(name.endswith(NEW) for name in names):
        return {}
    mine = select(codes).where(
        codes.c.subject == subject,
        codes.c.conversation == conversation,
        codes.c.sealed_values.is_not(None),
    )
    rows = connection.execute(mine.order_by(codes.c.created_at)).all()
    return {f"{name}{NEW}": value for row in rows for name, value in opened(keys, row)}
