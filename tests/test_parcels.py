"""What may leave is decided at the last moment, and the log says neither too much nor too little."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.desk import Desk
from storage.errors import UNOPENED
from storage.outbox import Task
from storage.sales.leads import Lead
from storage.sales.parcels import Parcel, Parcels
from storage.store import Store
from storage.tables import consents, disclosures, fields, subjects
from storage.turn import erasing
from tests.selling import LI_NA, Person, recipient, selling_desk

CRM = recipient("crm", "webhook", "http://127.0.0.1/hook")
PARTNER = recipient("partner", "webhook", "http://127.0.0.1/hook", purpose="affiliates")


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with a CRM and a partner."""
    async with selling_desk(tmp_path, data_url, keyring_url, CRM, PARTNER) as opened:
        yield opened


async def _claimed(desk: Desk, later: timedelta = timedelta(0)) -> list[Task]:
    return await desk.call(desk.storage.outbox.claim, desk.clock() + later)


async def _log(desk: Desk) -> list[str]:
    def read() -> list[str]:
        with desk.storage.engine.begin() as connection:
            return list(connection.scalars(sa.select(disclosures.c.event)))

    return await desk.call(read)


class Overtaken:
    """The store, where the person withdraws in the very moment before a value is opened."""

    def __init__(self, desk: Desk) -> None:
        """Keep the real one."""
        self._store, self._engine = desk.storage.store, desk.storage.engine

    def open_fields(
        self, subject: str, names: Sequence[str], *, purpose: str, actor: str, reference: str
    ) -> Mapping[str, str]:
        """End the consent, then ask the store."""
        with self._engine.begin() as connection:
            connection.execute(sa.update(consents).values(decision="withdrawn"))
        return self._store.open_fields(subject, names, purpose=purpose, actor=actor, reference=reference)


def _overtaken(desk: Desk) -> Parcels:
    store: Store = Overtaken(desk)  # type: ignore[assignment]  # what parcels use of the store
    return Parcels(desk.storage.engine, store, desk.storage.leads, desk.storage.outbox)


async def test_a_parcel_holds_what_its_recipient_may_have(desk: Desk) -> None:
    """The values come with the row in the log, and are printed by nothing (S16)."""
    reference = await Person(desk).sends()
    (task,) = await _claimed(desk)

    parcel = await desk.call(desk.storage.parcels.parcel, task, CRM, desk.clock())

    assert parcel == Parcel(
        reference=reference, topic="gateway", fields={name: LI_NA[name] for name in CRM.fields}
    )
    assert "anary" not in repr(parcel)
    assert await _log(desk) == ["lead.created"]


async def test_a_mailbox_is_given_no_value(desk: Desk) -> None:
    """For a notice by mail nothing is opened at all: the person's audit shows nobody (S16)."""
    person = Person(desk)
    await person.sends()
    (task,) = await _claimed(desk)
    mailbox = recipient("crm", "mail", "sales@desk.example.com")

    parcel = await desk.call(desk.storage.parcels.parcel, task, mailbox, desk.clock())

    assert parcel is not None
    assert parcel.fields == {}
    record = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")
    assert record.opened_by == ()


async def test_a_purpose_that_was_withdrawn_sends_nothing(desk: Desk) -> None:
    """Who takes back affiliates before the partner was told is not told of; the CRM's delivery stands (L3)."""
    person = Person(desk)
    await person.sends("affiliates")
    tasks = {task.recipient: task for task in await _claimed(desk)}
    await person.withdraws("affiliates")

    assert await desk.call(desk.storage.parcels.parcel, tasks["partner"], PARTNER, desk.clock()) is None
    assert await desk.call(desk.storage.parcels.parcel, tasks["crm"], CRM, desk.clock()) is not None


async def test_a_withdrawal_in_the_last_moment_leaves_no_row(desk: Desk) -> None:
    """Nothing left, so the log does not say that something did (L3)."""
    await Person(desk).sends()
    (task,) = await _claimed(desk)

    assert await desk.call(_overtaken(desk).parcel, task, CRM, desk.clock()) is None

    assert await _log(desk) == []


@pytest.mark.parametrize("damaged", [False, True])
async def test_what_opens_no_more_leaves_no_row(desk: Desk, damaged: bool) -> None:
    """A value is damaged, or its key is gone: nothing left, and the log does not say that something did (S16)."""
    person = Person(desk)
    await person.sends()
    (task,) = await _claimed(desk)

    def lose() -> None:
        with desk.storage.engine.begin() as connection:
            connection.execute(sa.update(fields).values(sealed_value=b"?"))

    def destroy() -> None:
        desk.storage.keyring.destroy(person.subject, ["profile.1"], tombstone=False, at=desk.clock())

    await desk.call(lose if damaged else destroy)

    with pytest.raises(UNOPENED):
        await desk.call(desk.storage.parcels.parcel, task, CRM, desk.clock())

    assert await _log(desk) == []


async def test_what_may_have_arrived_stays_in_the_log(desk: Desk) -> None:
    """A first try that may have reached the recipient is not unsaid when the second is overtaken (L8)."""
    await Person(desk).sends()
    (first,) = await _claimed(desk)
    await desk.call(desk.storage.parcels.parcel, first, CRM, desk.clock())
    (second,) = await _claimed(desk, timedelta(minutes=5))

    assert await desk.call(_overtaken(desk).parcel, second, CRM, desk.clock()) is None

    assert await _log(desk) == ["lead.created"]


async def test_an_erasure_that_has_begun_is_not_overtaken(desk: Desk) -> None:
    """From the commit that blocks a person on no row is added of whom the erasure might not know (S24)."""
    await Person(desk).sends()
    (task,) = await _claimed(desk)

    def block() -> None:
        with desk.storage.engine.begin() as connection:
            connection.execute(sa.update(subjects).values(status="erasing"))

    await desk.call(block)

    assert await desk.call(desk.storage.parcels.parcel, task, CRM, desk.clock()) is None
    assert await _log(desk) == []


@pytest.mark.parametrize("kind", ["webhook", "mail"])
async def test_a_lead_that_is_erased_in_the_last_moment_is_not_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Another process sweeps the consultation alone away, just before its delivery is noted (S12)."""
    person = Person(desk)
    await person.sends()
    (task,) = await _claimed(desk)
    found, means = desk.storage.leads.one, desk.storage.store.means

    def overtaken(reference: str) -> Lead:
        lead = found(reference)
        gone = lead.subject, "lead", (f"c1.{person.conversation}",)
        with desk.storage.engine.begin() as connection:
            erasing.begin_due(means, connection, *gone, desk.clock())
        return lead

    monkeypatch.setattr(desk.storage.leads, "one", overtaken)

    mine = replace(CRM, kind=kind)
    assert await desk.call(desk.storage.parcels.parcel, task, mine, desk.clock()) is None
    assert await _log(desk) == []


async def test_a_lead_that_was_erased_alone_is_not_told(desk: Desk) -> None:
    """When only this consultation was erased, a withdrawal that waited has nothing to tell of it."""
    person = Person(desk)
    await person.sends()
    stray = Task(
        id=desk.new_id(),
        kind="consent.withdrawn",
        subject=person.subject,
        at=desk.clock(),
        recipient="crm",
        reference="AF-2222-2222",
    )

    assert await desk.call(desk.storage.parcels.parcel, stray, CRM, desk.clock()) is None
