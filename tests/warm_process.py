"""A process of the desk beside the tests' own: it opens what it is asked for, a line a question, and keeps its cache.

`python -m tests.warm_process DATA KEYRING KEK` reads {"do": name, "of": {…}} and answers what it got, or the fault.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.load import load
from intake.conversation import Conversation
from intake.engine import step
from intake.events import ColleagueSaid, Event, Said
from intake.outcomes import Step
from storage.keys.sealing import Place
from storage.records import Turn, TurnFailed
from storage.storage import Storage
from tests.envelopes import Envelope

CONFIG = Path(__file__).parent.parent / "config"
Of = Mapping[str, Any]


def turn(storage: Storage, of: Of, event: Event) -> bool:
    """Carry out a turn of a conversation. Raises what made it fail."""

    def decide(one: Turn, state: Conversation) -> Step:
        return step(state, one.event, one.at, load(CONFIG).rules)

    asked = Turn(conversation=of["conversation"], event=event, at=datetime.now(UTC))
    [result] = storage.store.turns([asked], decide)
    if isinstance(result, TurnFailed):
        raise result.error
    return bool(result.messages)


def kept(storage: Storage, of: Of) -> str:
    """Open an envelope that somebody had kept, under a key that this process may have in memory."""
    envelope = Envelope(of["subject"], of["scope"], Place(*of["place"]), bytes.fromhex(of["sealed"]))
    return envelope.opened(storage.keyring, fresh=False).decode()


def opened(storage: Storage, of: Of) -> Any:
    """Open a value for a colleague."""
    given = {"purpose": "call_back", "actor": "staff:7"}
    return dict(storage.store.open_fields(of["subject"], ["phone"], **given))


READINGS: Mapping[str, Callable[[Storage, Of], Any]] = {  # what must fail for whoever is being erased
    "transcript": lambda storage, of: len(storage.store.transcript(of["conversation"], 0).messages),
    "words": lambda storage, of: len(
        storage.store.transcript(of["conversation"], 0, own_view=False, officer=True).messages
    ),
    "turn": lambda storage, of: turn(storage, of, Said("and one more thing")),
    "open_fields": opened,
    "record": lambda storage, of: len(storage.store.record(of["subject"], purpose="own_view").fields),
    "receipts": lambda storage, of: len(storage.store.receipts(of["subject"])),
    "reply": lambda storage, of: turn(storage, of, ColleagueSaid("We will call.", name="Wang")),
    "lead": lambda storage, of: dict(
        storage.leads.open_lead(of["reference"], "call_back", ["email"], "staff:7").values
    ),
}
FINDINGS: Mapping[str, Callable[[Storage, Of], Any]] = {  # what must come back empty
    "find": lambda storage, of: storage.store.find("phone", of["phone"]),
    "search": lambda storage, of: [one.reference for one in storage.leads.search(of["phone"], "command")],
    "export": lambda storage, of: [
        dict(one.values) for one in storage.leads.export("contact", None, "command", datetime.now(UTC))
    ],
}
CALLS = {**READINGS, **FINDINGS, "kept": kept}


def main(data: str, keyring: str, kek: str) -> None:
    """Answer until nothing more is asked."""
    storage = Storage.open(data, keyring, kek, load(CONFIG).rules)
    try:
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                answer = {"got": storage.thread.submit(CALLS[asked["do"]], storage, asked["of"]).result()}
            except Exception as fault:  # the test looks at what it is
                answer = {"fault": type(fault).__name__}
            print(json.dumps(answer), flush=True)
    finally:
        storage.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
