"""`kill -9` at random moments: what was acknowledged is there, nothing happens twice, erasures are finished."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from aiohttp import ClientSession

from config.load import load
from intake.outcomes import Heard
from storage.errors import SubjectErased
from storage.outbox import LEASE
from storage.storage import Storage
from tests.bot_api import TOKEN, BotApi
from tests.crash_checks import Standing
from tests.crash_desk import Crowd, KilledDesk, WebVisitor, forked, killed_at_random
from tests.crash_process import Ack, opened, talk
from tests.crash_scripts import with_sales
from tests.house import CONFIG
from tests.receivers import MailBox, mail_server
from tests.servers import free_port
from tests.telegram_people import Person, until

KILLS = 15  # in each of three tests
DESK_KILLS = 8  # of the whole desk; more than fifty together
PEOPLE = 30  # conversations in each of the three
MORE_PEOPLE = 10  # who come when everything is said before the last kill: on a machine that kills slowly
ACKS_MAX = 60  # acknowledgements between two kills, at most; everything together is about 550
JITTER_SECONDS = 0.01  # seconds; a group of turns takes about as long
PATIENCE = 60  # seconds
NOT_READY = -1  # acknowledgements
KINDS = ("lead.created", "lead.updated", "person.corrected", "person.erased")


class Killed:
    """A folder with databases, the process that works in it, and what that has acknowledged."""

    def __init__(self, folder: Path) -> None:
        """Nothing was said yet."""
        self.folder = folder
        self.acks: dict[int, dict[int, Ack]] = {}
        self.kills = 0
        self.people = PEOPLE

    def talk(self, acks: int | None, jitter: float = 0.0) -> bool:
        """Go on talking; kill the process after so many acknowledgements, or (None) let it come to the end.

        With NOT_READY it is killed after `jitter` seconds, ready or not. Return whether it came to the end.
        """
        told = {number: max(acks) for number, acks in self.acks.items()}
        ours, theirs = forked.Pipe(duplex=False)
        process = forked.Process(target=talk, args=(self.folder, told, self.people, theirs))
        process.start()
        theirs.close()
        try:
            finished = acks != NOT_READY and self._listen(ours, acks)
            if not finished:
                time.sleep(jitter)
                process.kill()
                self.kills += 1
                self._listen(ours, None)  # what it had still said
        finally:
            process.kill()
            process.join(PATIENCE)
            ours.close()
        return finished

    def _listen(self, ours: Connection, acks: int | None) -> bool:
        """Note acknowledgements, so many or all; return whether the process came to the end."""
        heard = 0
        while (acks is None or heard < acks) and ours.poll(PATIENCE):
            try:
                told = ours.recv()
            except (EOFError, OSError):  # it is dead, perhaps in the middle of a word
                return False
            if told == "done":
                return True
            if isinstance(told, Ack):
                heard += 1
                self.acks.setdefault(told.number, {})[told.place] = told
        return False

    def look(self) -> Standing:
        """Return what stands in the databases now."""
        self.storage = opened(self.folder, with_sales())
        return Standing(self.storage, self.acks)


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Have the server that forks our processes read the program once."""
    forked.set_forkserver_preload(["tests.crash_process", "tests.crash_desk"])


@pytest.mark.parametrize("dice", range(3))
def test_a_killed_process_loses_and_repeats_nothing(dice: int, tmp_path: Path) -> None:
    """S24, L9: acknowledged turns are there once, others at most once, leads once, erasures are finished; one audit."""
    chance = random.Random(dice)
    killed = Killed(tmp_path)

    while killed.kills < KILLS:
        starting = chance.random() < 0.15
        acks = NOT_READY if starting else chance.randrange(ACKS_MAX)
        if killed.talk(acks, chance.uniform(0, JITTER_SECONDS)):
            killed.people += MORE_PEOPLE
        standing = killed.look()
        standing.is_whole()
        killed.storage.close()

    assert killed.talk(None)
    standing = killed.look()
    standing.is_whole()
    standing.is_finished(killed.people)
    while killed.storage.chain.append(datetime.now(UTC)):
        pass
    report = killed.storage.chain.check(datetime.now(UTC))
    assert (report.faults, report.waiting) == ([], 0)
    killed.storage.close()


async def test_a_killed_desk_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """S24: over sockets, HTTP and Telegram, with the worker: said once, one lead, one notice, deletions finished."""
    async with BotApi().running() as api, ClientSession() as client:
        with mail_server(free_port()) as sales:
            desk = KilledDesk(
                tmp_path,
                TELEGRAM_BOT_TOKEN=TOKEN,
                TELEGRAM_API_URL=api.url,
                SMTP_URL=f"smtp://127.0.0.1:{sales.port}",
            )
            crowd, robin = Crowd(desk), Person(api, 5_550_100)
            try:
                async with crowd.talking(sockets=3, others=2):
                    typing = asyncio.create_task(_types(robin, crowd.enough))
                    await killed_at_random(desk, crowd, client, DESK_KILLS, random.Random(9))
                typed = await typing
                await until(lambda: not api.updates, 30)
                await until(lambda: sales.got, 30)
            finally:
                assert await desk.stop() == 0
        assert not api.faults

    storage = Storage.open(
        f"sqlite:///{desk.var}/desk.db",
        f"sqlite:///{desk.var}/keys/keyring.db",
        f"file:{desk.var}/keys/kek.json",
        with_sales(),
    )
    assert storage.chain.check(datetime.now(UTC)).faults == []
    told = _told(sales, storage)
    for visitor in crowd.visitors:
        _was_heard_once(storage, visitor, told)
    assert _said_on_telegram(storage, robin) == typed
    assert not storage.store.unfinished_erasures()
    assert crowd.acknowledged > DESK_KILLS * 10
    storage.close()


async def _types(robin: Person, enough: asyncio.Event) -> list[str]:
    """Type one message after the other, whether the desk is there or not; return them."""
    await robin.say("/start")
    typed = ["How does a gateway restart?"]
    await robin.say(typed[0])
    for word in ("yes", "I do not agree"):  # else every further message would join the question
        await robin.say(word)
    while not enough.is_set():
        typed.append(f"How does gateway {len(typed)} restart?")
        await robin.say(typed[-1])
        await asyncio.sleep(0.1)
    return typed


def _said_on_telegram(storage: Storage, robin: Person) -> list[str]:
    conversation = storage.store.telegram_conversation(robin.id)
    assert conversation is not None
    transcript = storage.store.transcript(conversation, 0)
    bodies = [message.body for message in transcript.messages if message.sender == "visitor"]
    return [
        transcript.values[body.answered] if body.answered else body.text
        for body in bodies
        if isinstance(body, Heard) and not body.picked
    ]


Told = Mapping[tuple[str, str], Set[str]]  # reference and kind of a notice -> ids


def _told(sales: MailBox, storage: Storage) -> Told:
    """Return the ids of the mails about each lead, of those that are still to come too.

    A mail that was sent twice has the same id twice; what a killed worker had claimed is due again in two minutes.
    """
    told: dict[tuple[str, str], set[str]] = defaultdict(set)
    texts = {kind: load(CONFIG).catalogues["en"][f"mail.{kind}"].partition("{")[0] for kind in KINDS}
    for mail in sales.got:
        body = mail.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        (kind,) = (kind for kind, begins in texts.items() if text.startswith(begins))
        reference = text.rsplit("/staff/leads/", 1)[1].split()[0]
        told[reference, kind].add(mail["Message-ID"].strip("<>").partition("@")[0])
    for task in storage.outbox.claim(datetime.now(UTC) + LEASE, 10_000):
        told[task.reference, task.kind].add(task.id)
    return told


def _was_heard_once(storage: Storage, visitor: WebVisitor, told: Told) -> None:
    session = storage.store.session(hashlib.sha256(visitor.token.encode()).digest(), datetime.now(UTC))
    assert session is not None
    assert session.erased == visitor.gone
    if visitor.gone:
        with pytest.raises(SubjectErased):
            storage.store.transcript(session.conversation, 0)
        assert not visitor.certificate or storage.store.certificate(visitor.certificate)
        return
    transcript = storage.store.transcript(session.conversation, 0)
    assert [message.seq for message in transcript.messages] == list(range(1, transcript.last + 1))
    said = [
        (message.client_id, message.seq) for message in transcript.messages if message.sender == "visitor"
    ]
    assert said == list(visitor.acks.items())
    lead = storage.store.record(session.subject, purpose="own_view").lead
    assert lead
    assert len(told[lead, "lead.created"]) == 1
    assert len(told[lead, "lead.updated"]) == 2
    assert len(told.get((lead, "person.corrected"), ())) <= 1  # where the lead was told of before
