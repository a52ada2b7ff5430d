"""Whether the desk is up, whether it can serve, and what it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics
from bot.web import health
from intake.conversation import Conversation
from intake.outcomes import Erase, KeepField, RecordConsent, Submit
from storage.records import TurnDone
from tests.visiting import Visit, visiting

# docs/contract.md, "Metrics"
CONTRACT = {
    "askfirst_turns": {"channel", "stage"},
    "askfirst_turn_seconds": set(),
    "askfirst_sockets": set(),
    "askfirst_consents": {"purpose", "decision"},
    "askfirst_leads": {"channel"},
    "askfirst_erasures": {"scope"},
    "askfirst_outbox_pending": set(),
    "askfirst_outbox_dead": set(),
    "askfirst_rights_overdue": set(),
    "askfirst_key_cache_hits": set(),
}
STATE = Conversation(channel="web", site="default", locale="en")


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


def done(**more: Any) -> TurnDone:
    """Return a committed turn."""
    return TurnDone(conversation="c", subject="s", state=STATE, **more)


async def test_the_process_says_that_it_is_up(visit: Visit) -> None:
    """200 as long as the event loop turns."""
    assert (await visit.call("GET", "/healthz")).status == 200


async def test_a_desk_that_can_serve_is_ready(visit: Visit) -> None:
    """Database, keyring and queue answer."""
    answer = await visit.call("GET", "/readyz")

    assert (answer.status, await answer.json()) == (
        200,
        {"status": "ready", "database": True, "keyring": True, "queue": True},
    )


async def test_a_desk_without_its_keyring_is_not_ready(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, naming what does not answer."""
    monkeypatch.setattr(type(visit.desk.storage.keyring), "ready", lambda keyring: False)

    answer = await visit.call("GET", "/readyz")

    assert (answer.status, (await answer.json())["keyring"]) == (503, False)


async def test_a_desk_without_its_database_is_not_ready(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 when a query fails."""

    def fail(outbox: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(type(visit.desk.storage.outbox), "counts", fail)

    answer = await visit.call("GET", "/readyz")

    assert (answer.status, (await answer.json())["database"]) == (503, False)


async def test_a_stuck_storage_is_not_ready(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 within the time an orchestrator waits."""
    monkeypatch.setattr(health, "READY_SECONDS", 0.0)

    assert (await visit.call("GET", "/readyz")).status == 503


async def test_every_metric_of_the_contract_is_there(visit: Visit) -> None:
    """The names and labels of the contract, and no others."""
    answer = await visit.call("GET", "/metrics")

    families = {family.name for family in text_string_to_metric_families(await answer.text())}

    assert families == set(CONTRACT)
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_metrics_carry_the_labels_of_the_contract() -> None:
    """Labels are names from code and configuration."""
    metrics = Metrics()
    metrics.turn(done(), 0.01)
    metrics.effects(
        "web",
        [
            RecordConsent(
                decisions=(("contact", True), ("news", False)),
                policy="1",
                notice_sha256="",
                locale="en",
                method="card",
            ),
            Submit("AF-TEST-0001", "gateway"),
            Erase("lead"),
            KeepField(name="phone", value="+8613800000000"),
        ],
    )

    labels = {
        family.name: {label for sample in family.samples for label in sample.labels} - {"le"}
        for family in metrics.registry.collect()
    }
    values = metrics.registry.get_sample_value

    assert labels == CONTRACT
    assert values("askfirst_turns_total", {"channel": "web", "stage": "topic"}) == 1
    assert values("askfirst_turn_seconds_count") == 1
    assert values("askfirst_consents_total", {"purpose": "news", "decision": "refused"}) == 1
    assert values("askfirst_consents_total", {"purpose": "contact", "decision": "agreed"}) == 1
    assert values("askfirst_leads_total", {"channel": "web"}) == 1
    assert values("askfirst_erasures_total", {"scope": "lead"}) == 1


def test_what_committed_nothing_is_not_counted() -> None:
    """A repeat is the same turn, and a refusal is none."""
    metrics = Metrics()

    metrics.turn(done(repeated=True), 0.01)
    metrics.turn(done(refused="not_offered"), 0.01)

    assert metrics.registry.get_sample_value("askfirst_turn_seconds_count") == 0


async def test_what_the_desk_does_is_counted(visit: Visit) -> None:
    """Turns, consents and erasures of a consultation."""
    token = await visit.consulted()
    await visit.call("DELETE", "/api/v1/me", token, json={"scope": "all"})

    values = visit.desk.metrics.registry.get_sample_value

    assert values("askfirst_consents_total", {"purpose": "contact", "decision": "agreed"}) == 1
    assert values("askfirst_erasures_total", {"scope": "all"}) == 1
    assert (values("askfirst_turn_seconds_count") or 0) > 9


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_metrics_are_not_public(header: str, visit: Visit) -> None:
    """What came through a proxy came from outside: there is no such page."""
    assert (await visit.call("GET", "/metrics", headers={header: "203.0.113.7"})).status == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("[::1]:9000", 200),
        ("10.0.0.7:8080", 200),
        ("rebound.example:8080", 404),
        ("localhost.rebound.example", 404),
        ("[::1", 404),
    ],
)
async def test_metrics_have_no_name_that_a_stranger_can_take(host: str, status: int, visit: Visit) -> None:
    """A page whose name resolves to this machine for a moment (DNS rebinding) does not read the counters."""
    assert (await visit.call("GET", "/metrics", headers={"Host": host})).status == status
