"""Deliveries by webhook: signed, at least once, only allowed fields, and only while consent lives."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.desk import Desk
from storage.outbox import Counts, Task
from storage.tables import disclosures
from tests.carrying_out import courier, deliver, put
from tests.receivers import Receiver
from tests.selling import LI_NA, NEED, Person, crm_and_partner, selling_desk


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path, receiver: Receiver) -> AsyncIterator[Desk]:
    """A desk with a CRM that may have name and e-mail, and a partner that needs a consent of its own."""
    async with selling_desk(tmp_path, data_url, keyring_url, *crm_and_partner(receiver.url)) as opened:
        yield opened


async def _told(desk: Desk, person: Person) -> list[tuple[str, str, frozenset[str]]]:
    record = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")
    return [(row["recipient"], row["event"], frozenset(row["fields"])) for row in record.recipients]


async def test_a_recipient_gets_only_what_it_may_have(desk: Desk, receiver: Receiver) -> None:
    """The CRM's delivery holds its own fields, the phone never leaves, and the person's log says so (S16)."""
    person = Person(desk)
    reference = await person.sends()

    assert await deliver(desk) == [True]

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

    await deliver(desk)

    fields = [set(event["data"]["fields"]) for event in receiver.verified()]
    assert sorted(map(len, fields)) == [3, 3, 4]
    (partners,) = [event["data"] for event in receiver.verified() if "phone" in event["data"]["fields"]]
    assert partners["reference"] == agreed


async def test_a_retry_keeps_the_id(desk: Desk, receiver: Receiver) -> None:
    """A delivery that failed comes again under the same id, until it is taken; then it is forgotten."""
    person = Person(desk)
    await person.sends()
    receiver.answers = [500, 503]

    assert await deliver(desk) == [False]
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=1, dead=0)
    assert await deliver(desk, timedelta(minutes=10)) == [False]
    assert await deliver(desk, timedelta(minutes=20)) == [True]

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

    await deliver(desk)
    assert await desk.call(confirmed) is None

    await deliver(desk, timedelta(minutes=10))
    assert await desk.call(confirmed) is not None


async def test_who_withdrew_is_not_delivered(desk: Desk, receiver: Receiver) -> None:
    """Consent is asked again at the moment of sending: a task that waited is dropped (L3)."""
    person = Person(desk)
    await person.sends()
    await person.withdraws("contact")

    assert await deliver(desk) == [True]

    assert receiver.got == []
    assert await _told(desk, person) == []
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=0)


async def test_who_was_erased_is_not_delivered(desk: Desk, receiver: Receiver) -> None:
    """Nothing of an erased person leaves, whatever was waiting (S24)."""
    person = Person(desk)
    await person.sends()
    await person.leaves_nothing()

    await deliver(desk)

    assert receiver.got == []


async def test_a_failure_that_cannot_be_noted_harms_no_neighbour(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away in the middle: nothing is raised, the others go on, and the lease brings it back."""
    for _ in range(3):
        await Person(desk).sends()
    receiver.answers = [500]

    def away(*given: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as gone:
        gone.setattr(desk.storage.outbox, "retry", away)
        assert sorted(await deliver(desk)) == [False, True, True]

    assert await deliver(desk, timedelta(minutes=10)) == [True]
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=0)


async def test_nothing_is_sent_without_a_secret(desk: Desk, receiver: Receiver) -> None:
    """A recipient whose secret is missing or unusable gets nothing unsigned; the task waits for the operator."""
    await Person(desk).sends()

    assert await deliver(desk, CRM_SECRET="") == [False]
    assert await deliver(desk, timedelta(minutes=10), CRM_SECRET="whsec_!") == [False]

    assert receiver.got == []
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=1, dead=0)


async def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    """Details go to the configured address alone, wherever its server points."""
    await Person(desk).sends()
    receiver.answers = [307]

    assert await deliver(desk) == [False]

    assert len(receiver.got) == 1


async def test_after_three_days_a_delivery_is_dead(desk: Desk, receiver: Receiver) -> None:
    """A recipient that is away for longer has a row in the dead-letter list and is not asked again."""
    await Person(desk).sends()
    receiver.answers = [500]

    async with courier(desk) as carrier:
        (task,) = await desk.call(desk.storage.outbox.claim, desk.clock())
        late = replace(task, at=desk.clock() - timedelta(days=4))
        assert not await carrier.carry(late)

    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=1)
    assert await deliver(desk, timedelta(days=30)) == []


async def test_a_recipient_that_is_configured_no_more_is_not_told(desk: Desk, receiver: Receiver) -> None:
    """What waits for a recipient that was taken out of the configuration is dropped."""
    person = Person(desk)
    reference = await person.sends()
    await deliver(desk)
    stray = Task(
        id=desk.new_id(),
        kind="lead.updated",
        subject=person.subject,
        at=desk.clock(),
        recipient="former",
        reference=reference,
    )
    await desk.call(put, desk, stray)

    assert await deliver(desk) == [True]

    assert len(receiver.got) == 1


async def test_a_task_of_another_process_waits_for_it(desk: Desk, receiver: Receiver) -> None:
    """A worker without the Telegram channel does not throw its tasks away."""
    orphan = Task(id=desk.new_id(), kind="telegram.erase", subject="5" * 32, at=desk.clock(), sealed=b"x")
    await desk.call(put, desk, orphan)

    assert await deliver(desk) == [False]

    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=1, dead=0)
