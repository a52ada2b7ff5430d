"""The frozen state of one conversation: where it stands, what was answered, what is pending. No values, only names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from dataclasses import field as slot
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from intake.rules import CONTACT

__all__ = ["Aside", "Conversation", "Stage", "altered", "filled"]


class Stage(StrEnum):
    """Where the consultation stands (design: "The conversation")."""

    TOPIC = "topic"
    NEED = "need"
    FOLLOWUP = "followup"
    ABROAD = "abroad"
    CONSENT = "consent"
    WHOSE = "whose"
    AUTHORISED = "authorised"
    SEPARATE = "separate"
    FIELD = "field"
    REVIEW = "review"
    SENT = "sent"
    ENDED = "ended"


class Aside(StrEnum):
    """A command that waits for an answer of its own while the open question stands back."""

    NONE = ""
    CORRECT = "correct"  # which field?
    VALUE = "value"  # the new value of `aside_field`
    DELETE = "delete"
    WITHDRAW = "withdraw"
    LANGUAGE = "language"
    CODE = "code"  # of a code by mail, before what `aside_field` names is carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """State between two turns. Scope numbers name the data keys under which its words are sealed."""

    channel: str  # "web" | "telegram"
    site: str
    locale: str
    reference: str = ""  # reserved for the next lead; drawn by the caller, so that `step` stays pure
    stage: Stage = Stage.TOPIC
    topic: str = ""
    field: str = ""  # the open question at FIELD and SEPARATE
    changing: bool = False  # FIELD was opened from the review card
    aside: Aside = Aside.NONE
    aside_field: str = ""
    kept: tuple[str, ...] = ()  # with a value: need, fields of the profile, items of the visit record
    need_length: int = 0  # characters of the question as it was typed so far; what is added must fit with it
    skipped: tuple[str, ...] = ()
    separate: tuple[str, ...] = ()  # fields whose own consent was given
    other: bool = False  # someone else's details, authorised
    proven: tuple[str, ...] = ()  # addresses to which a code was sent and entered
    doubted: tuple[str, ...] = ()  # addresses that a remembered session gave: no code goes there
    agreed: tuple[str, ...] = ()  # purposes with a live consent
    refused: tuple[str, ...] = ()
    policy: str = ""  # version agreed to
    card: str = ""  # version on the consent card that is open
    behind: Stage | None = None  # the stage behind a card that is asked again (S28)
    session: int = 1  # number of the session scope in use
    consultation: int = 0  # number of the consultation scope in use; 0: none, before consent
    consultations: int = 0  # how many were ever opened: numbers are never reused
    sent: str = ""  # reference of the lead that was sent, while this consultation is it
    leads: int = 0  # how many leads were ever sent
    visit: bool = False  # a visit record exists
    returned: str = ""  # the day (ISO 8601) on which the visitor was last welcomed back
    gpc: bool = False
    salt: str = slot(default="", repr=False)  # random, drawn at the opening: with it the store names events

    @property
    def asked_again(self) -> bool:
        """Tell whether the card, or the question before it, asks again for what was agreed to before (S28)."""
        return (
            self.behind is not None and self.stage in (Stage.ABROAD, Stage.CONSENT) and CONTACT in self.agreed
        )

    @property
    def scope(self) -> str:
        """Return the scope under which words of this conversation are sealed now: `s<n>` or `c<n>`."""
        return f"c{self.consultation}" if self.consultation else f"s{self.session}"


_NAMES = tuple(one.name for one in fields(Conversation))
_SETTERS = tuple(vars(Conversation)[name].__set__ for name in _NAMES)
_read = attrgetter(*_NAMES)


def filled(values: Iterable[Any]) -> Conversation:
    """Return the state with these values, one for each field in its order.

    The slots of a frozen dataclass can be set twice as fast as it sets them itself, and each turn makes several states.
    """
    state = Conversation.__new__(Conversation)
    for set_slot, value in zip(_SETTERS, values, strict=True):
        set_slot(state, value)
    return state


if TYPE_CHECKING:
    from dataclasses import replace as altered  # the same, with names and types checked
else:

    def altered(state: Conversation, /, **changes: object) -> Conversation:
        """Return the state with these changes, in a third of the time that `dataclasses.replace` takes."""
        copy = filled(_read(state))
        for name, value in changes.items():
            object.__setattr__(copy, name, value)
        return copy
