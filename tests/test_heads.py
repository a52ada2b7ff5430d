"""Heads of the audit off the host: file, webhook, syslog; in order, at least once, again after a failure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.delivery.courier import Courier
from bot.delivery.heads import ROUND, TIMEOUT, Heads, sink_at
from bot.delivery.mail import Mails
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from bot.worker import Worker
from storage.evidence.chain import Head
from storage.evidence.heads_sent import LEASE
from storage.evidence.proofs import HEAD, fault_of
from tests.receivers import Receiver, receiving
from tests.rooms import Clock
from tests.selling import Person, selling_desk
from tests.servers import free_port


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk."""
    async with selling_desk(tmp_path, data_url, keyring_url) as opened:
        yield opened


async def _chained(desk: Desk, batches: int) -> list[Head]:
    """Have something noted and chained, batch by batch, and return the heads."""
    for _ in range(batches):
        await Person(desk).reviews()
        while await desk.call(desk.storage.chain.append, desk.clock()):
            pass
    heads: list[Head] = await desk.call(desk.storage.chain.claim, "nowhere", desk.clock(), 100)
    assert len(heads) == batches
    return heads


@asynccontextmanager
async def _heads(desk: Desk, address: str) -> AsyncIterator[Heads]:
    async with aiohttp.ClientSession() as session:
        yield Heads(desk, sink_at(address, session), address)


@dataclass
class Faulty:
    """A sink that takes heads, but dies with these, before or after."""

    dies_before: set[int] = field(default_factory=set)
    dies_after: set[int] = field(default_factory=set)
    got: list[int] = field(default_factory=list)

    async def take(self, head: Head) -> None:
        """Take a head, or die once."""
        if head.number in self.dies_before:
            self.dies_before.discard(head.number)
            raise OSError("canary-sink")
        self.got.append(head.number)
        if head.number in self.dies_after:
            self.dies_after.discard(head.number)
            raise OSError("killed before it was noted")


async def test_a_head_is_sent_again_until_it_is_taken(desk: Desk) -> None:
    """In order: what follows a head that was not taken waits for it; the log names the fault and nothing else."""
    await _chained(desk, 3)
    sink = Faulty(dies_before={2})
    heads = Heads(desk, sink, "test")

    with capture_logs() as logs:
        await heads.send()
    assert sink.got == [1]
    assert [(line["event"], line["error"]) for line in logs] == [("audit.heads_unsent", "OSError")]
    assert "canary" not in repr(logs)

    await heads.send()
    assert sink.got == [1, 2, 3]


@dataclass
class Slow:
    """A sink for whose every answer some seconds pass on the desk's clock."""

    clock: Clock
    seconds: float
    got: list[int] = field(default_factory=list)

    async def take(self, head: Head) -> None:
        """Take a head, later."""
        self.clock.tick(seconds=self.seconds)
        self.got.append(head.number)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_slow_sink_holds_the_worker_for_one_round_only(desk: Desk) -> None:
    """Leads and codes wait meanwhile, and the lease must outlast it: what found no time goes with the next round."""
    await _chained(desk, 12)
    clock = Clock()
    begun = clock.now
    sink = Slow(clock, 4.9)
    heads = Heads(replace(desk, clock=clock), sink, "test")

    with capture_logs() as logs:
        await heads.send()
    assert clock.now - begun < ROUND + timedelta(seconds=TIMEOUT) < LEASE
    assert sink.got == [1, 2, 3, 4, 5, 6, 7]
    assert logs == []

    await heads.send()
    assert sink.got == list(range(1, 13))


async def test_a_worker_killed_before_it_noted_sends_again(desk: Desk) -> None:
    """At least once: a head whose arrival was not noted goes a second time, none is left out."""
    await _chained(desk, 3)
    sink = Faulty(dies_after={2})
    heads = Heads(desk, sink, "test")

    await heads.send()
    await heads.send()

    assert sink.got == [1, 2, 2, 3]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_file_only_grows(desk: Desk, tmp_path: Path) -> None:
    """One head a line, for its owner alone; a later start goes on behind, and a torn line is left as it is."""
    path = tmp_path / "heads.jsonl"
    kept = await _chained(desk, 2)
    async with _heads(desk, f"file:{path}") as heads:
        await heads.send()
    assert path.read_text() == "".join(f"{head.body}\n" for head in kept)
    assert path.stat().st_mode & 0o777 == 0o600

    with path.open("a") as file:
        file.write('{"at":"2026')
    await Person(desk).reviews()
    await desk.call(desk.storage.chain.append, desk.clock())
    async with _heads(desk, f"file:{path}") as heads:
        await heads.send()

    *before, torn, last = path.read_text().splitlines()
    assert before == [head.body for head in kept]
    assert torn == '{"at":"2026'
    assert json.loads(last)["batch"] == 3
    with path.open() as lines:
        report = await desk.call(desk.storage.chain.check, desk.clock(), lines)
    assert (report.faults, report.heads_checked) == ([], 3)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_file_that_cannot_be_written_is_tried_again(desk: Desk, tmp_path: Path) -> None:
    """A folder that is not mounted yet is a warning."""
    await _chained(desk, 1)
    async with _heads(desk, f"file:{tmp_path}/far/heads.jsonl") as heads:
        with capture_logs() as logs:
            await heads.send()
        (tmp_path / "far").mkdir()
        await heads.send()

    assert [line["error"] for line in logs] == ["FileNotFoundError"]
    assert (tmp_path / "far" / "heads.jsonl").read_text().count("\n") == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_webhook_gets_each_head_as_it_was_signed(desk: Desk) -> None:
    """Whoever receives it can check it with the published keys; an answer that is no 2xx means once more."""
    kept = await _chained(desk, 2)
    async with receiving() as receiver, _heads(desk, receiver.url) as heads:
        receiver.answers = [204, 500]
        await heads.send()
        await heads.send()

        assert _bodies(receiver) == [kept[0].body, kept[1].body, kept[1].body]
        assert receiver.ids() == ["audit-head-1", "audit-head-2", "audit-head-2"]
    keys = await desk.call(desk.storage.keyring.public_keys)
    assert [fault_of(keys, HEAD, json.loads(head.body)) for head in kept] == ["", ""]


def _bodies(receiver: Receiver) -> list[str]:
    return [body.decode() for _, body in receiver.got]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_redirect_is_not_followed(desk: Desk) -> None:
    """Heads go where the operator said."""
    await _chained(desk, 1)
    async with receiving() as receiver, _heads(desk, receiver.url) as heads:
        receiver.answers = [307]
        with capture_logs() as logs:
            await heads.send()

        assert len(receiver.got) == 1
    assert [line["error"] for line in logs] == ["DeliveryFailed"]


class Datagrams(asyncio.DatagramProtocol):
    """Keeps what arrives."""

    def __init__(self) -> None:
        """Nothing has."""
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Keep a datagram."""
        self.got.put_nowait(data)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_syslog_gets_heads_as_datagrams(desk: Desk) -> None:
    """RFC 5424: facility "log audit", severity "informational", time, program, what it is, the head."""
    (kept,) = await _chained(desk, 1)
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        Datagrams, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    async with _heads(desk, f"syslog://127.0.0.1:{port}") as heads:
        await heads.send()
        message = await asyncio.wait_for(server.got.get(), 10)
    transport.close()

    at = kept.document["at"]
    assert message.decode() == f"<110>1 {at} - askfirst - audit-head - {kept.body}"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_syslog_gets_heads_as_a_stream(desk: Desk) -> None:
    """Each after its number of octets (RFC 6587); a server that is away gets them when it is back."""
    kept = await _chained(desk, 2)
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await arrived.put(await reader.read())
        writer.close()

    port = free_port()
    async with _heads(desk, f"syslog+tcp://127.0.0.1:{port}") as heads:
        with capture_logs() as logs:
            await heads.send()
        assert [line["error"] for line in logs] == ["ConnectionRefusedError"]
        server = await asyncio.start_server(take, "127.0.0.1", port)
        await heads.send()
        frames = [await asyncio.wait_for(arrived.get(), 10) for _ in kept]
        server.close()
        await server.wait_closed()

    for frame, head in zip(frames, kept, strict=True):
        octets, _, message = frame.partition(b" ")
        assert int(octets) == len(message)
        assert message.decode().endswith(f" askfirst - audit-head - {head.body}")


async def test_the_worker_chains_and_sends(desk: Desk, tmp_path: Path) -> None:
    """With its chores, and once more when it stops: a desk that was shut down in order leaves no row unchained (L9)."""
    path = tmp_path / "heads.jsonl"
    address = f"file:{path}"
    stop = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        courier = Courier(desk, Webhooks(session, {}), Mails(desk, None), {})
        worker = Worker(desk, courier, Heads(desk, sink_at(address, session), address))
        await Person(desk).sends()
        await worker.chores()
        first = path.read_text().count("\n")
        await Person(desk).sends()
        stop.set()
        await worker.run(stop)

    report = await desk.call(desk.storage.chain.check, desk.clock())
    assert (report.faults, report.waiting) == ([], 0)
    assert first == 1
    assert path.read_text().count("\n") == report.batches == 2
