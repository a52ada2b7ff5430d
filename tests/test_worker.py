"""The worker: delivers, sweeps, finishes what a crash left, and stops without leaving anything half done."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.delivery.courier import Courier
from bot.delivery.mail import Mails
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from bot.worker import CHORES_EVERY, Worker
from intake.events import AskedToForget
from storage.errors import StorageError
from storage.keys.checkpoints import ANCHOR, Anchor
from storage.keys.epochs import EPOCH
from storage.keys.kek_address import provider_for
from storage.keys.keyring import Keyring
from storage.outbox import Counts
from storage.records import Turn
from storage.tables import leads
from tests.receivers import SECRET, Receiver
from tests.selling import Person, recipient, selling_desk


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path, receiver: Receiver) -> AsyncIterator[Desk]:
    """A desk with a CRM."""
    crm = recipient("crm", "webhook", receiver.url)
    async with selling_desk(tmp_path, data_url, keyring_url, crm) as opened:
        yield opened


@asynccontextmanager
async def _worker(desk: Desk) -> AsyncIterator[Worker]:
    async with aiohttp.ClientSession() as session:
        yield Worker(desk, Courier(desk, Webhooks(session, {"CRM_SECRET": SECRET}), Mails(desk, None), {}))


async def _leads(desk: Desk) -> int:
    def count() -> int:
        with desk.storage.engine.begin() as connection:
            return len(connection.execute(leads.select()).all())

    return await desk.call(count)


async def test_a_lead_is_told_without_anybody_asking(desk: Desk, receiver: Receiver) -> None:
    """While it runs, what is sent in the chat reaches the recipient; when asked to stop, it stops."""
    stop = asyncio.Event()
    async with _worker(desk) as worker:
        running = asyncio.create_task(worker.run(stop))
        await Person(desk).sends()
        await Person(desk).sends()

        async with asyncio.timeout(20):
            assert await receiver.arrivals.get() != await receiver.arrivals.get()
        stop.set()
        await asyncio.wait_for(running, 5)

    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=0)


async def test_a_stopping_worker_finishes_what_it_began(desk: Desk, receiver: Receiver) -> None:
    """A delivery under way when the stop comes is carried out and forgotten, not left to be sent twice."""
    await Person(desk).sends()
    stop = asyncio.Event()
    receiver.pause = 0.3

    async with _worker(desk) as worker:
        running = asyncio.create_task(worker.run(stop))
        await receiver.arrivals.get()
        stop.set()
        await asyncio.wait_for(running, 5)

    assert len(receiver.got) == 1
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=0)


async def test_an_unfinished_erasure_is_finished(desk: Desk) -> None:
    """An erasure whose process died after the commit gets its certificate from the next worker (S24)."""
    person = Person(desk)
    await person.sends()
    turn = Turn(conversation=person.conversation, event=AskedToForget("all"), at=desk.clock())
    done = await desk.turns.take(turn)
    assert await desk.call(desk.storage.store.certificate, done.erasure) is None

    async with _worker(desk) as worker:
        await worker.chores()

    certificate = await desk.call(desk.storage.store.certificate, done.erasure)
    assert certificate is not None
    assert certificate["scope"] == "all"
    assert await _leads(desk) == 0


async def test_how_far_the_keyring_has_come_is_noted_outside(desk: Desk) -> None:
    """S24: within a minute of an erasure an older keyring is recognised, even if the data were an old copy too."""
    person = Person(desk)
    await person.sends()
    await person.leaves_nothing()

    async with _worker(desk) as worker:
        await worker.chores()

    now = await desk.call(desk.storage.keyring.checkpoint)
    assert now.tombstones
    assert Anchor(desk.settings.var / ANCHOR).read(now.installation) == now


async def test_what_is_kept_long_enough_goes(desk: Desk) -> None:
    """A lead is there a minute before its end and gone at the worker's next sweep after it (S12)."""
    await Person(desk).sends()
    keep = desk.rules.purposes["contact"].keep
    began = desk.clock()

    async with _worker(replace(desk, clock=lambda: began + keep - timedelta(minutes=1))) as worker:
        await worker.chores()
    assert await _leads(desk) == 1

    async with _worker(replace(desk, clock=lambda: began + keep + timedelta(minutes=1))) as worker:
        await worker.chores()
    assert await _leads(desk) == 0


async def test_chores_are_done_once_a_minute(desk: Desk) -> None:
    """However often the outbox is looked into, the sweep has its own pace; it alone finishes erasures."""
    swept: list[datetime] = []
    now = [desk.clock()]

    class Counting:
        """The store, counting."""

        def sweep(self, at: datetime) -> int:
            """Note the sweep."""
            swept.append(at)
            return 0

    counted = replace(desk.storage, store=Counting())  # type: ignore[arg-type]  # what the worker uses of it
    async with _worker(replace(desk, clock=lambda: now[0], storage=counted)) as worker:
        with capture_logs() as logs:
            for _ in range(3):
                await worker.chores()
            now[0] += CHORES_EVERY
            await worker.chores()

    assert logs == []
    assert swept == [now[0] - CHORES_EVERY, now[0]]


async def test_one_chore_that_fails_does_not_stop_the_others(desk: Desk) -> None:
    """What could not be erased now is told; the audit is chained all the same."""
    await Person(desk).sends()

    class Broken:
        """A store that finds something which cannot be erased now."""

        def sweep(self, at: datetime) -> int:
            """Fail."""
            raise StorageError("not now")

    broken = replace(desk.storage, store=Broken())  # type: ignore[arg-type]  # what the worker uses of it
    async with _worker(replace(desk, storage=broken)) as worker:
        with capture_logs() as logs:
            await worker.chores()

    assert [(line["chore"], line["error"]) for line in logs] == [("retention", "StorageError")]
    report = await desk.call(desk.storage.chain.check, desk.clock())
    assert (report.batches, report.waiting) == (1, 0)


async def test_a_database_that_is_away_does_not_end_the_worker(desk: Desk) -> None:
    """A round that fails is tried again at the next."""

    class Away:
        """An outbox out of reach."""

        def claim(self, now: datetime, limit: int) -> NoReturn:
            """Fail."""
            raise OSError("connection refused")

    away = replace(desk.storage, outbox=Away())  # type: ignore[arg-type]  # what the worker uses of it
    async with _worker(replace(desk, storage=away)) as worker:
        assert await worker.deliver() == 0


async def test_an_overdue_epoch_is_told_once_an_hour(desk: Desk) -> None:
    """An epoch past its end is a warning, not with every round; one in its time is none (S10)."""
    now, storage = [desk.clock()], desk.storage
    provider = provider_for(desk.settings.kek_url, random=os.urandom)
    keyring = Keyring(storage.keyring_engine, provider, clock=lambda: now[0], random=os.urandom)
    await desk.call(keyring.open)
    watching = replace(desk, clock=lambda: now[0], storage=replace(storage, keyring=keyring))

    async with _worker(watching) as worker:
        told = []
        for later in (timedelta(0), EPOCH, timedelta(minutes=59), timedelta(minutes=1)):
            now[0] += later
            with capture_logs() as logs:
                await worker.chores()
            told.append([(line["event"], line["log_level"]) for line in logs])

    alarm = [("keys.epoch_overdue", "warning")]
    assert told == [[], alarm, [], alarm]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_the_write_ahead_log_is_emptied(desk: Desk, tmp_path: Path) -> None:
    """After the chores the log of SQLite holds no old page, of neither database (S10)."""
    person = Person(desk)
    await person.sends()
    await person.leaves_nothing()
    logs = [tmp_path / "desk.db-wal", tmp_path / "keyring.db-wal"]
    assert all(log.exists() for log in logs)  # a test may wait for its own disk

    async with _worker(desk) as worker:
        await worker.chores()

    assert [log.stat().st_size for log in logs] == [0, 0]  # a test may wait for its own disk
