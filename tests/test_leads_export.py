"""An export of leads: who leaves while it is written, and what is opened for it."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.desk import Desk
from storage.sales.leads import Leads
from storage.tables import consents, disclosures
from tests.selling import LI_NA, NEED, Person, selling_desk


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk without recipients."""
    async with selling_desk(tmp_path, data_url, keyring_url) as opened:
        yield opened


@pytest.fixture
def leads(desk: Desk) -> Leads:
    """The leads of that desk."""
    return desk.storage.leads


async def test_who_leaves_during_an_export_is_left_out(
    desk: Desk, leads: Leads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One withdraws, one is erased, one's key is damaged: the others leave all the same, and no row says too much."""
    people = [Person(desk) for _ in range(5)]
    sent = [await person.sends() for person in people]
    store, engine = desk.storage.store, desk.storage.engine
    opens = store.open_fields

    def overtaken(subject: str, *given: Any, **named: Any) -> Any:
        with engine.begin() as connection:
            connection.execute(
                sa.update(consents)
                .where(consents.c.subject == people[1].subject)
                .values(decision="withdrawn")
            )
        if subject == people[1].subject:
            store.begin_erasure(people[2].subject, desk.clock(), reason="asked")
            desk.storage.keyring.destroy(people[3].subject, ["profile.1"], tombstone=False, at=desk.clock())
        return opens(subject, *given, **named)

    monkeypatch.setattr(store, "open_fields", overtaken)

    exported = await desk.call(leads.export, "contact", None, "command", desk.clock())

    assert [one.lead.reference for one in exported] == [sent[0], sent[4]]
    assert await desk.call(_disclosed, desk) == {people[0].subject, people[4].subject}


def _disclosed(desk: Desk) -> set[str]:
    with desk.storage.engine.begin() as connection:
        return set(connection.scalars(sa.select(disclosures.c.subject)))


async def test_an_export_opens_only_what_is_used(desk: Desk, leads: Leads) -> None:
    """S16: what a file has no place for is neither opened nor noted as disclosed."""
    person = Person(desk)
    await person.sends()

    exporting = partial(leads.export, "contact", None, "command", desk.clock(), only=("phone", "need"))
    (exported,) = await desk.call(exporting)

    record = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")
    assert dict(exported.values) == {"phone": LI_NA["phone"], "need": NEED}
    assert set(record.recipients[0]["fields"]) == {"phone", "need"}
    assert set(record.opened_by[0]["fields"]) == {"phone", "need"}
