"""Retention: a second before its end everything is there, a second after it is gone (S12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from intake.events import AskedToWithdraw
from intake.outcomes import OpenConsultation
from storage.errors import Conflict, NotFound
from storage.people import orphans, sweep
from storage.people.sweep import Due
from storage.tables import (
    audit,
    fields,
    index_rows,
    leads,
    messages,
    sessions,
    subjects,
    updates_seen,
)
from storage.turn import erasing
from tests.remembering import Memory, Visitor, done

SECOND = timedelta(seconds=1)


def _due(memory: Memory, at: datetime) -> list[Due]:
    found: list[Due] = memory.run(memory.store.due, at)
    return found


def _sweep(memory: Memory, at: datetime) -> int:
    memory.rooms.clock.now = at
    gone: int = memory.run(memory.store.sweep, at)
    return gone


def _goes_exactly_at(memory: Memory, ends: datetime, visitor: Visitor) -> None:
    _sweep(memory, ends - SECOND)
    assert memory.count(subjects, subject=visitor.subject) == 1

    _sweep(memory, ends + SECOND)
    assert memory.count(subjects, subject=visitor.subject) == 0


def test_a_session_without_consent_goes_when_it_was_idle(memory: Memory) -> None:
    """S12: `retention.session` after the last word, whoever looked meanwhile."""
    visitor = Visitor(memory)
    visitor.asks()
    memory.later(hours=3)
    visitor.says("hm")

    _sweep(memory, memory.now() + timedelta(hours=1))
    ends = memory.now() - timedelta(hours=1) + memory.rules.retention.session

    _goes_exactly_at(memory, ends, visitor)


def test_a_draft_goes_after_its_time(memory: Memory) -> None:
    """S12: a consultation that nobody finishes is shredded after `retention.draft`."""
    visitor = Visitor(memory)
    visitor.reviews()

    _goes_exactly_at(memory, memory.now() + memory.rules.retention.draft, visitor)
    assert memory.rooms.rows(index_rows) == []


def test_a_lead_goes_at_its_date(memory: Memory) -> None:
    """S12: kept as long as its purpose says; then the person, who has nothing else."""
    visitor = Visitor(memory)
    visitor.sends()

    _goes_exactly_at(memory, memory.now() + memory.rules.purposes["contact"].keep, visitor)


def test_a_withdrawn_lead_goes_earlier(memory: Memory) -> None:
    """S12: `retention.withdrawn` after consent ended."""
    visitor = Visitor(memory)
    visitor.sends()
    memory.later(days=3)
    visitor.does(AskedToWithdraw(("contact",)))

    _goes_exactly_at(memory, memory.now() + memory.rules.retention.withdrawn, visitor)


def test_what_is_left_keeps_the_person(memory: Memory) -> None:
    """A lead goes while a newer one stays: its words and question go, the details stay for the other."""
    visitor = Visitor(memory)
    first = visitor.sends()
    memory.later(days=30)
    visitor.says("new consultation")
    for value in ("topic:gateway",):
        visitor.picks(value)
    visitor.says("How large is it?")
    visitor.picks("followup:yes")
    while visitor.memory.run(memory.store.transcript, visitor.conversation, 0).state.stage != "review":
        visitor.picks("whose:own")
    second = visitor.picks("review:send").state.sent
    ends = {row["reference"]: row["keeps_until"] for row in memory.rooms.rows(leads)}[first]
    assert isinstance(ends, datetime)

    assert [one.scope for one in _due(memory, ends + SECOND)] == ["lead"]
    _sweep(memory, ends + SECOND)

    assert [row["reference"] for row in memory.rooms.rows(leads)] == [second]
    assert memory.count(fields, name="name") == 1
    told = memory.run(memory.store.transcript, visitor.conversation, 0)
    assert {message.body is None for message in told.messages} == {True, False}
    assert told.state.sent == second


def test_a_draft_beside_a_lead_goes_alone(memory: Memory) -> None:
    """The unsent second consultation is shredded; details and lead stay, and it happens once."""
    visitor = Visitor(memory)
    visitor.sends()
    memory.later(days=1)
    number = 2
    done(
        visitor.steps(
            OpenConsultation(0, number), state={"consultation": number, "consultations": number, "sent": ""}
        )
    )
    ends = memory.now() + memory.rules.retention.draft

    assert _due(memory, ends - SECOND) == []
    assert _due(memory, ends + SECOND) == [
        Due(subject=visitor.subject, scope="draft", scopes=(f"c2.{visitor.conversation}",))
    ]
    _sweep(memory, ends + SECOND)
    certified = memory.count(audit, action="erased", actor="desk")
    _sweep(memory, ends + timedelta(days=2))

    assert memory.count(leads) == 1
    assert memory.count(fields, name="name") == 1
    assert memory.count(messages, scope=f"s2.{visitor.conversation}") == 0
    assert certified == memory.count(audit, action="erased", actor="desk") == 1
    assert memory.run(memory.store.transcript, visitor.conversation, 0).state.stage == "ended"


def test_a_consultation_that_was_left_behind_goes_too(memory: Memory) -> None:
    """Words of an unsent consultation, after a newer one began, end by their own last word."""
    visitor = Visitor(memory)
    visitor.consents()
    ends = memory.now() + memory.rules.retention.draft
    memory.later(days=1)
    done(visitor.steps(OpenConsultation(0, 2), state={"consultation": 2, "consultations": 2}))

    _sweep(memory, memory.now() + timedelta(minutes=1))
    assert _due(memory, ends - SECOND) == []
    _sweep(memory, ends + SECOND)

    told = memory.run(memory.store.transcript, visitor.conversation, 0)
    assert {message.body is None for message in told.messages} == {True, False}
    assert memory.count(messages, scope=f"c2.{visitor.conversation}") == 2


def test_details_go_with_the_last_consultation(memory: Memory) -> None:
    """While somebody chats on without consent, the details of their ended lead go at its date."""
    visitor = Visitor(memory)
    visitor.sends()
    ends = memory.now() + memory.rules.purposes["contact"].keep
    memory.rooms.clock.now = ends - timedelta(hours=1)
    done(visitor.steps(state={"consultation": 0, "session": 2, "sent": ""}))

    _sweep(memory, ends + SECOND)

    assert memory.rooms.rows(fields) == []
    assert memory.rooms.rows(index_rows) == []
    assert memory.count(subjects) == 1
    assert visitor.says("And now?").last


def test_details_without_a_consultation_go_by_themselves(memory: Memory) -> None:
    """After a lead was deleted and the talk went on, the details end with the next look."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says("delete")
    memory.run(memory.store.finish_erasure, visitor.picks("delete:lead").erasure)
    memory.later(hours=12)
    memory.later(hours=13)
    visitor.says("Thanks!")

    _sweep(memory, memory.now() + SECOND)

    assert memory.rooms.rows(fields) == []
    assert memory.count(subjects) == 1


def test_a_sweep_finishes_what_a_crash_left(memory: Memory) -> None:
    """An erasure that was begun is finished by the next sweep."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says("delete")
    erasure = visitor.picks("delete:all").erasure

    gone = _sweep(memory, memory.now())

    assert gone >= 1
    assert memory.run(memory.store.certificate, erasure)["scope"] == "all"


def test_two_workers_do_not_erase_twice(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes second passes on to the next person."""
    first, second = Visitor(memory), Visitor(memory)
    memory.turns(first.opening(), second.opening())
    begin = erasing.begin_due

    def raced(means: Any, connection: Any, subject: str, *given: Any) -> str:
        if subject == first.subject:
            raise Conflict("another worker was faster")
        found: str = begin(means, connection, subject, *given)
        return found

    monkeypatch.setattr(erasing, "begin_due", raced)

    _sweep(memory, memory.now() + memory.rules.retention.session)

    assert [row["subject"] for row in memory.rooms.rows(subjects)] == [first.subject]


def test_stubs_and_old_numbers_are_forgotten(memory: Memory) -> None:
    """An erased token answers 410 for 30 days; update numbers stay two days; expired sessions go."""
    visitor, other = Visitor(memory), Visitor(memory, channel="telegram", chat=4711)
    visitor.opens()
    other.opens()
    other.says("hm", update=5)
    visitor.says("delete")
    memory.run(memory.store.finish_erasure, visitor.picks("delete:all").erasure)
    began = memory.now()

    _sweep(memory, began + timedelta(days=2) - SECOND)
    assert memory.count(updates_seen) == 1
    _sweep(memory, began + timedelta(days=2) + SECOND)
    assert memory.count(updates_seen) == 0
    _sweep(memory, began + timedelta(days=30) - SECOND)
    assert memory.run(memory.store.session, visitor.token_hash, memory.now()).erased
    _sweep(memory, began + timedelta(days=30) + SECOND)
    assert memory.run(memory.store.session, visitor.token_hash, memory.now()) is None
    assert memory.rooms.rows(sessions) == []


def test_many_people_are_looked_at_in_batches(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one query's worth of people and keys is swept all the same."""
    monkeypatch.setattr(sweep, "AT_ONCE", 2)
    monkeypatch.setattr(orphans, "AT_ONCE", 2)
    visitors = [Visitor(memory) for _ in range(5)]
    memory.turns(*(visitor.opening() for visitor in visitors))

    memory.run(memory.store.sweep, memory.now() + timedelta(hours=2))
    gone = _sweep(memory, memory.now() + memory.rules.retention.session)

    assert gone >= 5
    assert memory.rooms.rows(subjects) == []


def test_shorter_retention_is_obeyed(memory: Memory) -> None:
    """S12: what rules say now counts, for leads that are withdrawn too."""
    visitor = Visitor(memory)
    visitor.sends()
    memory = memory.with_rules(retention=replace(memory.rules.retention, withdrawn=timedelta(hours=1)))
    visitor.memory = memory
    visitor.does(AskedToWithdraw(("contact",)))

    _goes_exactly_at(memory, memory.now() + timedelta(hours=1), visitor)
    with pytest.raises(NotFound):
        memory.run(memory.store.record, visitor.subject, purpose="own_view")
