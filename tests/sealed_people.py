"""People of whom something stands in every sealed column: what tests of the whole database begin with."""

from __future__ import annotations

import os

from intake.events import AskedToForget, Visited
from storage import outbox
from storage.sales.staff import Staff
from tests.coded import remembered
from tests.remembering import Memory, Visitor

TOLD = (("browser", "Canary Browser"), ("pages", "/canary"))
CHAT = 470_011_223_344
CORRECTED = "+8613900000000"


def populate(memory: Memory) -> None:
    """Let six people consult, one of whom is being erased, and two are changing their address; add two colleagues, and
    tasks that outlive their person."""
    web = Visitor(memory)
    chat, going, other = (Visitor(memory, channel="telegram", chat=CHAT + number) for number in range(3))
    web.sends("news", "visit")
    for visitor in (chat, going, other):
        visitor.sends()
    web.does(Visited(TOLD))
    web.says("correct phone")
    web.says(CORRECTED)
    memory.run(memory.store.mark_delivered, going.conversation, 1, 77)
    going.does(AskedToForget("all"))
    for number in range(2):
        _changes_address(memory, f"li.next{number}@example.com")
    for address in ("sales@example.com", "privacy@example.com"):
        memory.run(colleagues(memory).add, address, "sales", memory.now())
    for recipient in ("crm", "mailbox"):
        memory.run(_enqueue, memory, recipient)


def _changes_address(memory: Memory, address: str) -> None:
    """Let somebody prove their address, and then give another: it waits for the code that went there."""
    visitor = Visitor(memory)
    visitor.sends()
    tab = remembered(visitor)
    tab.says("correct e-mail")
    tab.says(tab.code())
    tab.says(address)


def colleagues(memory: Memory) -> Staff:
    """Return the list of colleagues."""
    return Staff(memory.rooms.engine, memory.rooms.keyring, random=os.urandom)


def _enqueue(memory: Memory, recipient: str) -> None:
    bare = outbox.Task(
        id=os.urandom(16).hex(), kind="person.erased", subject="", at=memory.now(), recipient=recipient
    )
    task = outbox.lasting(memory.rooms.keyring, os.urandom, bare, {"reference": "AF-1"})
    with memory.rooms.engine.begin() as connection:
        outbox.enqueue(connection, [task])
