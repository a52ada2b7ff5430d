"""What follows from an event: replies to show, effects to carry out, and what is kept of the words heard.

Replies name wording keys and fields; they never hold a personal value. The wording layer turns them into text, and
looks values up by field name at the moment of showing, so that masking, correcting and erasing a field hold for the
transcript too (design: "Answers to questions are kept as fields; the transcript refers to them").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from intake.conversation import Conversation


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """A wrong answer: whose question it was and what was wrong. `example` is ours, never the person's."""

    name: str
    code: str
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expects:
    """How the next input is to be drawn (contract: `expects`); wording adds labels, reasons and warnings."""

    kind: str = "none"  # none text tel email choice consent review confirm record code
    name: str = ""
    options: tuple[str, ...] = ()  # option values that may be picked, besides command:<name>
    optional: bool = False
    step: int = 0  # of `of` questions; 0: no progress shown
    of: int = 0
    purposes: tuple[str, ...] = ()  # consent: purposes on the card
    policy: str = ""  # consent: the version on the card
    since: str = ""  # consent asked again: the version agreed to before (S28)
    fields: tuple[str, ...] = ()  # review and record: which fields, in order; code: whose value is `sent_to`


NOTHING_EXPECTED = Expects()
NEED_JOINT = "\n"  # between the question and what was added to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One message of the desk. `params` hold ids, dates and references for the wording, never personal values."""

    key: str
    params: Mapping[str, str] = field(default_factory=dict)
    expects: Expects = NOTHING_EXPECTED
    rejected: WrongAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is kept of the visitor's own message: at most one of screened text, a field it answered, a pick."""

    text: str = field(default="", repr=False)
    answered: str = ""  # a field name: the transcript shows the field's value here
    picked: str = ""  # an option value: the transcript shows its label here
    purposes: tuple[str, ...] = ()
    private: bool = False  # a refused answer: masked whole wherever values are masked
    code: bool = False  # a one-time code was typed: nothing of it is kept


# Effects, imperative: what the store must do in the same transaction.


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConsent:
    """Record decisions, purpose by purpose, with the evidence of what was shown (L1, L2, L14)."""

    decisions: tuple[tuple[str, bool], ...]
    policy: str
    notice_sha256: str
    locale: str
    method: str  # "card" "question"


@dataclass(frozen=True, slots=True)
class OpenConsultation:
    """Open the scope of consultation `number`; move what was said in session scope `session` (0: nothing) there."""

    session: int
    number: int


@dataclass(frozen=True, slots=True)
class ShredSession:
    """Destroy the key of session scope `number`: what was said before the refusal is gone."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepField:
    """Keep a value. `need` lives in the conversation's scope and needs no consent; the rest need a live one (S5)."""

    name: str
    value: str = field(repr=False)
    warning_sha256: str = ""  # of the warning that stood before a sensitive question (S7)
    joins: bool = False  # behind what is kept already, on a line of its own (`NEED_JOINT`)
    replaces: bool = False  # a correction: re-key the scope, tell the recipients


@dataclass(frozen=True, slots=True)
class DropField:
    """Remove a kept value (skipped at a correction)."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordAttestation:
    """The visitor says that the other person authorised them (S6)."""

    authorised: bool


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand the lead to sales under `reference`."""

    reference: str
    topic: str


@dataclass(frozen=True, slots=True)
class JoinLead:
    """A further message joined the lead that was sent (lead.updated)."""

    reference: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """End consent for these purposes; processing under them stops with this commit (L3)."""

    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erase:
    """Begin erasure of a scope: all (the person), lead (consultation `number`), draft (the same), visit.

    With `profile` the details go too: a draft of somebody who never sent a lead. The store puts the erasure's id
    into every reply parameter named `certificate`.
    """

    scope: str
    number: int = 0
    profile: bool = False


@dataclass(frozen=True, slots=True)
class CallColleague:
    """The visitor asked for a human: tell sales (only ever after a lead was sent)."""

    reference: str


@dataclass(frozen=True, slots=True)
class SendCode:
    """Mail a one-time code to the address in the field `name`.

    With `values` to the new one that is among them, and they wait for it. `chat`: it is typed there, not sent by HTTP.
    """

    name: str
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    chat: bool = True


@dataclass(frozen=True, slots=True)
class MissCode:
    """Count a wrong code against the one that is open."""


@dataclass(frozen=True, slots=True)
class EnterCode:
    """The open code was entered: it is spent, the session is verified, the address in `name` is its person's."""

    name: str


Effect = (
    RecordConsent | OpenConsultation | ShredSession | KeepField | DropField | RecordAttestation | Submit | JoinLead
    | Withdraw | Erase | CallColleague | SendCode | MissCode | EnterCode
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The answer of `engine.step`. With `refused` nothing of the event is kept (contract: an `error` frame)."""

    state: Conversation
    heard: Heard | None = None
    replies: tuple[Reply, ...] = ()
    effects: tuple[Effect, ...] = ()
    # not_offered, unknown_purpose, consent_stale, consent_required, too_long, or rejected/<field>/<code>
    refused: str = ""
