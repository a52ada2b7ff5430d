"""Events and updates that were carried out before. An event is answered from what is stored, changing nothing."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from intake.conversation import Conversation
from storage import scopes
from storage.codec import Spoken
from storage.evidence import audit
from storage.means import KeysAtHand, Means
from storage.records import Turn, TurnDone
from storage.tables import messages, updates_seen
from storage.turn import saying, showing
from storage.turn.saying import BOT, VISITOR
from storage.turn.standing import Standing

KEY_BYTES = 16  # bytes; 2^64 events before a chance clash
TURN_MAX = 64  # messages; no turn has a tenth of that, and a long conversation is not read to its end
_KNOWN = select(messages.c.event_key, messages.c.seq).where(
    messages.c.event_key.in_(bindparam("event_keys", expanding=True))
)
_FROM = (
    select(messages)
    .where(
        messages.c.subject == bindparam("subject"),
        messages.c.conversation == bindparam("conversation"),
        messages.c.seq >= bindparam("seq"),
    )
    .order_by(messages.c.seq)
    .limit(TURN_MAX)
)


class Said(NamedTuple):
    """Which message an event came with."""

    seq: int


def event_key(state: Conversation, key: bytes) -> bytes:
    """Return the name under which an event's message is found again.

    A web client's ids may be anything, hashes of what was typed included. The salt is sealed with the state, so whoever
    reads the rows cannot try ids, and nobody can once the person is erased.
    """
    return hmac.digest(bytes.fromhex(state.salt), key, "sha256")[:KEY_BYTES] if state.salt else key


def known(connection: Connection, event_keys: Sequence[bytes]) -> dict[bytes, Said]:
    """Return, by event key, the messages of events that were carried out before."""
    if not event_keys:
        return {}
    return {row.event_key: Said(row.seq) for row in connection.execute(_KNOWN, {"event_keys": event_keys})}


def update_seen(connection: Connection, update_id: int) -> bool:
    """Say whether an update of Telegram was carried out or given up already."""
    seen = select(updates_seen.c.update_id).where(updates_seen.c.update_id == update_id)
    return connection.execute(seen).first() is not None


def record_update(connection: Connection, update_id: int, at: datetime, error: str) -> None:
    """Note an update without a turn: nothing to do, or (`error`, a class name) nothing that could be done."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(updates_seen).values(update_id=update_id, at=at, error=error)
    connection.execute(row.on_conflict_do_nothing())


def answer(
    means: Means,
    connection: Connection,
    keys: KeysAtHand,
    turn: Turn,
    standing: Standing,
    state: Conversation,
    said: Said,
) -> TurnDone:
    """Return the answer that the event got: its message and the replies of the same turn.

    The same id with another meaning is refused as `id_reused`. What was erased meanwhile stays erased.
    """
    rows = _rows(connection, standing, said.seq)
    keys.fetch({(standing.subject, scope) for scope in {standing.scope, *(row.scope for row in rows)}})
    done = TurnDone(
        conversation=standing.id,
        subject=standing.subject,
        state=state,
        last=standing.last_seq,
    )
    told = [saying.opened(keys, row, standing.scope) for row in rows]
    spoken = told[0][1]
    if _digest(keys, standing, rows[0], spoken) not in (b"", turn.digest):
        return replace(done, refused="id_reused")
    shown = tuple(message for message, _ in told)
    gathered = showing.gather(connection, keys, standing, shown, means.rules, turn.at)
    audit.write(connection, means.writer, gathered.entries)
    return replace(
        done,
        ack=said.seq if rows[0].sender == VISITOR else 0,
        messages=shown,
        values=gathered.values,
        record=gathered.record,
        repeated=True,
        erasure=spoken.erasure if spoken else "",
        scope=spoken.scope if spoken else "",
    )


def _rows(connection: Connection, standing: Standing, seq: int) -> list[Row[Any]]:
    place = {"subject": standing.subject, "conversation": standing.id, "seq": seq}
    first, *rest = connection.execute(_FROM, place).all()
    # The time too: what the desk said since about a right used elsewhere is no answer to this event.
    return [first, *takewhile(lambda row: row.sender == BOT and row.at == first.at, rest)]


def _digest(keys: KeysAtHand, standing: Standing, row: Row[Any], spoken: Spoken | None) -> bytes:
    """Return the digest of the stored event; empty where it went with what was erased or corrected."""
    if row.sealed_digest is None:
        return spoken.digest if spoken else b""
    scope = scopes.profile(standing.profile)
    keys.fetch([(standing.subject, scope)])
    place = saying.digest_place(standing.subject, standing.id, row.seq)
    return keys.unseal(scope, place, row.sealed_digest)
