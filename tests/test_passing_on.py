"""What follows a delivery is passed on to whoever got it: withdrawal, correction, erasure (L8)."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.desk import Desk
from intake.events import AskedToForget
from storage.outbox import Task
from storage.people.disclosures import disclosed
from storage.records import Turn
from storage.tables import disclosures
from tests.carrying_out import deliver, put
from tests.receivers import Receiver
from tests.selling import Person, crm_and_partner, selling_desk


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path, receiver: Receiver) -> AsyncIterator[Desk]:
    """A desk with a CRM that may have name and e-mail, and a partner that needs a consent of its own."""
    async with selling_desk(tmp_path, data_url, keyring_url, *crm_and_partner(receiver.url)) as opened:
        yield opened


async def test_a_withdrawal_is_told_to_who_knows_the_person(desk: Desk, receiver: Receiver) -> None:
    """The CRM, which has the lead, hears that consent ended, without a value (L3, L8)."""
    person = Person(desk)
    reference = await person.sends()
    await deliver(desk)
    await person.withdraws("contact")

    await deliver(desk)

    event = receiver.verified()[-1]
    assert event["type"] == "consent.withdrawn"
    assert event["data"] == {"reference": reference, "topic": "gateway", "fields": {}}


async def test_a_withdrawal_is_not_told_to_strangers(desk: Desk, receiver: Receiver) -> None:
    """A recipient that never heard of the person does not learn of them by a withdrawal."""
    person = Person(desk)
    reference = await person.sends()
    stray = Task(
        id=desk.new_id(),
        kind="consent.withdrawn",
        subject=person.subject,
        at=desk.clock(),
        recipient="partner",
        reference=reference,
    )
    await desk.call(put, desk, stray)

    await deliver(desk)

    assert [event["type"] for event in receiver.verified()] == ["lead.created"]


async def test_a_correction_is_passed_on(desk: Desk, receiver: Receiver) -> None:
    """Who had the old value gets the new one, and only that (L8)."""
    person = Person(desk)
    await person.sends()
    await deliver(desk)

    await person.corrects("email", "li.new@example.com")
    await deliver(desk)

    event = receiver.verified()[-1]
    assert event["type"] == "person.corrected"
    assert event["data"]["fields"] == {"email": "li.new@example.com"}


async def test_a_correction_of_what_it_may_not_have_is_not_told(desk: Desk, receiver: Receiver) -> None:
    """A recipient that may not have the phone is not told that it changed (S16)."""
    person = Person(desk)
    await person.sends()
    await deliver(desk)

    await person.corrects("phone", "+8613800000001")
    await deliver(desk)

    assert [event["type"] for event in receiver.verified()] == ["lead.created"]


async def test_an_erasure_is_passed_on(desk: Desk, receiver: Receiver) -> None:
    """Who had the lead is told to erase it, by its reference alone, when nothing else is left of it (S24, L8)."""
    person = Person(desk)
    reference = await person.sends()
    await deliver(desk)
    await person.leaves_nothing()

    assert await deliver(desk) == [True]

    event = receiver.verified()[-1]
    assert event["type"] == "person.erased"
    assert event["data"] == {"reference": reference, "topic": "", "fields": {}}


async def test_the_log_of_an_erasure_points_at_nobody(desk: Desk, receiver: Receiver) -> None:
    """What is kept of having told a recipient holds neither the person's id nor the reference (S20)."""
    person = Person(desk)
    reference = await person.sends()
    await deliver(desk)
    await person.leaves_nothing()
    await deliver(desk)

    def kept() -> str:
        with desk.storage.engine.begin() as connection:
            return repr(connection.execute(disclosures.select()).all())

    log = await desk.call(kept)
    assert "person.erased" in log
    assert person.subject not in log
    assert reference not in log


async def test_a_certificate_says_who_is_not_told(desk: Desk, receiver: Receiver) -> None:
    """S24, L8: only who gets a task counts as told; an export and a former recipient stand apart, with the reason."""
    person = Person(desk)
    reference = await person.sends()
    await deliver(desk)
    await desk.call(desk.storage.leads.export, "contact", None, "command", desk.clock())
    await desk.call(_was_told, desk, person.subject, "taken-out", reference)

    certificate = await _certificate(desk, person)

    told = await desk.call(desk.storage.outbox.claim, desk.clock())
    assert certificate["recipients"] == [task.recipient for task in told] == ["crm"]
    why = {one["what"]: one["why"] for one in certificate["remaining"]}
    assert why["copies at recipients"] == "they are told to erase them"
    assert "does not tell them" in why["copies at former recipients"]
    assert "cannot reach" in why["exports"]


async def test_a_file_alone_makes_nobody_told(desk: Desk) -> None:
    """Where sales only exported, the certificate lists no recipient and does not say that anybody is told."""
    person = Person(desk)
    await person.sends()
    await desk.call(desk.storage.leads.export, "contact", None, "command", desk.clock())

    certificate = await _certificate(desk, person)

    assert certificate["recipients"] == []
    stays = {one["what"] for one in certificate["remaining"]}
    assert "exports" in stays
    assert not stays & {"copies at recipients", "copies at former recipients"}


async def _certificate(desk: Desk, person: Person) -> Mapping[str, Any]:
    turn = Turn(conversation=person.conversation, event=AskedToForget("all"), at=desk.clock())
    _, certificate = await desk.act(turn)
    assert certificate is not None
    return certificate


def _was_told(desk: Desk, subject: str, recipient: str, reference: str) -> None:
    with desk.storage.engine.begin() as connection:
        disclosed(
            connection,
            name=recipient,
            subject=subject,
            recipient=recipient,
            event="lead.created",
            reference=reference,
            fields=("name",),
            at=desk.clock(),
        )
