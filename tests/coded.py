"""Visitors of the store whose sessions need codes: with a token in hand, and the codes that went out in the outbox."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from intake.events import Event, Picked, Said
from storage.outbox import Outbox, Task
from storage.records import TurnDone
from storage.tables import outbox
from storage.turn.codes import CODE_MAIL
from tests.remembering import Memory, Visitor, done


class Tab:
    """A visitor's page: what they do is done by its session; and the mails that they get."""

    def __init__(self, visitor: Visitor, token_hash: bytes) -> None:
        self.visitor, self.memory, self.token_hash = visitor, visitor.memory, token_hash
        self.outbox = Outbox(self.memory.rooms.engine, self.memory.rooms.keyring)

    def does(self, event: Event, **more: Any) -> TurnDone:
        """Let one thing happen in this session."""
        turn = self.visitor.turn(event, session=self.token_hash, **more)
        return done(self.memory.turns(turn)[0])

    def says(self, text: str, **more: Any) -> TurnDone:
        """Type something."""
        return self.does(Said(text), **more)

    def picks(self, value: str) -> TurnDone:
        """Choose an option."""
        return self.does(Picked(value))

    def mails(self) -> list[dict[str, Any]]:
        """Return what the mails carry that wait in the outbox, oldest first."""
        return [
            self.memory.run(self.outbox.carried, _task(row))
            for row in sorted(self.memory.rooms.rows(outbox), key=lambda row: str(row["created_at"]))
            if row["kind"] == CODE_MAIL
        ]

    def code(self) -> str:
        """Return the code that went out last, as whoever reads the mail has it."""
        newest: str = self.mails()[-1]["code"]
        return newest

    def wrong(self) -> str:
        """Return a code that is not it."""
        return f"{(int(self.code()) + 1) % 10**6:06}"

    def trust(self) -> Any:
        """Return how far the session is trusted now."""
        session = self.memory.run(self.memory.store.session, self.token_hash, self.memory.now())
        return session.trust.at(self.memory.now())


def _task(row: dict[str, Any]) -> Task:
    return Task(
        id=row["id"], kind=row["kind"], subject=row["subject"], at=row["created_at"], sealed=row["sealed"]
    )


def remembered(visitor: Visitor) -> Tab:
    """Return the page of a visitor who came back by a cookie."""
    memory, store = visitor.memory, visitor.memory.store
    token_hash = hashlib.sha256(f"{visitor.conversation}-back".encode()).digest()
    session = memory.run(store.session, visitor.token_hash, memory.now())
    cookie = memory.run(store.remember_device, session, "", memory.now()).cookie
    memory.run(
        store.come_back,
        cookie,
        site="default",
        token_hash=token_hash,
        expires_at=memory.now() + timedelta(days=1),
        now=memory.now(),
    )
    return Tab(visitor, token_hash)


def sent(memory: Memory, **more: Any) -> Visitor:
    """Return a visitor whose lead was sent."""
    visitor = Visitor(memory, **more)
    visitor.sends()
    return visitor
