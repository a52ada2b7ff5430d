"""What an update says, in the desk's own words. Nothing of the update itself is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from telegram import Message, Update
from telegram.constants import ChatMemberStatus, ChatType

from intake.events import Picked, Said, SharedContact
from intake.rights import COMMANDS
from intake.rules import Rules

SITE_AND_TOPIC = "__"  # between the two in a deep link's payload, which has only A-Z a-z 0-9 _ -


@dataclass(frozen=True, slots=True)
class Started:
    """The person pressed "Start", or followed a deep link with a payload."""

    payload: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """The person pressed an inline button; `data` came with it."""

    query: str
    data: str


@dataclass(frozen=True, slots=True)
class SentMedia:
    """The person sent what the desk cannot read: a picture, a voice message, a sticker."""


@dataclass(frozen=True, slots=True)
class InGroup:
    """Somebody spoke to the bot, or brought it in, where others read along."""


What = Said | Picked | SharedContact | Started | Pressed | SentMedia | InGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One update, read."""

    update: int
    chat: int = field(repr=False)
    language: str  # of the person's Telegram, IETF; "" if it does not say
    # Telegram's message id: of what was written, or of the message whose button was pressed; 0: none
    message: int
    what: What


def read(update: Update) -> Incoming | None:
    """Return what an update says, or None when there is nothing to answer (a block, an anonymous button)."""
    chat = update.effective_chat
    if chat is None:
        return None
    what = _said_by(update) if chat.type == ChatType.PRIVATE else _elsewhere(update)
    if what is None:
        return None
    person, message = update.effective_user, update.effective_message
    return Incoming(
        update=update.update_id,
        chat=chat.id,
        language=(person and person.language_code) or "",
        message=message.message_id if message else 0,
        what=what,
    )


def place(payload: str, rules: Rules) -> tuple[str, str]:
    """Return the site and topic ("" if none) of a deep link's payload: `site__topic`, or either of them alone."""
    first, _, second = payload.partition(SITE_AND_TOPIC)
    site = first if first in rules.sites else next(iter(rules.sites))
    return site, next((part for part in (second, first) if part in rules.topics), "")


def _said_by(update: Update) -> What | None:
    query = update.callback_query
    if query:
        return Pressed(query.id, query.data or "")
    return _written(update.message) if update.message else None


def _written(message: Message) -> What:
    contact = message.contact
    if contact:
        own = message.from_user is not None and contact.user_id == message.from_user.id
        return SharedContact(_international(contact.phone_number), own)
    if message.text is None:
        return SentMedia()
    return _command(message.text) if message.text.startswith("/") else Said(message.text)


def _command(text: str) -> What:
    word, _, rest = text[1:].partition(" ")
    name = word.partition("@")[0].lower()  # "/view@desk_bot" where several bots are about
    if name == "start":
        return Started(rest.strip())
    if name in COMMANDS and not rest.strip():
        return Picked(f"command:{name}")
    return Said(f"/{name} {rest}".rstrip())


def _international(phone: str) -> str:
    """Return the number with its plus, which some of Telegram's clients leave out."""
    return phone if phone.startswith("+") else f"+{phone}"


def _elsewhere(update: Update) -> InGroup | None:
    """Answer where the bot can be heard; being thrown out of a group is no reason to speak there."""
    member = update.my_chat_member
    if member and member.new_chat_member.status in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED):
        return None
    return InGroup() if member or update.message else None
