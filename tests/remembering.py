"""A store over both kinds of database, and visitors whose steps are really taken: what tests of memory begin with."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from intake.conversation import Conversation
from intake.engine import step
from intake.events import Event, Opened, Picked, Said
from intake.outcomes import Effect, Heard, Reply, Step
from intake.rules import Recipient, Rules
from storage.people.disclosures import disclosed
from storage.records import Opening, Turn, TurnDone, TurnFailed
from storage.store import Store
from tests.house import shipped
from tests.rooms import Clock, Rooms, bare_rooms

NEED = "How do your gateways reach the cloud, canary-need?"
DETAILS = {
    "name": "Li Canary",
    "company": "Example Valves Ltd",
    "phone": "+8613800000000",
    "email": "li.canary@example.com",
    "position": "Engineer Canary",
}
CRM = Recipient(
    id="crm",
    name={"en": "CRM", "zh-CN": "CRM"},
    kind="webhook",
    address="https://crm.example.com/hook",
    purpose="contact",
    fields=("name", "phone"),
    agreement="internal rule 7/2026",
    country="CN",
    secret_env="CRM_SECRET",
)
MAILBOX = replace(CRM, id="mailbox", kind="mail", address="sales@example.com", fields=())
PARTNER = replace(CRM, id="partner", purpose="affiliates", fields=("name",))
KEPT = Reply(key="joined")


@dataclass
class Memory:
    """A store in its rooms. `run` calls it in the storage thread, as the desk does."""

    rooms: Rooms
    rules: Rules
    store: Store
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Call something of the storage in its thread."""
        return self.rooms.run(call, *given, **named)

    def now(self) -> datetime:
        """Return the time."""
        return self.rooms.clock.now

    def later(self, **more: float) -> datetime:
        """Let time pass."""
        return self.rooms.clock.tick(**more)

    def turns(
        self, *batch: Turn, decide: Callable[[Turn, Conversation], Step] | None = None
    ) -> list[TurnDone | TurnFailed]:
        """Carry out turns in one group, with the engine unless told otherwise."""
        found: list[TurnDone | TurnFailed] = self.run(self.store.turns, batch, decide or self.engine)
        self.run(self.store.destroy_left)
        return found

    def engine(self, turn: Turn, state: Conversation) -> Step:
        """Take the real step."""
        return step(state, turn.event, turn.at, self.rules, turn.presence)

    def count(self, table: Any, **where: Any) -> int:
        """Return how many rows of a table are so."""
        return sum(all(row[name] == value for name, value in where.items()) for row in self.rooms.rows(table))

    def with_rules(self, **changes: Any) -> Memory:
        """Return the same memory under changed rules."""
        rules = replace(self.rules, **changes)
        return replace(self, rules=rules, store=_store(self.rooms, rules))


def _store(rooms: Rooms, rules: Rules, writer: str = "test") -> Store:
    return Store(rooms.engine, rooms.keyring, rules, clock=rooms.clock, random=os.urandom, writer=writer)


@contextmanager
def remembering(
    data_url: str, keyring_url: str, folder: Path, clock: Clock | None = None
) -> Iterator[Memory]:
    """Yield a memory with three recipients, and close it. With the clock of another: a second process beside it."""
    rules = shipped().rules
    rules = replace(rules, recipients={one.id: one for one in (CRM, MAILBOX, PARTNER)})
    with bare_rooms(data_url, keyring_url, folder, clock) as rooms:
        yield Memory(rooms, rules, _store(rooms, rules, f"test-{os.urandom(4).hex()}" if clock else "test"))


class Visitor:
    """Somebody who talks to the desk."""

    def __init__(self, memory: Memory, *, channel: str = "web", chat: int = 0, locale: str = "en") -> None:
        self.memory = memory
        self.subject, self.conversation = uuid4().hex, uuid4().hex
        self.channel, self.chat, self.locale = channel, chat, locale
        self.token_hash = hashlib.sha256(self.conversation.encode()).digest()

    def turn(self, event: Event, **more: Any) -> Turn:
        """Return a turn of this visitor, with a client id of its own."""
        number = next(self.memory.numbers)
        identity = f"{self.conversation}-{number}".encode()
        given: dict[str, Any] = {
            "at": self.memory.now(),
            "key": hashlib.sha256(identity).digest()[:16],
            "digest": hashlib.sha256(repr((event, getattr(event, "text", ""))).encode()).digest()[:16],
            "client_id": f"c{number}",
        }
        return Turn(conversation=self.conversation, event=event, **{**given, **more})

    def opening(self, **more: Any) -> Turn:
        """Return the turn that opens the conversation."""
        state = Conversation(channel=self.channel, site="default", locale=self.locale)
        opening = Opening(
            subject=self.subject,
            state=state,
            token_hash=b"" if self.chat else self.token_hash,
            expires_at=None if self.chat else self.memory.now() + timedelta(days=1),
            chat=self.chat,
        )
        return self.turn(Opened(), opening=opening, key=b"", digest=b"", client_id="", **more)

    def opens(self) -> TurnDone:
        """Open the chat."""
        return done(self.memory.turns(self.opening())[0])

    def does(self, event: Event, **more: Any) -> TurnDone:
        """Let one thing happen."""
        return done(self.memory.turns(self.turn(event, **more))[0])

    def says(self, text: str, **more: Any) -> TurnDone:
        """Type something."""
        return self.does(Said(text), **more)

    def picks(self, value: str, *purposes: str) -> TurnDone:
        """Choose an option."""
        return self.does(Picked(value, purposes=purposes))

    def deletes(self, scope: str) -> TurnDone:
        """Say "delete" and choose a scope."""
        self.says("delete")
        return self.picks(f"delete:{scope}")

    def was_told_to(self, recipient: str, reference: str) -> None:
        """Note that a recipient received the lead's name."""
        self.memory.run(self._note_disclosure, recipient, reference)

    def _note_disclosure(self, recipient: str, reference: str) -> None:
        with self.memory.rooms.engine.begin() as connection:
            disclosed(
                connection,
                name=f"{recipient}{reference}",
                subject=self.subject,
                recipient=recipient,
                event="lead.created",
                reference=reference,
                fields=("name",),
                at=self.memory.now(),
            )

    def steps(self, *effects: Effect, **more: Any) -> TurnDone | TurnFailed:
        """Let a step with these effects happen; `state` changes the state by what is given."""
        changes = more.pop("state", {})

        def decide(turn: Turn, state: Conversation) -> Step:
            heard = Heard(text="canary-words")
            given: dict[str, Any] = {"heard": heard, "replies": (KEPT,), "effects": effects, **more}
            return Step(state=replace(state, **changes), **given)

        return self.memory.turns(self.turn(Said("canary-words")), decide=decide)[0]

    def asks(self) -> None:
        """Open the chat and ask the question, as far as the consent card."""
        self.opens()
        self.says(NEED)
        self.picks("followup:yes")
        if self.channel == "telegram":
            self.picks("abroad:agree")

    def consents(self, *purposes: str) -> None:
        """Agree to contact and to these purposes."""
        self.asks()
        self.picks("consent:agree", *purposes)

    def reviews(self, *purposes: str) -> None:
        """Give every detail, as far as the review card."""
        self.consents(*purposes)
        self.picks("whose:own")
        for value in DETAILS.values():
            self.says(value)
        self.picks("field:skip")

    def sends(self, *purposes: str) -> str:
        """Send a lead and return its reference."""
        self.reviews(*purposes)
        return self.picks("review:send").state.sent


def done(result: TurnDone | TurnFailed) -> TurnDone:
    """Return what was done; a failed turn raises what made it fail."""
    if isinstance(result, TurnFailed):
        raise result.error
    return result


def failed(result: TurnDone | TurnFailed) -> Exception:
    """Return what made a turn fail."""
    assert isinstance(result, TurnFailed), result
    return result.error


def keys_of(done: TurnDone) -> list[str]:
    """Return the wording keys of a turn's replies."""
    return [message.body.key for message in done.messages if isinstance(message.body, Reply)]
