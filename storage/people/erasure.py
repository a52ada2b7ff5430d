"""Erasure, steps 2 to 4: destroy the keys, delete the rows and tell, certify. Each step can be repeated.

Step 1 stands in `storage.turn.erasing`. A crash anywhere is resumed. `erasures.step` says how far it came, but is never
believed where something stands still: whoever can write to the data could have an erasure certified that never was.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, Table, delete, literal, select, union_all, update

from storage import outbox
from storage.connecting import truncate_wal
from storage.errors import NotDestroyed, NotFound
from storage.evidence import certificates
from storage.keys import checkpoints
from storage.means import Means, stamp
from storage.people.disclosures import EXPORT
from storage.tables import (
    chats,
    codes,
    conversations,
    devices,
    disclosures,
    doomed_keys,
    erasures,
    fields,
    index_rows,
    leads,
    messages,
    sessions,
    subjects,
)
from storage.tables import consents as consent_rows
from storage.tables import outbox as outbox_rows
from storage.turn.codes import CHANGE, CHAT
from storage.turn.erasing import ALL, IN_CHAT, TELEGRAM_ERASE
from storage.turn.handing import told_of

STAYS = {  # what is kept after an erasure, and why
    "certificate": "proof of the erasure, without identifiers",
    "tombstone": "so that nothing of it can be restored; a random number",
    "audit": "that it was done, without values",
    "session": "so that the session can be answered as erased for 30 days; a hash",
}
COPIES = {  # what others hold of the person, and what the desk does about it
    "copies at recipients": "they are told to erase them",
    "copies at former recipients": "the desk has their address no more and does not tell them",
    "exports": "copies that sales exported; the desk cannot reach them",
    IN_CHAT: "the desk cannot tell any more which chat they are in; delete them in Telegram",
}
COUNTS = "code counts"
COUNTS_STAY = {COUNTS: "how many codes went to an address, for a day, so that no more do; a keyed hash"}
HELD = (
    messages,
    fields,
    index_rows,
    consent_rows,
    leads,
    chats,
    conversations,
    subjects,
)  # what says who it was
REST_STAYS = ("everything else", "only this part was chosen")


def finish(means: Means, erasure: str) -> dict[str, Any]:
    """Carry out what is left of an erasure and return its certificate. Doing it again returns the same.

    Raises: NotFound for an id of which neither an erasure nor a certificate exists. NotDestroyed where a key or a row
    stands still: then nothing is signed, the erasure stays unfinished, and the next sweep tries again.
    """
    with means.engine.begin() as connection:
        row = connection.execute(select(erasures).where(erasures.c.id == erasure)).first()
    if row is not None:
        _destroy_keys(means, row)
        row = _delete_rows(means, row)
    if row is not None:
        _certify(means, row)
    found = certificates.certificate(means, erasure)
    if found is None:
        raise NotFound(f"erasure {erasure}")
    return found


def unfinished(connection: Connection) -> list[str]:
    """Return the erasures that were begun and not certified yet, oldest first."""
    return list(connection.scalars(select(erasures.c.id).order_by(erasures.c.at, erasures.c.id)))


def _destroy_keys(means: Means, row: Row[Any]) -> None:
    """Step 2: the keys go, a tombstone stands for ever."""
    means.keyring.destroy(row.subject, _doomed(row), tombstone=True, at=row.at)
    with means.engine.begin() as connection:
        _set(connection, row, step=2)


def _doomed(row: Row[Any]) -> list[str] | None:
    return row.scopes.split(",") if row.scopes and row.scope != ALL else None


def _delete_rows(means: Means, row: Row[Any]) -> Row[Any] | None:
    """Step 3: rows and index rows go, in one transaction with the notices to those who had received something.

    The notices' keys are made first, so the log is read before; nothing is added to it once the person is blocked. The
    data notes last how far the keyring has come: from now on an older copy of that is refused.
    """
    reached_by_now = means.keyring.checkpoint()
    with means.engine.begin() as connection:
        newest = connection.execute(_mine(row).with_for_update()).first()
        if newest is None or (
            newest.step >= 3 and not _left(connection, newest)
        ):  # another process was faster
            return newest
        whole = row.scope == ALL
        told = told_of(connection, row.subject, row.reference) if whole or row.reference else []
        reached = [one for one in told if one.recipient in means.rules.recipients]
        tasks = [_notice(means, row, one.recipient, one.reference) for one in reached]
        report: dict[str, Any] = orjson.loads(row.report)
        if whole:
            report["destroyed"] = delete_person(connection, row.subject, row.at, row.id)
        if left := _left(connection, row):
            raise NotDestroyed(
                f"erasure {row.id}: rows stand still in {left}; remove triggers from that table, "
                "and from erasures what the desk did not write"
            )
        report["recipients"] = sorted({one.recipient for one in reached})
        report["copies"] = [*report.get("copies", ()), *_copies(means, {one.recipient for one in told})]
        report["counts"] = [COUNTS] if whole and "one-time codes" in report["destroyed"] else []
        outbox.enqueue(connection, [*tasks, *_chat_tasks(row)])
        _set(connection, row, step=3, report=orjson.dumps(report).decode())
        checkpoints.note(connection, reached_by_now)
        return connection.execute(_mine(row)).one()


def _copies(means: Means, holders: set[str]) -> list[str]:
    """Return what others hold, in the certificate's words: only who is configured can be told."""
    there = {
        "copies at recipients": holders & means.rules.recipients.keys(),
        "copies at former recipients": holders - means.rules.recipients.keys() - {EXPORT},
        "exports": holders & {EXPORT},
    }
    return [what for what, who in there.items() if who]


def _notice(means: Means, row: Row[Any], recipient: str, reference: str) -> outbox.Task:
    bare = outbox.Task(
        id=means.new_id(), kind="person.erased", subject=row.subject, at=row.at, recipient=recipient
    )
    return outbox.lasting(means.keyring, means.random, bare, {"reference": reference, "scope": row.scope})


def _chat_tasks(row: Row[Any]) -> list[outbox.Task]:
    if not row.task:
        return []
    task = outbox.Task(
        id=row.task, kind=TELEGRAM_ERASE, subject=row.task, at=row.at, sealed=bytes(row.sealed_task)
    )
    return [task]


def delete_person(connection: Connection, subject: str, at: datetime, certificate: str) -> list[str]:
    """Delete everything of a person but the stubs of their sessions; return what there was."""
    sent = _only_counts(connection, subject)
    named = {
        "messages": messages,
        "fields": fields,
        "lookups": index_rows,
        "consents": consent_rows,
        "lead": leads,
        "disclosure log": disclosures,
        "Telegram chat": chats,
        "tasks": outbox_rows,
        "remembered devices": devices,
        "one-time codes": codes,
        "conversation": conversations,
        "person": subjects,
    }
    counts = {
        what: connection.execute(delete(table).where(table.c.subject == subject)).rowcount
        for what, table in named.items()
    }
    counts["one-time codes"] += sent
    connection.execute(delete(doomed_keys).where(doomed_keys.c.subject == subject))
    stubs = update(sessions).where(sessions.c.subject == subject, sessions.c.erased_at.is_(None))
    counts["sessions"] = connection.execute(stubs.values(erased_at=at, certificate=certificate)).rowcount
    return [what for what, count in counts.items() if count]


def _left(connection: Connection, row: Row[Any]) -> str:
    """Return a table in which something of what the erasure takes away stands, "" when nothing does."""
    doomed = _doomed(row)
    parts: list[Select[Any]] = [_standing(table, row.subject) for table in HELD]
    if doomed is not None:
        there = messages.c.sealed_body.is_not(None)
        words = _standing(messages, row.subject).where(messages.c.scope.in_(doomed), there)
        tables = fields, leads
        parts = [words, *(_standing(table, row.subject).where(table.c.scope.in_(doomed)) for table in tables)]
    return next(iter(connection.scalars(union_all(*parts))), "")


def _standing(table: Table, subject: str) -> Select[Any]:
    return select(literal(table.name)).where(table.c.subject == subject)


def _only_counts(connection: Connection, subject: str) -> int:
    """Leave of the codes that were sent in the chat that there were such, and nobody's: they count for a day.

    Else whoever gives an address of somebody else's, and erases, could have codes sent there without end.
    """
    chat = codes.c.subject == subject, codes.c.kind.in_((CHAT, CHANGE))
    nobodys = {"subject": "", "conversation": "", "code_mac": None, "scope": "", "sealed_values": None}
    return connection.execute(update(codes).where(*chat).values(**nobodys)).rowcount


def _certify(means: Means, row: Row[Any]) -> None:
    """Step 4: the signed certificate; nothing is left to do. SQLite's log is emptied, now or by the worker."""
    document, doomed = _certificate(row), _doomed(row)
    certificates.certify(means, row.id, row.at, document, subject=row.subject, scopes=doomed)
    with means.engine.begin() as connection:
        connection.execute(delete(erasures).where(erasures.c.subject == row.subject, erasures.c.id == row.id))
    truncate_wal(means.engine)
    means.keyring.scrub()


def _certificate(row: Row[Any]) -> dict[str, Any]:
    """Return the contract's certificate, unsigned, without what it says of backups."""
    report: dict[str, list[str]] = orjson.loads(row.report)
    remaining = dict(STAYS) if row.scope == ALL else {**dict([REST_STAYS]), **STAYS}
    if row.scope != ALL:
        del remaining["session"]
    remaining |= {
        what: (COPIES | COUNTS_STAY)[what] for what in [*report["copies"], *report.get("counts", ())]
    }
    return {
        "id": row.id,
        "at": stamp(row.at),
        "scope": row.scope,
        "destroyed": [*report["destroyed"], "keys"],
        "remaining": [{"what": what, "why": why} for what, why in remaining.items()],
        "recipients": report["recipients"],
    }


def _mine(row: Row[Any]) -> Any:
    return select(erasures).where(erasures.c.subject == row.subject, erasures.c.id == row.id)


def _set(connection: Connection, row: Row[Any], *, step: int, **more: Any) -> None:
    """Note how far the erasure came; never back to where another process was already."""
    mine = update(erasures).where(erasures.c.subject == row.subject, erasures.c.id == row.id)
    connection.execute(mine.where(erasures.c.step <= step).values(step=step, **more))
