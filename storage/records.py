"""What goes into the store and what comes out of it: turns, messages, records. Values are `repr=False`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from intake.asking import NEED
from intake.assurance import SOMEBODY_FRESH, Presence, Trust
from intake.conversation import Conversation
from intake.events import ColleagueSaid, Event
from intake.outcomes import Effect, Heard, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A conversation to be created by the turn that carries this."""

    subject: str
    state: Conversation
    token_hash: bytes = b""  # SHA-256 of the web session's bearer token; empty on Telegram
    expires_at: datetime | None = None  # of the token
    chat: int = field(default=0, repr=False)  # Telegram chat id; sealed and blind-indexed; 0 on the web


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One event on its way in, with everything that `step` may not draw itself."""

    conversation: str
    event: Event
    at: datetime  # UTC
    key: bytes = b""  # names the event, by the client's id; the store salts it; empty: cannot be repeated
    digest: bytes = b""  # 16 bytes of SHA-256 of the frame's meaning; tells `id_reused` from a repeat
    client_id: str = field(default="", repr=False)
    opening: Opening | None = None
    session: bytes = field(default=b"", repr=False)  # hash of the token it came with; empty: no web session
    presence: Presence = SOMEBODY_FRESH  # filled in by the store for `session`
    update: int = 0  # Telegram update id, recorded in the same transaction
    channel_ref: int = 0  # Telegram message id of the person's message
    actor: str = (
        "person"  # whom the audit names: the person, the officer for them, or the colleague who answers
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of a transcript. `body` is None when it was erased."""

    seq: int
    sender: str  # "visitor" "bot" "staff"
    at: datetime
    locale: str
    body: Heard | Reply | ColleagueSaid | None = field(repr=False)
    client_id: str = field(default="", repr=False)
    channel_ref: int = 0
    scope: str = ""  # of an earlier consultation, which has a question of its own; "": of the one in use

    def shown(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return the values as this message shows them: of its own consultation's question, the others as they are."""
        if not self.scope:
            return values
        own = values.get(question_of(self.scope))
        rest = {name: value for name, value in values.items() if name != NEED}
        return rest if own is None else {**rest, NEED: own}


def question_of(scope: str) -> str:
    """Return the name under which values have an earlier consultation's question."""
    return f"{NEED}/{scope}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptField:
    """A value with its provenance, as "view" shows it."""

    name: str  # of the field; `need:1` …: the questions of earlier consultations, oldest first
    value: str = field(repr=False)
    given_at: datetime
    policy: str  # version under which it was given; "" for the need


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything "view" and `GET /me` show (S21). Plain dicts follow `/schemas/record.json`."""

    fields: tuple[KeptField, ...]
    consents: tuple[Mapping[str, Any], ...]  # {"purpose","decision","policy","at"}
    recipients: tuple[Mapping[str, Any], ...]  # {"recipient","at","fields","event"}: the disclosure log
    opened_by: tuple[Mapping[str, Any], ...]  # {"by","at","purpose","fields"}: from the audit
    keeps_until: datetime | None
    lead: str  # reference of the newest lead, or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDone:
    """What became of a turn. `messages` start with the visitor's own one."""

    conversation: str
    subject: str
    state: Conversation
    ack: int = 0  # seq of the visitor's message; 0 where there is none
    last: int = 0  # highest seq of the conversation
    messages: tuple[Message, ...] = ()
    # of the fields that the messages refer to
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    record: Record | None = field(default=None, repr=False)  # where a message shows it
    refused: str = ""  # an `error` code of the contract; nothing of the event was kept
    repeated: bool = False
    challenge: str = ""  # of a code that was sent and is confirmed over HTTP before the values are kept
    erasure: str = ""  # id of the erasure that this turn began (or its repeat): finish it, then tell
    scope: str = ""  # the scope of that erasure
    effects: tuple[Effect, ...] = field(default=(), repr=False)  # what was carried out, for the metrics
    session: bytes = field(default=b"", repr=False)  # the turn's own
    trust: Trust | None = None  # of that session after the turn; None: not a web session


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """A turn that could not be carried out; its neighbours were. `error` carries ids and classes, never content."""

    conversation: str
    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Messages after a watermark with what is needed to show them."""

    conversation: str
    subject: str
    state: Conversation
    last: int
    messages: tuple[Message, ...]
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    record: Record | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A web session found by its token's hash."""

    conversation: str
    subject: str
    site: str
    locale: str
    expires_at: datetime
    last: int  # highest committed seq
    token_hash: bytes = field(repr=False)
    kind: str  # "chat" "rights"
    trust: Trust
    device: str = ""  # the remembered one that it was resumed from
    erased: bool = False  # then only the answer 410 remains
