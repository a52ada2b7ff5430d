"""What was said, as it is stored and may be shown now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, select

from storage.evidence import audit
from storage.means import KeysAtHand, Means
from storage.records import Transcript
from storage.tables import messages
from storage.turn import consents, saying, showing
from storage.turn.standing import open_state, read


def transcript(
    means: Means,
    connection: Connection,
    conversation: str,
    after: int,
    *,
    own_view: bool = True,
    officer: bool = False,
) -> Transcript:
    """Return the messages after a watermark, erased ones as empty, with the values that they show.

    Args: own_view: the person reads; else no value is opened. officer: somebody reads for the person, who opens the
        record too and is written down with that.
    Raises: NotFound; SubjectErased; ConsentRequired for colleagues unless the person agrees to be contacted.
    """
    standing = read(connection, conversation)
    if not own_view and not officer:
        _must_be_agreed(means, connection, standing.subject)
    rows = connection.execute(_newer(standing.subject, conversation, after)).all()
    keys = KeysAtHand(means)
    there = {row.scope for row in rows if row.sealed_body is not None}
    keys.fetch({(standing.subject, scope) for scope in {standing.scope, *there}})
    told = tuple(saying.opened(keys, row, standing.scope)[0] for row in rows)
    shown = showing.Gathered({}, None, [])
    if own_view or officer:
        shown = showing.gather(connection, keys, standing, told, means.rules, means.clock())
    if own_view:
        audit.write(connection, means.writer, shown.entries)
    return Transcript(
        conversation=conversation,
        subject=standing.subject,
        state=open_state(keys, standing),
        last=standing.last_seq,
        messages=told,
        values=shown.values,
        record=shown.record,
    )


def _newer(subject: str, conversation: str, after: int) -> Select[Any]:
    mine = messages.c.subject == subject, messages.c.conversation == conversation
    return select(messages).where(*mine, messages.c.seq > after).order_by(messages.c.seq)


def _must_be_agreed(means: Means, connection: Connection, subject: str) -> None:
    consents.must_be_contactable(means.rules, consents.live(connection, [subject])[subject])
