"""What the visitors of the crash tests say, frame by frame, so that any process can go on where another one died."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from intake.conversation import Conversation
from intake.events import Event, Opened, Picked, Said
from intake.rules import Rules
from storage.records import Opening, Turn
from tests.selling import recipient
from tests.talk import rules as shipped

PHONE, OTHER_PHONE = "+86 138 0000 0000", "+86 138 0000 0001"


@dataclass(frozen=True)
class Script:
    """One person's conversation, from the opening to a sent lead, a correction, and for every other one "delete"."""

    number: int

    @property
    def channel(self) -> str:
        """Return the channel: every third person is on Telegram."""
        return "telegram" if self.number % 3 == 0 else "web"

    @property
    def erases(self) -> bool:
        """Tell whether everything is deleted in the end."""
        return self.number % 2 == 1

    @property
    def subject(self) -> str:
        """Return the person's id."""
        return f"{self.number:032x}"

    @property
    def conversation(self) -> str:
        """Return the conversation's id."""
        return f"c{self.number:031x}"

    @property
    def token_hash(self) -> bytes:
        """Return the hash of the token of the web session."""
        return hashlib.sha256(self.conversation.encode()).digest()

    @property
    def chat(self) -> int:
        """Return the Telegram chat; 0 on the web."""
        return 5_550_100 + self.number if self.channel == "telegram" else 0

    @property
    def reference(self) -> str:
        """Return the reference that the lead will have."""
        return f"AF-{self.number:08d}"

    @property
    def events(self) -> Sequence[Event]:
        """Return everything that happens after the opening, in order."""
        abroad = (Picked("abroad:agree"),) if self.channel == "telegram" else ()
        deleting = (Said("delete"), Picked("delete:all")) if self.erases else ()
        return (
            Picked("topic:gateway"),
            Said(f"How does gateway {self.number} reach the cloud?"),
            Picked("followup:yes"),
            *abroad,
            Picked("consent:agree", purposes=("keep_longer",)),
            Picked("whose:own"),
            Said("Li Na"),
            Said("Example Valves Ltd"),
            Said(PHONE),
            Said("li.na@example.com"),
            Said("Engineer"),
            Picked("field:skip"),
            Picked("review:send"),
            Said(f"And how does number {self.number} restart?"),
            Said("correct phone"),
            Said(OTHER_PHONE),
            Said(f"Thank you for number {self.number}."),
            *deleting,
        )

    def opening(self, at: datetime) -> Turn:
        """Return the turn that opens the conversation."""
        state = Conversation(channel=self.channel, site="default", locale="en", reference=self.reference)
        opening = Opening(subject=self.subject, state=state, chat=self.chat)
        if self.channel == "web":
            opening = replace(opening, token_hash=self.token_hash, expires_at=at + timedelta(days=1))
        return Turn(conversation=self.conversation, event=Opened(), at=at, opening=opening)

    def turn(self, place: int, at: datetime) -> Turn:
        """Return the turn of an event, counted from 1; however often it is made, its id is the same."""
        key = hashlib.sha256(f"{self.conversation}/{place}".encode()).digest()[:16]
        return Turn(
            conversation=self.conversation,
            event=self.events[place - 1],
            at=at,
            key=key,
            digest=key,
            client_id=f"f{place}",
            update=self.number * 1_000 + place if self.channel == "telegram" else 0,
            channel_ref=place if self.channel == "telegram" else 0,
        )


def with_sales() -> Rules:
    """Return the shipped rules with a mailbox that hears of leads."""
    return replace(shipped(), recipients={"sales": recipient("sales", "mail", "sales@example.com")})
