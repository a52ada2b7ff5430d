"""The visit record in the store: what is kept of it, and when it goes."""

from __future__ import annotations

from datetime import timedelta

from intake.events import AskedToForget, Visited
from storage.tables import fields, subjects
from tests.remembering import DETAILS, Memory, Visitor

TOLD = (("browser", "Canary Browser"), ("pages", "/canary"), ("ip", "203.0.113.0/24"))
SECOND = timedelta(seconds=1)


def names(memory: Memory) -> set[str]:
    """Return the names of everything that is kept."""
    return {str(row["name"]) for row in memory.rooms.rows(fields)}


def test_a_refused_visit_leaves_no_rows(memory: Memory) -> None:
    """S3: without the box nothing of the visit is kept, whatever is told."""
    visitor = Visitor(memory)
    visitor.consents("news")

    told = visitor.does(Visited(TOLD))

    assert told.refused == "consent_required"
    assert names(memory) == {"need"}


def test_an_allowed_visit_is_kept_and_nothing_else(memory: Memory) -> None:
    """S3: exactly the items that were told, sealed in a scope of their own; told again, under its next key."""
    visitor = Visitor(memory)
    visitor.consents("visit")

    visitor.does(Visited(TOLD))
    visitor.does(Visited((("pages", "/canary/2"), ("operating_system", "Canary OS"))))

    kept = {row["name"]: row["scope"] for row in memory.rooms.rows(fields) if row["name"] != "need"}
    assert kept == dict.fromkeys(("browser", "pages", "ip", "operating_system"), "visit.2")
    shown = memory.run(memory.store.record, visitor.subject, purpose="own_view").fields
    assert {one.name: one.value for one in shown if one.name != "need"} == {
        **dict(TOLD),
        "pages": "/canary/2",
        "operating_system": "Canary OS",
    }


def test_deleting_the_visit_leaves_exactly_the_rest(memory: Memory) -> None:
    """S23: question and details stay; nothing of the visit does; what is told later is kept anew."""
    visitor = Visitor(memory)
    visitor.reviews("visit")
    visitor.does(Visited(TOLD))

    begun = visitor.does(AskedToForget("visit"))
    certificate = memory.run(memory.store.finish_erasure, begun.erasure)

    assert certificate["destroyed"] == ["visit", "keys"]
    assert names(memory) == {"need", *DETAILS}
    assert visitor.does(Visited(TOLD)).state.visit
    assert names(memory) == {"need", *DETAILS, *dict(TOLD)}


def test_a_refusal_later_takes_the_visit_away(memory: Memory) -> None:
    """S3, S23: asked again, the visitor refuses; the record goes and the details stay."""
    visitor = Visitor(memory)
    visitor.sends("visit")
    visitor.does(Visited(TOLD))
    for words in ("withdraw contact", "new consultation", "Do you sell pumps?"):
        visitor.says(words)
    visitor.picks("followup:yes")

    begun = visitor.picks("consent:refuse")
    memory.run(memory.store.finish_erasure, begun.erasure)

    assert begun.scope == "visit"
    assert not names(memory) & set(dict(TOLD))
    assert names(memory) >= set(DETAILS)


def test_a_visit_record_goes_when_its_time_is_over(memory: Memory) -> None:
    """S3, S12: after the time of its purpose, to the second; the lead and its details stay."""
    visitor = Visitor(memory)
    visitor.sends("visit")
    visitor.does(Visited(TOLD))
    ends = memory.now() + memory.rules.purposes["visit"].keep

    for moment in (ends - SECOND, ends + SECOND):
        memory.rooms.clock.now = moment
        before = names(memory)
        memory.run(memory.store.sweep, moment)

    assert before - names(memory) == set(dict(TOLD))
    assert memory.count(subjects, subject=visitor.subject) == 1
    assert not memory.run(memory.store.transcript, visitor.conversation, 0).state.visit


def test_a_visit_record_goes_with_the_person(memory: Memory) -> None:
    """S12: it keeps nobody whose consultation was never sent."""
    visitor = Visitor(memory)
    visitor.consents("visit")
    visitor.does(Visited(TOLD))
    memory.rooms.clock.now = memory.now() + memory.rules.retention.draft + SECOND

    memory.run(memory.store.sweep, memory.now())

    assert memory.count(subjects, subject=visitor.subject) == 0
    assert names(memory) == set()
