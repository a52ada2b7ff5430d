"""What the desk counts (docs/contract.md, "Metrics"). Labels are names of configuration and code, never a person's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from intake.outcomes import Effect, Erase, RecordConsent, Submit
from storage.records import TurnDone

# Seconds. A grouped turn takes 2–8 ms (docs/architecture.md, "Speed"); the top says that something is wrong.
TURN_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """One process's counters, on a registry of their own, so that tests and workers do not share them."""

    def __init__(self) -> None:
        """Register every metric of the contract; all start at nothing."""
        quiet: Callable[[], None] = disable_created_metrics
        quiet()  # `*_created` series would be metrics that the contract does not know
        self.registry = registry = CollectorRegistry()
        self.turns = Counter(
            "askfirst_turns",
            "Turns committed, by the stage they led to.",
            ["channel", "stage"],
            registry=registry,
        )
        self.turn_seconds = Histogram(
            "askfirst_turn_seconds",
            "Seconds from receipt to commit.",
            buckets=TURN_BUCKETS,
            registry=registry,
        )
        self.sockets = Gauge("askfirst_sockets", "Chat sockets open now.", registry=registry)
        self.consents = Counter(
            "askfirst_consents", "Consent decisions recorded.", ["purpose", "decision"], registry=registry
        )
        self.leads = Counter("askfirst_leads", "Leads handed to sales.", ["channel"], registry=registry)
        self.erasures = Counter("askfirst_erasures", "Erasures begun.", ["scope"], registry=registry)
        self.outbox_pending = Gauge(
            "askfirst_outbox_pending", "Tasks that wait in the outbox.", registry=registry
        )
        self.outbox_dead = Gauge("askfirst_outbox_dead", "Tasks that were given up.", registry=registry)
        self.rights_overdue = Gauge(
            "askfirst_rights_overdue", "Rights requests past their date.", registry=registry
        )
        self.key_cache = KeyCache()
        registry.register(self.key_cache)
        # labels() costs more than the turn's own bookkeeping
        self._stages: dict[tuple[str, str], Counter] = {}

    def turn(self, done: TurnDone, seconds: float) -> None:
        """Count a turn that was committed just now. Repeats and refusals committed nothing and are not counted."""
        if done.repeated or done.refused:
            return
        name = (done.state.channel, done.state.stage.value)
        if (counter := self._stages.get(name)) is None:
            counter = self._stages[name] = self.turns.labels(*name)
        counter.inc()
        self.turn_seconds.observe(seconds)

    def effects(self, channel: str, effects: Iterable[Effect]) -> None:
        """Count what a committed turn brought about: decisions, leads, erasures."""
        for effect in effects:
            match effect:
                case RecordConsent():
                    for purpose, agreed in effect.decisions:
                        self.consents.labels(purpose, "agreed" if agreed else "refused").inc()
                case Submit():
                    self.leads.labels(channel).inc()
                case Erase():
                    self.erasures.labels(effect.scope).inc()


class KeyCache(Collector):
    """The keyring's own count of data keys that were found in memory; `hits` is set before each reading."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.hits = 0

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the count as it was set last."""
        yield CounterMetricFamily(
            "askfirst_key_cache_hits", "Data keys found unwrapped in memory.", value=self.hits
        )
