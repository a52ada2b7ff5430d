"""Deliveries by webhook: signed, at least once, only allowed fields, and only while consent lives."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.delivery.courier import Courier
from bot.delivery.mail import Mails
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from storage.outbox import Counts, Task, enqueue
from storage.tables import disclosures
from tests.receivers import SECRET, Receiver, receiving
from tests.selling import LI_NA, NEED, Person, recipient, selling_desk

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A recipient's server."""
    async with receiving() as listening:
        yield listening


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path, receiver: Receiver) -> AsyncIterator[Desk]:
    """A desk with a CRM that may have name and e-mail, and a partner that needs a consent of its own."""
    crm = recipient("crm", "webhook", receiver.url, fields=("name", "email", "need"))
    partner = recipient("partner", "webhook", receiver.url, purpose="affiliates", secret_env="CRM_SECRET")
    async with selling_desk(tmp_path, data_url, keyring_url, crm, partner) as opened:
        yield opened


@asynccontextmanager
async def _courier(desk: Desk, **environment: str) -> AsyncIterator[Courier]:
    async with aiohttp.ClientSession() as session:
        secrets = environment or {"CRM_SECRET": SECRET}
        yield Courier(desk, Webhooks(session, secrets), Mails(desk, None), {})


async def _deliver(desk: Desk, later: timedelta = MINUTE, **environment: str) -> list[bool]:
    """Carry everything that is due some time later; return what was carried out."""
    async with _courier(desk, **environment) as courier:
        tasks = await desk.call(desk.storage.outbox.claim, desk.clock() + later)
        return [await courier.carry(task) for task in tasks]


async def _told(desk: Desk, person: Person) -> list[tuple[str, str, frozenset[str]]]:
    record = await desk.call(desk.storage.store.record, person.subject, purpose="view")
    return [(row["recipient"], row["event"], frozenset(row["fields"])) for row in record.recipients]


async def test_a_recipient_gets_only_what_it_may_have(desk: Desk, receiver: Receiver) -> None:
    """The CRM's delivery holds its own fields, the phone never leaves, and the person's log says so (S16)."""
    person = Person(desk)
    reference = await person.sends()

    assert await _deliver(desk) == [True]

    (event,) = receiver.verified()
    assert event["type"] == "lead.created"
    assert event["data"] == {
        "reference": reference,
        "topic": "gateway",
        "fields": {"need": NEED, "name": LI_NA["name"], "email": LI_NA["email"]},
    }
    assert event["timestamp"].endswith("Z")
    assert b"138" not in receiver.got[0][1]
    assert await _told(desk, person) == [("crm", "lead.created", frozenset({"need", "name", "email"}))]


async def test_a_purpose_not_agreed_to_tells_nobody(desk: Desk, receiver: Receiver) -> None:
    """The partner hears of those alone who ticked affiliates (S16, L2)."""
    await Person(desk).sends()
    agreed = await Person(desk).sends("affiliates")

    await _deliver(desk)

    fields = [set(event["data"]["fields"]) for event in receiver.verified()]
    assert sorted(map(len, fields)) == [3, 3, 4]
    (partners,) = [event["data"] for event in receiver.verified() if "phone" in event["data"]["fields"]]
    assert partners["reference"] == agreed


async def test_a_retry_keeps_the_id(desk: Desk, receiver: Receiver) -> None:
    """A delivery that failed comes again under the same id, until it is taken; then it is forgotten."""
    person = Person(desk)
    await person.sends()
    receiver.answers = [500, 503]

    assert await _deliver(desk) == [False]
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=1, dead=0)
    assert await _deliver(desk, timedelta(minutes=10)) == [False]
    assert await _deliver(desk, timedelta(minutes=20)) == [True]

    assert len(set(receiver.ids())) == 1
    assert len(receiver.verified()) == 3
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=0)
    assert len(await _told(desk, person)) == 1


async def test_the_log_knows_what_was_confirmed(desk: Desk, receiver: Receiver) -> None:
    """A row stands before anything leaves; the recipient's answer is noted in it (L8)."""
    await Person(desk).sends()
    receiver.answers = [500]

    def confirmed() -> object:
        with desk.storage.engine.begin() as connection:
            return connection.execute(disclosures.select()).one().acknowledged_at

    await _deliver(desk)
    assert await desk.call(confirmed) is None

    await _deliver(desk, timedelta(minutes=10))
    assert await desk.call(confirmed) is not None


async def test_who_withdrew_is_not_delivered(desk: Desk, receiver: Receiver) -> None:
    """Consent is asked again at the moment of sending: a task that waited is dropped (L3)."""
    person = Person(desk)
    await person.sends()
    await person.withdraws("contact")

    assert await _deliver(desk) == [True]

    assert receiver.got == []
    assert await _told(desk, person) == []
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=0)


async def test_who_was_erased_is_not_delivered(desk: Desk, receiver: Receiver) -> None:
    """Nothing of an erased person leaves, whatever was waiting (S24)."""
    person = Person(desk)
    await person.sends()
    await person.leaves_nothing()

    await _deliver(desk)

    assert receiver.got == []


async def test_a_withdrawal_is_told_to_who_knows_the_person(desk: Desk, receiver: Receiver) -> None:
    """The CRM, which has the lead, hears that consent ended, without a value (L3, L8)."""
    person = Person(desk)
    reference = await person.sends()
    await _deliver(desk)
    await person.withdraws("contact")

    await _deliver(desk)

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
    await desk.call(_enqueue, desk, stray)

    await _deliver(desk)

    assert [event["type"] for event in receiver.verified()] == ["lead.created"]


def _enqueue(desk: Desk, task: Task) -> None:
    with desk.storage.engine.begin() as connection:
        enqueue(connection, [task])


async def test_a_correction_is_passed_on(desk: Desk, receiver: Receiver) -> None:
    """Who had the old value gets the new one, and only that (L8)."""
    person = Person(desk)
    await person.sends()
    await _deliver(desk)

    await person.corrects("email", "li.new@example.com")
    await _deliver(desk)

    event = receiver.verified()[-1]
    assert event["type"] == "person.corrected"
    assert event["data"]["fields"] == {"email": "li.new@example.com"}


async def test_a_correction_of_what_it_may_not_have_is_not_told(desk: Desk, receiver: Receiver) -> None:
    """A recipient that may not have the phone is not told that it changed (S16)."""
    person = Person(desk)
    await person.sends()
    await _deliver(desk)

    await person.corrects("phone", "+8613800000001")
    await _deliver(desk)

    assert [event["type"] for event in receiver.verified()] == ["lead.created"]


async def test_an_erasure_is_passed_on(desk: Desk, receiver: Receiver) -> None:
    """Who had the lead is told to erase it, by its reference alone, when nothing else is left of it (S24, L8)."""
    person = Person(desk)
    reference = await person.sends()
    await _deliver(desk)
    await person.leaves_nothing()

    assert await _deliver(desk) == [True]

    event = receiver.verified()[-1]
    assert event["type"] == "person.erased"
    assert event["data"] == {"reference": reference, "topic": "", "fields": {}}


async def test_the_log_of_an_erasure_points_at_nobody(desk: Desk, receiver: Receiver) -> None:
    """What is kept of having told a recipient holds neither the person's id nor the reference (S20)."""
    person = Person(desk)
    reference = await person.sends()
    await _deliver(desk)
    await person.leaves_nothing()
    await _deliver(desk)

    def kept() -> str:
        with desk.storage.engine.begin() as connection:
            return repr(connection.execute(disclosures.select()).all())

    log = await desk.call(kept)
    assert "person.erased" in log
    assert person.subject not in log
    assert reference not in log


async def test_nothing_is_sent_without_a_secret(desk: Desk, receiver: Receiver) -> None:
    """A recipient whose secret is missing or unusable gets nothing unsigned; the task waits for the operator."""
    await Person(desk).sends()

    assert await _deliver(desk, CRM_SECRET="") == [False]
    assert await _deliver(desk, timedelta(minutes=10), CRM_SECRET="whsec_!") == [False]

    assert receiver.got == []
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=1, dead=0)


async def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    """Details go to the configured address alone, wherever its server points."""
    await Person(desk).sends()
    receiver.answers = [307]

    assert await _deliver(desk) == [False]

    assert len(receiver.got) == 1


async def test_after_three_days_a_delivery_is_dead(desk: Desk, receiver: Receiver) -> None:
    """A recipient that is away for longer has a row in the dead-letter list and is not asked again."""
    await Person(desk).sends()
    receiver.answers = [500]

    async with _courier(desk) as courier:
        (task,) = await desk.call(desk.storage.outbox.claim, desk.clock())
        late = replace(task, at=desk.clock() - timedelta(days=4))
        assert not await courier.carry(late)

    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=1)
    assert await _deliver(desk, timedelta(days=30)) == []


async def test_a_recipient_that_is_configured_no_more_is_not_told(desk: Desk, receiver: Receiver) -> None:
    """What waits for a recipient that was taken out of the configuration is dropped."""
    person = Person(desk)
    reference = await person.sends()
    await _deliver(desk)
    stray = Task(
        id=desk.new_id(),
        kind="lead.updated",
        subject=person.subject,
        at=desk.clock(),
        recipient="former",
        reference=reference,
    )
    await desk.call(_enqueue, desk, stray)

    assert await _deliver(desk) == [True]

    assert len(receiver.got) == 1


async def test_a_task_of_another_process_waits_for_it(desk: Desk, receiver: Receiver) -> None:
    """A worker without the Telegram channel does not throw its tasks away."""
    orphan = Task(id=desk.new_id(), kind="telegram.erase", subject="5" * 32, at=desk.clock(), sealed=b"x")
    await desk.call(_enqueue, desk, orphan)

    assert await _deliver(desk) == [False]

    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=1, dead=0)
