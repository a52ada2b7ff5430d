"""Somebody at the door of the store, and the worker behind it."""

from __future__ import annotations

from typing import Any

from storage.outbox import Outbox
from storage.people.doors import Confirmation
from tests.remembering import DETAILS, Memory, Visitor

EMAIL = DETAILS["email"]


class Door:
    """Somebody at the door, and the worker behind it."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.outbox = memory, Outbox(memory.rooms.engine, memory.rooms.keyring)

    def asks(self, address: str = EMAIL) -> str:
        """Ask for a code; return the challenge."""
        store = self.memory.store
        challenge: str = self.memory.run(store.ask_code, "email", address, "en", self.memory.now())
        return challenge

    def mailed(self) -> list[tuple[str, str]]:
        """Carry every task as the worker does; return (address, code) of each mail that went out."""
        mails = []
        for task in self.memory.run(self.outbox.claim, self.memory.now()):
            carried = self.memory.run(self.outbox.carried, task)
            to = self.memory.run(self.memory.store.code_receiver, carried, self.memory.now())
            mails += [(to, carried["code"])] if to else []
            self.memory.run(self.outbox.done, task)
        return mails

    def enters(self, challenge: str, code: str, session: Any = None) -> Confirmation:
        """Enter a code."""
        entered: Confirmation = self.memory.run(
            self.memory.store.confirm_code, challenge, code, self.memory.now(), session
        )
        return entered

    def comes_in(self, address: str = EMAIL) -> Confirmation:
        """Ask for a code, read the mail, enter it."""
        challenge = self.asks(address)
        ((_, code),) = self.mailed()
        return self.enters(challenge, code)


def session_of(visitor: Visitor) -> Any:
    """Return the session of a visitor's page."""
    return visitor.memory.run(visitor.memory.store.session, visitor.token_hash, visitor.memory.now())


def with_email(memory: Memory, address: str) -> Visitor:
    """Return a visitor who gave this address."""
    visitor = Visitor(memory)
    visitor.consents()
    visitor.picks("whose:own")
    for value in ("Li Canary", "Example Valves Ltd", "+86 138 0000 0000", address):
        visitor.says(value)
    return visitor
