"""What must hold in the databases whenever a process was killed, and what more must hold when all is said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from intake.events import Event, Picked, Said
from intake.outcomes import Heard
from storage import tables
from storage.errors import NotFound, SubjectErased
from storage.keyring_tables import scope_keys, tombstones
from storage.records import Message, Transcript
from storage.storage import Storage
from storage.turn.erasing import TELEGRAM_ERASE
from tests.crash_process import AHEAD, Ack
from tests.crash_scripts import OTHER_PHONE, PHONE, Script

JOINING = ("And how", "Thank you")  # what is said after the lead was sent, and joins it


class Standing:
    """Everything that a killed process left behind, read by one that opens it."""

    def __init__(self, storage: Storage, acknowledged: Mapping[int, Mapping[int, Ack]]) -> None:
        """Look into `storage`; `acknowledged` are the acks of each person, by place."""
        self._storage, self._acknowledged = storage, acknowledged
        self._read: dict[str, dict[str, list[Any]]] = {}

    def is_whole(self) -> None:
        """Check every person: what was acknowledged is there once, and nothing is there that was not sent."""
        for number, acks in self._acknowledged.items():
            script = Script(number)
            transcript = self._transcript(script)
            if transcript is None:
                self._is_going(script, acks)
            else:
                self._is_there(script, acks, transcript)
        assert self._storage.chain.check(datetime.now(UTC)).faults == []

    def is_finished(self, people: int) -> None:
        """Check what more must hold when every script is at its end: all said once, leads sent once, all deleted."""
        assert not self._storage.store.unfinished_erasures()
        for script in map(Script, range(1, people + 1)):
            transcript = self._transcript(script)
            if script.erases:
                assert transcript is None
                self._is_gone(script)
            else:
                assert transcript is not None
                assert len(_of_visitor(transcript)) == len(script.events)
                assert len(self._mine(tables.leads, script)) == 1
        self._farewells_wait(people)

    def _transcript(self, script: Script) -> Transcript | None:
        try:
            return self._storage.store.transcript(script.conversation, 0)
        except (SubjectErased, NotFound):
            return None

    def _is_there(self, script: Script, acks: Mapping[int, Ack], transcript: Transcript) -> None:
        assert [message.seq for message in transcript.messages] == list(range(1, transcript.last + 1))
        said = _of_visitor(transcript)
        assert [message.client_id for message in said] == [f"f{place}" for place in range(1, len(said) + 1)]
        assert max(acks) <= len(said) <= max(acks) + AHEAD
        for message, event, place in zip(said, script.events, range(1, len(said) + 1), strict=False):
            assert _tells(message, event, transcript.values), f"person {script.number}, event {place}"
            assert place not in acks or acks[place].seq in (message.seq, 0)
        if "phone" in transcript.values:
            corrected = Said(OTHER_PHONE) in script.events[: len(said)]
            assert transcript.values["phone"] == (OTHER_PHONE if corrected else PHONE).replace(" ", "")
        self._lead_is_right(script, said)

    def _lead_is_right(self, script: Script, said: Sequence[Message]) -> None:
        """One lead and one notice of it as soon as "send" is there, one more notice for everything that joined it."""
        texts = [event.text for event, _ in zip(script.events, said, strict=False) if isinstance(event, Said)]
        sent = Picked("review:send") in script.events[: len(said)]
        assert [lead.reference for lead in self._mine(tables.leads, script)] == [script.reference] * sent
        told = sorted(task.kind for task in self._mine(tables.outbox, script))
        joined = sum(text.startswith(JOINING) for text in texts)
        assert told == ["lead.created"] * sent + ["lead.updated"] * joined

    def _is_going(self, script: Script, acks: Mapping[int, Ack]) -> None:
        """Nobody is erased who did not ask for it; who has a certificate is gone for good."""
        assert script.erases
        assert max(acks) >= len(script.events) - AHEAD
        if any(ack.certificate for ack in acks.values()):
            self._is_gone(script)

    def _is_gone(self, script: Script) -> None:
        for table in tables.metadata.sorted_tables:
            if "subject" in table.c and table.name not in ("audit", "sessions"):
                assert not self._mine(table, script), table.name
        assert not self._mine(scope_keys, script)
        assert "*" in {row.scope for row in self._mine(tombstones, script)}
        for ack in self._acknowledged.get(script.number, {}).values():
            assert not ack.certificate or self._storage.store.certificate(ack.certificate)
        stubs = self._mine(tables.sessions, script)
        assert len(stubs) == (script.channel == "web")
        for stub in stubs:
            assert stub.erased_at
            assert self._storage.store.certificate(stub.certificate)

    def _farewells_wait(self, people: int) -> None:
        """Each erased Telegram chat is to be cleared by exactly one task."""
        waiting = self._storage.outbox.claim(datetime.now(UTC), 10_000)
        chats = [
            self._storage.outbox.carried(task)["chat"] for task in waiting if task.kind == TELEGRAM_ERASE
        ]
        erased = [
            script.chat for script in map(Script, range(1, people + 1)) if script.erases and script.chat
        ]
        assert sorted(chats) == erased

    def _mine(self, table: sa.Table, script: Script) -> list[Any]:
        return self._all(table).get(script.subject, [])

    def _all(self, table: sa.Table) -> dict[str, list[Any]]:
        if table.name not in self._read:
            keys = table.metadata is scope_keys.metadata
            engine = self._storage.keyring_engine if keys else self._storage.engine
            rows: dict[str, list[Any]] = defaultdict(list)
            with engine.connect() as connection:
                for row in connection.execute(sa.select(table)):
                    rows[row.subject].append(row)
            self._read[table.name] = rows
        return self._read[table.name]


def _of_visitor(transcript: Transcript) -> list[Message]:
    return [message for message in transcript.messages if message.sender == "visitor"]


def _tells(message: Message, event: Event, values: Mapping[str, str]) -> bool:
    """Say whether a message is what is kept of an event."""
    body = message.body
    assert isinstance(body, Heard)
    if isinstance(event, Picked):
        return body.picked == event.value
    assert isinstance(event, Said)
    if body.answered == "phone":
        return event.text in (PHONE, OTHER_PHONE)
    return event.text == (values[body.answered] if body.answered else body.text)
