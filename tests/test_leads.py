"""Leads: names of details to colleagues, values only under a live consent, nothing after it ended."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.desk import Desk
from storage.errors import ConsentRequired, NotFound, PurposeRequired
from storage.records import Record
from storage.sales.leads import PAGE, Leads
from storage.tables import audit
from tests.selling import LI_NA, NEED, Person, selling_desk

COLLEAGUE = "staff:" + "7" * 32


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk without recipients."""
    async with selling_desk(tmp_path, data_url, keyring_url) as opened:
        yield opened


@pytest.fixture
def leads(desk: Desk) -> Leads:
    """The leads of that desk."""
    return desk.storage.leads


async def _record(desk: Desk, person: Person) -> Record:
    return await desk.call(desk.storage.store.record, person.subject, purpose="own_view")


def _noted(desk: Desk, action: str) -> list[tuple[str, str, str]]:
    """Return the audit's lines about an action: who, to whom, which details."""
    lines = sa.select(audit.c.actor, audit.c.subject, audit.c.fields).where(audit.c.action == action)
    with desk.storage.engine.begin() as connection:
        return [tuple(row) for row in connection.execute(lines.order_by(audit.c.number))]


async def test_sales_sees_nothing_before_send(desk: Desk, leads: Leads) -> None:
    """Somebody at the review card is in no list, whatever they have given already."""
    person = Person(desk)

    await person.reviews()

    assert await desk.call(leads.newest) == ([], "")
    assert await desk.call(leads.search, LI_NA["email"], COLLEAGUE) == []


async def test_a_lead_shows_names_not_values(desk: Desk, leads: Leads) -> None:
    """The list tells which details there are and what was agreed to, in configured order, and no value (S11)."""
    reference = await Person(desk).sends("news")

    (lead,), cursor = await desk.call(leads.newest)

    assert (lead.reference, lead.topic, lead.status, cursor) == (reference, "gateway", "new", "")
    assert set(lead.fields) == {*LI_NA, "need"}
    assert [name for name in lead.fields if name in LI_NA] == list(LI_NA)
    assert lead.purposes == ("contact", "news")
    assert "anary" not in repr(lead)


async def test_the_newest_lead_comes_first_page_by_page(desk: Desk, leads: Leads) -> None:
    """Every lead is on exactly one page, and the last page has no cursor."""
    sent = [await Person(desk).sends() for _ in range(5)]

    seen, cursor = await desk.call(leads.newest, limit=2)
    while cursor:
        page, cursor = await desk.call(leads.newest, limit=2, cursor=cursor)
        seen += page

    assert [lead.reference for lead in seen] == sent[::-1]
    assert PAGE == 50


async def test_a_cursor_that_is_none_is_refused(desk: Desk, leads: Leads) -> None:
    """An invented cursor is an error, not an empty page."""
    with pytest.raises(ValueError, match="no cursor"):
        await desk.call(leads.newest, cursor=f"20261123T090000000000Z.{LI_NA['email']}")
    with pytest.raises(ValueError, match="time data"):
        await desk.call(leads.newest, cursor="yesterday")


async def test_leads_are_listed_by_status(desk: Desk, leads: Leads) -> None:
    """What a colleague closed is not among the new ones."""
    closed, fresh = await Person(desk).sends(), await Person(desk).sends()

    changed = await desk.call(leads.change, closed, COLLEAGUE, status="closed", assignee="7" * 32)

    assert (changed.status, changed.assignee) == ("closed", "7" * 32)
    assert [lead.reference for lead in (await desk.call(leads.newest, status="new"))[0]] == [fresh]
    assert [lead.reference for lead in (await desk.call(leads.newest, status="closed"))[0]] == [closed]


async def test_changing_nothing_changes_nothing(desk: Desk, leads: Leads) -> None:
    """A change to nothing, or to what it is already, leaves lead and audit as they were."""
    reference = await Person(desk).sends()

    before = await desk.call(leads.one, reference)

    assert await desk.call(leads.change, reference, COLLEAGUE) == before
    assert await desk.call(leads.change, reference, COLLEAGUE, status="new", assignee="") == before
    assert await desk.call(_noted, desk, "handled") == []


async def test_what_a_colleague_does_with_a_lead_is_audited(desk: Desk, leads: Leads) -> None:
    """Who changed what of whose lead: names, no values."""
    person = Person(desk)
    reference = await person.sends()

    await desk.call(leads.change, reference, COLLEAGUE, status="open", assignee="7" * 32)
    await desk.call(leads.change, reference, COLLEAGUE, status="closed", assignee="7" * 32)

    both, one = (COLLEAGUE, person.subject, "status,assignee"), (COLLEAGUE, person.subject, "status")
    assert await desk.call(_noted, desk, "handled") == [both, one]


async def test_a_colleague_cannot_withdraw_for_a_person(desk: Desk, leads: Leads) -> None:
    """`withdrawn` is the person's own act, no status to choose."""
    reference = await Person(desk).sends()

    with pytest.raises(ValueError, match="status"):
        await desk.call(leads.change, reference, COLLEAGUE, status="withdrawn")


@pytest.mark.parametrize("query", [LI_NA["email"].upper(), "138 0000 0000", LI_NA["phone"]])
async def test_a_lead_is_found_by_an_exact_address(desk: Desk, leads: Leads, query: str) -> None:
    """E-mail and phone find their leads however they are written; nothing else a person wrote does."""
    reference = await Person(desk).sends()

    assert [lead.reference for lead in await desk.call(leads.search, query, COLLEAGUE)] == [reference]
    assert await desk.call(leads.search, "canary", COLLEAGUE) == []


async def test_who_is_found_by_an_address_is_noted(desk: Desk, leads: Leads) -> None:
    """The match is confirmed by opening the value: the audit says who looked, and by which detail (S11)."""
    person = Person(desk)
    await person.sends()

    await desk.call(leads.search, LI_NA["phone"], COLLEAGUE)

    assert await desk.call(_noted, desk, "found") == [(COLLEAGUE, person.subject, "phone")]


async def test_a_lead_is_found_by_its_reference(desk: Desk, leads: Leads) -> None:
    """The reference that the person quotes finds the lead, in small letters too."""
    reference = await Person(desk).sends()

    found = await desk.call(leads.search, reference.lower(), COLLEAGUE)

    assert [lead.reference for lead in found] == [reference]


async def test_opening_is_audited_before_it_happens(desk: Desk, leads: Leads) -> None:
    """The values come with a line in the audit: who, what for, which details; the person sees it (S11, S21)."""
    person = Person(desk)
    reference = await person.sends()

    opened = await desk.call(leads.open_lead, reference, "call_back", ["phone", "need"], COLLEAGUE)

    assert dict(opened.values) == {"phone": LI_NA["phone"], "need": NEED}
    assert "138" not in repr(opened)
    (seen,) = (await _record(desk, person)).opened_by
    assert (seen["by"], seen["purpose"], set(seen["fields"])) == (COLLEAGUE, "call_back", {"phone", "need"})


async def test_the_question_is_the_leads_own(desk: Desk, leads: Leads) -> None:
    """Opening a lead shows the question of that consultation (S11)."""
    first, second = Person(desk), Person(desk)
    reference = await first.sends()
    await second.sends()

    opened = await desk.call(leads.open_lead, reference, "prepare_answer", ["need"], COLLEAGUE)

    assert opened.lead.conversation == first.conversation


async def test_opening_needs_a_purpose(desk: Desk, leads: Leads) -> None:
    """Without saying what for nothing is opened, and nothing is written about it (S11)."""
    person = Person(desk)
    reference = await person.sends()

    for purpose in ("", "curiosity", "own_view"):
        with pytest.raises(PurposeRequired):
            await desk.call(leads.open_lead, reference, purpose, ["phone"], COLLEAGUE)

    assert (await _record(desk, person)).opened_by == ()


async def test_a_purpose_opens_only_what_it_covers(desk: Desk, leads: Leads) -> None:
    """Who agreed to news has not agreed that news needs the phone; who did not agree to it, to nothing (S11)."""
    agreed, refused = await Person(desk).sends("news"), await Person(desk).sends()

    assert (await desk.call(leads.open_lead, agreed, "news", ["email"], COLLEAGUE)).values

    for reference, name in ((agreed, "phone"), (refused, "email")):
        with pytest.raises(ConsentRequired):
            await desk.call(leads.open_lead, reference, "news", [name], COLLEAGUE)


async def test_what_was_not_given_cannot_be_opened(desk: Desk, leads: Leads) -> None:
    """A detail that was skipped, or that nobody asks for, is not found."""
    reference = await Person(desk).sends()

    with pytest.raises(NotFound, match="industry"):
        await desk.call(leads.open_lead, reference, "call_back", ["industry"], COLLEAGUE)


async def test_withdrawal_ends_the_access_of_sales(desk: Desk, leads: Leads) -> None:
    """From the commit on the lead is in no list and nothing of it is opened or changed (L3)."""
    person = Person(desk)
    reference = await person.sends()

    await person.withdraws("contact")

    assert await desk.call(leads.newest) == ([], "")
    assert await desk.call(leads.search, LI_NA["email"], COLLEAGUE) == []
    for attempt in (
        lambda: leads.one(reference),
        lambda: leads.open_lead(reference, "call_back", ["phone"], COLLEAGUE),
        lambda: leads.change(reference, COLLEAGUE, status="open"),
    ):
        with pytest.raises(ConsentRequired):
            await desk.call(attempt)


async def test_erasure_ends_the_access_of_sales(desk: Desk, leads: Leads) -> None:
    """To a colleague an erased person never was (S24)."""
    person = Person(desk)
    reference = await person.sends()

    await person.leaves_nothing()

    assert await desk.call(leads.newest) == ([], "")
    with pytest.raises(NotFound):
        await desk.call(leads.open_lead, reference, "call_back", ["phone"], COLLEAGUE)


async def test_an_export_is_a_disclosure(desk: Desk, leads: Leads) -> None:
    """Each exported lead is a row in the person's own log, with the names of the fields that left (S16)."""
    person = Person(desk)
    reference = await person.sends()

    (exported,) = await desk.call(leads.export, "contact", None, "command", desk.clock())

    assert (exported.lead.reference, dict(exported.values)) == (reference, {**LI_NA, "need": NEED})
    (told,) = (await _record(desk, person)).recipients
    assert (told["recipient"], told["event"]) == ("export", "leads.export")
    assert set(told["fields"]) == {*LI_NA, "need"}


async def test_an_export_holds_only_who_agreed(desk: Desk, leads: Leads) -> None:
    """Exporting for news takes those who ticked news, and of them name and e-mail only (S16)."""
    agreed = await Person(desk).sends("news")
    await Person(desk).sends()

    exported = await desk.call(leads.export, "news", None, "command", desk.clock())

    assert [(one.lead.reference, set(one.values)) for one in exported] == [(agreed, {"name", "email"})]


async def test_an_export_begins_where_it_is_told_to(desk: Desk, leads: Leads) -> None:
    """`--since` leaves older leads, and their people's logs, alone."""
    person = Person(desk)
    await person.sends()

    later = desk.clock() + timedelta(seconds=1)

    assert await desk.call(leads.export, "contact", later, "command", later) == []
    assert (await _record(desk, person)).recipients == ()


async def test_what_is_no_reference_is_not_asked_of_the_database(desk: Desk, leads: Leads) -> None:
    """S10: an address, a number or a word that somebody looks for stands in no statement: logs would keep it."""
    reference = await Person(desk).sends()
    asked: list[str] = []
    for engine in (desk.storage.engine, desk.storage.keyring_engine):
        sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append(repr(given[2:4])))

    for query in (LI_NA["email"], LI_NA["phone"], "AF-Li Canary", "af-li@example.com"):
        await desk.call(leads.search, query, COLLEAGUE)
        with pytest.raises(NotFound):
            await desk.call(leads.one, query)
        assert await desk.call(desk.storage.store.certificate, query) is None
    await desk.call(leads.search, reference, COLLEAGUE)

    assert [one for one in asked if reference in one]
    assert not [
        one for one in asked if "anary" in one.lower() or LI_NA["phone"] in one or "@example" in one.lower()
    ]
