"""A conversation held with the pure engine alone: events in, steps out, promises checked at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

from config.load import load
from intake.asking import as_configured, open_question
from intake.assurance import SOMEBODY_FRESH, Presence
from intake.conversation import Conversation
from intake.engine import step
from intake.events import Event, Opened, Picked, Said
from intake.outcomes import Effect, Expects, Step
from intake.rules import PolicyVersion, Rules

E = TypeVar("E")
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, noon in the demo company's zone


@cache
def rules() -> Rules:
    """Return the shipped rules."""
    return load(Path(__file__).parent.parent / "config").rules


@dataclass
class Talk:
    """One conversation: `say`, `pick`; then look at `state`, `keys`, `effects`, `expects`."""

    channel: str = "web"
    rules: Rules = field(default_factory=rules)
    now: datetime = NOON
    gpc: bool = False
    presence: Presence = SOMEBODY_FRESH
    state: Conversation = field(init=False)
    last: Step = field(init=False)
    effects: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the conversation."""
        self.state = Conversation(
            channel=self.channel, site="default", locale="en", reference="AF-TEST-0001", gpc=self.gpc
        )
        self.meet(Opened())

    def meet(self, event: Event) -> Talk:
        """Let the engine meet `event`; a refused step must leave the state alone."""
        self.last = step(self.state, event, self.now, self.rules, self.presence)
        self.state = self.last.state
        self.effects += self.last.effects
        return self

    def say(self, *texts: str) -> Talk:
        """Type texts, one after the other."""
        for text in texts:
            self.meet(Said(text))
        return self

    def pick(self, *values: str, purposes: tuple[str, ...] = (), policy: str = "") -> Talk:
        """Pick options, one after the other."""
        for value in values:
            self.meet(Picked(value, purposes=purposes, policy=policy))
        return self

    @property
    def keys(self) -> list[str]:
        """Return the wording keys of the last replies."""
        return [reply.key for reply in self.last.replies]

    @property
    def expects(self) -> Expects:
        """Return what the open question expects."""
        return open_question(as_configured(self.state, self.rules), self.rules).expects

    def there(self, **known: object) -> Talk:
        """Go on with what is known of whoever is there."""
        self.presence = Presence(**known)  # type: ignore[arg-type]  # Presence's own fields
        return self

    def did(self, kind: type[E]) -> list[E]:
        """Return all effects of one kind so far."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def with_policies(self, policies: Mapping[str, PolicyVersion]) -> Talk:
        """Go on under other policy versions."""
        self.rules = replace(self.rules, policies=policies)
        return self


def to_consent(channel: str = "web", *, under: Rules | None = None) -> Talk:
    """Return a talk at the consent card, under the shipped rules or others."""
    talk = Talk(channel, under or rules())
    talk.say("How do your gateways reach the cloud?").pick("followup:yes")
    return talk.pick("abroad:agree") if channel == "telegram" else talk


def to_fields(channel: str = "web") -> Talk:
    """Return a talk at the first field."""
    return to_consent(channel).pick("consent:agree", "whose:own")


def to_review(channel: str = "web") -> Talk:
    """Return a talk at the review card."""
    talk = to_fields(channel).say("Li Na", "Example Valves Ltd", "+86 138 0000 0000", "li.na@example.com")
    return talk.say("Engineer").pick("field:skip")


def to_sent(channel: str = "web") -> Talk:
    """Return a talk whose lead was sent."""
    return to_review(channel).pick("review:send")
