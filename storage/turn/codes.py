"""One-time codes in the store: what is known of them in a turn, and what a turn does with them. `intake.codes` decides.

A code is kept as an HMAC under the key of every live epoch, together with its row's id, and works for ten minutes. It
goes out as a lasting task of the outbox, sealed until it is sent or given up. Rows stay a day: they bound how many go
out.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, or_, select

from intake import codes as intake_codes
from intake.answers import normalised
from intake.assurance import VERIFIED_FOR, Assurance, Code, Presence
from intake.conversation import Aside, Conversation
from intake.events import ProvedAddress, Said
from intake.outcomes import EnterCode, MissCode, SendCode
from storage import outbox, scopes
from storage.errors import NotFound
from storage.evidence.audit import DESK, Entry
from storage.keys.epochs import MAC_BYTES
from storage.keys.keyring import Keyring
from storage.means import KeysAtHand, Means
from storage.records import Turn
from storage.tables import codes, fields
from storage.turn import showing, waiting
from storage.turn.carrying import Carrying
from storage.turn.standing import Standing

CHAT, CHANGE, DOOR = "chat", "change", "door"
CODE_MAIL = "code"  # the outbox task that mails one
CODES_KEPT = timedelta(days=1)  # how far back the bounds of codes look (intake.codes)


def code_mac(keyring: Keyring, code_id: str, code: str) -> bytes:
    """Return what is kept of a code: one of every live epoch, for a process that does not know the newest yet."""
    return b"".join(mac for _, mac in keyring.macs("code", f"{code_id}/{code}"))


def is_right(keyring: Keyring, code_id: str, code: str, kept: bytes) -> bool:
    """Say whether `code` is what was sent; epochs may have changed meanwhile."""
    there = [kept[start : start + MAC_BYTES] for start in range(0, len(kept), MAC_BYTES)]
    macs = keyring.macs("code", f"{code_id}/{code}")
    return any(hmac.compare_digest(mac, one) for _, mac in macs for one in there)


def drawn(means: Means) -> str:
    """Return a fresh code."""
    return f"{int.from_bytes(means.random(8)) % 10**intake_codes.LENGTH:0{intake_codes.LENGTH}}"


def is_open(row: Row[Any], now: datetime) -> bool:
    """Say whether the code of a row can still be entered."""
    return row.code_mac is not None and now < row.expires_at and row.misses < intake_codes.TRIES


def asked(kinds: Collection[str], macs: Collection[bytes], since: datetime) -> Select[datetime]:
    """Return the statement that tells when codes of these kinds were asked for one address, whoever asked."""
    to_it = codes.c.mac.in_(macs), codes.c.kind.in_(kinds), codes.c.created_at > since
    once = codes.c.kind.in_((CHAT, CHANGE)) | (codes.c.subject == "")  # the door's other rows say whose it is
    return select(codes.c.created_at).where(*to_it, once)


def goes_out(means: Means, connection: Connection, row: Row[Any], address: str) -> bool:
    """Say whether a code is mailed: so many in an hour and a day to one address, however many people gave it.

    Who asked is told nothing of it: else they would learn in a chat that others gave that address.
    """
    kinds = (DOOR,) if row.kind == DOOR else (CHAT, CHANGE)
    macs = [mac for _, mac in means.keyring.macs(row.field, normalised("email", address))]
    at_once = and_(codes.c.created_at == row.created_at, codes.c.id < row.id)
    earlier = asked(kinds, macs, row.created_at - CODES_KEPT).where(
        or_(codes.c.created_at < row.created_at, at_once)
    )
    return intake_codes.may_send(list(connection.scalars(earlier)), row.created_at)


def presence(
    means: Means,
    keys: KeysAtHand,
    connection: Connection,
    turn: Turn,
    standing: Standing,
    state: Conversation,
    assurance: Assurance,
) -> Presence:
    """Return what is known of whoever is there: assurance, and how what was typed compares with what was sent."""
    mine = select(codes).where(codes.c.subject == standing.subject, codes.c.created_at > turn.at - CODES_KEPT)
    rows = connection.execute(mine.order_by(codes.c.created_at, codes.c.id)).all()
    here = [row for row in rows if row.kind == CHAT and row.conversation == standing.id]
    newest = next(iter([row for row in here if row.code_mac is not None][-1:] or here[-1:]), None)
    can_be_entered = newest is not None and is_open(newest, turn.at)
    if not turn.session and any(row.entered_at and turn.at < row.entered_at + VERIFIED_FOR for row in here):
        assurance = Assurance.VERIFIED  # without sessions, the conversation is what is verified
    return Presence(
        assurance=assurance,
        may_send=intake_codes.may_send([row.created_at for row in rows], turn.at),
        open=newest.id if newest is not None and can_be_entered else "",
        tries=intake_codes.TRIES - newest.misses if newest is not None else 0,
        replaced=_is_replaced(connection, rows, turn, standing),
        typed=_typed(means, turn, state, newest if can_be_entered else None),
        waiting=waiting.opened(keys, newest) if newest is not None else (),
    )


def _is_replaced(connection: Connection, rows: Sequence[Row[Any]], turn: Turn, standing: Standing) -> bool:
    """Say whether what a code at the door proved was corrected since: between its transaction and this one."""
    proved = turn.event
    if not isinstance(proved, ProvedAddress):
        return False
    mine = fields.c.subject == standing.subject, fields.c.scope == scopes.profile(standing.profile)
    given = connection.scalar(select(fields.c.given_at).where(*mine, fields.c.name == proved.name))
    entered = [row for row in rows if row.kind == DOOR and row.field == proved.name and row.entered_at]
    return given is None or all(row.created_at < given for row in entered)


def _typed(means: Means, turn: Turn, state: Conversation, row: Row[Any] | None) -> Code:
    if state.aside is not Aside.CODE or not isinstance(turn.event, Said):
        return Code.NONE
    code = intake_codes.typed(turn.event.text)
    if not code:
        return Code.NONE
    if row is None:
        return Code.EXPIRED
    return Code.RIGHT if is_right(means.keyring, row.id, code, row.code_mac) else Code.WRONG


def send(carrying: Carrying, effect: SendCode) -> None:
    """Have a code mailed to the person's address, or to the new one that waits for it; earlier ones work no more."""
    means, standing, at = carrying.means, carrying.standing, carrying.at
    new = dict(effect.values).get(effect.name)
    address = new if new is not None else _kept_address(carrying, effect.name)
    code_id, code = means.new_id(), drawn(means)
    kind = CHAT if effect.chat else CHANGE
    carrying.write("code_dropped", b_subject=standing.subject, b_conversation=standing.id, b_kind=kind)
    macs = means.keyring.macs(effect.name, normalised("email", address))
    row = new_row(standing.subject, code_id, kind, standing.id, effect.name, macs[0][1], at)
    row |= {"code_mac": code_mac(means.keyring, code_id, code), **_sealed(carrying, code_id, effect)}
    carrying.write("code_sent", **row)
    carried = {"to": address, "code": code, "locale": carrying.state.locale, "subject": standing.subject}
    carrying.tasks.append(mail_task(means, code_id, at, carried))
    note = Entry(at=at, actor=DESK, action="code_sent", subject=standing.subject, fields=(effect.name,))
    carrying.entries.append(note)
    if new is not None:
        carrying.values[f"{effect.name}{waiting.NEW}"] = new
    if not effect.chat:
        carrying.challenge = code_id


def new_row(
    subject: str, code_id: str, kind: str, conversation: str, field: str, mac: bytes, at: datetime
) -> dict[str, Any]:
    """Return the row of a code that is sent now."""
    return {
        "subject": subject,
        "id": code_id,
        "kind": kind,
        "conversation": conversation,
        "field": field,
        "mac": mac,
        "code_mac": None,
        "misses": 0,
        "created_at": at,
        "expires_at": at + intake_codes.LIFE,
        "entered_at": None,
        "scope": "",
        "sealed_values": None,
    }


def mail_task(means: Means, code_id: str, at: datetime, carried: Mapping[str, str]) -> outbox.Task:
    """Return the task that mails a code, sealed under a key of its own."""
    bare = outbox.Task(id=means.new_id(), kind=CODE_MAIL, subject="", at=at)
    return outbox.lasting(means.keyring, means.random, bare, {"id": code_id, **carried})


def _sealed(carrying: Carrying, code_id: str, effect: SendCode) -> dict[str, Any]:
    if not effect.values:
        return {}
    scope = scopes.profile(carrying.numbers.profile)
    place = waiting.place(carrying.standing.subject, code_id)
    sealed = carrying.keys.seal(scope, place, json.dumps(effect.values).encode())
    return {"scope": scope, "sealed_values": sealed}


def _kept_address(carrying: Carrying, name: str) -> str:
    scope = scopes.profile(carrying.standing.profile)
    rows = carrying.known.shown.get(carrying.standing.subject, ())
    for row in rows:
        if (row.scope, row.name) == (scope, name):
            carrying.keys.fetch([(row.subject, row.scope)])
            return showing.open_value(carrying.keys, row)
    raise NotFound(f"subject {carrying.standing.subject}: no address in {name}")


def miss(carrying: Carrying, effect: MissCode) -> None:
    """Count a wrong code."""
    carrying.write("code_missed", b_subject=carrying.standing.subject, b_id=carrying.turn.presence.open)


def enter(carrying: Carrying, effect: EnterCode) -> None:
    """Spend the code that was entered; the session it came from is verified (`storage.turn.group`)."""
    carrying.verified = True
    carrying.write(
        "code_entered",
        b_subject=carrying.standing.subject,
        b_id=carrying.turn.presence.open,
        b_at=carrying.at,
    )
