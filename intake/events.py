"""What happened: the past-tense facts that `engine.step` is told of.

An event never carries a clock reading, an id of a channel or a secret: those travel beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Opened:
    """A visitor opened the chat; nothing was said yet. `topic` is a deep link's, or empty."""

    topic: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """The visitor typed free text, at most `MESSAGE_MAX` characters."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Picked:
    """The visitor chose an offered option. `purposes` are the boxes ticked on a consent card."""

    value: str
    purposes: tuple[str, ...] = ()
    policy: str = ""  # the version the card showed, where the client says so


@dataclass(frozen=True, slots=True)
class SharedContact:
    """The visitor pressed Telegram's share-contact button; `own` when the number is the sender's."""

    phone: str = field(repr=False)
    own: bool = True


@dataclass(frozen=True, slots=True)
class ColleagueSaid:
    """A colleague of the company answered from the staff console."""

    text: str = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class Corrected:
    """The person replaced values by field name, outside the chat (`PATCH /me`)."""

    values: tuple[tuple[str, str], ...] = field(repr=False)
    proven: bool = False  # a code that went to the new address was entered
    officer: bool = False  # a colleague, who made sure of the person, does it for them: no code is needed


@dataclass(frozen=True, slots=True)
class ProvedAddress:
    """The person entered a code, outside the chat, that went to the address in the field `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Visited:
    """A page told how it was visited, item by item; kept only under the purpose `visit` (S3)."""

    values: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """A visitor whose device was remembered came back to the conversation."""


@dataclass(frozen=True, slots=True)
class AskedToForget:
    """The person asked for erasure of a scope outside the chat: all, lead, visit."""

    scope: str


@dataclass(frozen=True, slots=True)
class AskedToWithdraw:
    """The person withdrew consent for purposes outside the chat."""

    purposes: tuple[str, ...]


Event = (
    Opened
    | Said
    | Picked
    | SharedContact
    | ColleagueSaid
    | Corrected
    | Visited
    | Returned
    | ProvedAddress
    | AskedToForget
    | AskedToWithdraw
)

MESSAGE_MAX = 4_000  # characters; docs/contract.md, Chat API
