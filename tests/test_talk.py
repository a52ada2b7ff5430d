"""What a colleague may read of a chat: the words since the consent, while it lives."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillWaiting
from typing import Any

import pytest

from intake.events import AskedToWithdraw, ColleagueSaid, Corrected
from storage.errors import ConsentRequired
from tests.remembering import DETAILS, Memory, Visitor

LATER = "Is it urgent? canary-later"


def _read(memory: Memory, visitor: Visitor, **more: bool) -> str:
    """Return what a colleague reads, as one text."""
    read: Any = memory.run(memory.store.transcript, visitor.conversation, 0, own_view=False, **more)
    assert bool(read.values) == bool(more)
    return " ".join(getattr(one.body, "text", "") for one in read.messages)


def test_words_after_sending_reach_who_answers(memory: Memory) -> None:
    """The chat says that the colleague who answers will see them; the colleague's own replies are there too."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says(LATER)
    visitor.does(ColleagueSaid("We will call.", name="Wang"))

    read = _read(memory, visitor)

    assert LATER in read
    assert "We will call." in read


@pytest.mark.parametrize("consents", [False, True])
def test_nobody_reads_without_a_live_consent(memory: Memory, consents: bool) -> None:
    """L3: neither before it nor after it was withdrawn; whoever reads for the person does."""
    visitor = Visitor(memory)
    if consents:
        visitor.sends()
        visitor.does(AskedToWithdraw(("contact",)))
    else:
        visitor.asks()

    with pytest.raises(ConsentRequired):
        _read(memory, visitor)
    assert _read(memory, visitor, officer=True)


def test_nobody_is_corrected_while_they_are_read(memory: Memory, second: Memory) -> None:
    """A turn moves values and destroys their keys: one of another process waits until what was read is opened."""
    visitor = Visitor(memory)
    visitor.sends()
    memory.later(minutes=2)  # no key is at hand any more
    corrected = visitor.turn(Corrected((("phone", "+86 139 0000 0000"),)))
    waiting: list[Future[Any]] = []

    def elsewhere() -> None:
        waiting.append(second.rooms.thread.submit(second.store.turns, [corrected], second.engine))
        with pytest.raises(StillWaiting):
            waiting[0].result(0.3)  # seconds; alone it takes a few milliseconds

    memory.rooms.clock.meanwhile = [elsewhere]
    read = memory.run(memory.store.transcript, visitor.conversation, 0)

    assert read.values["phone"] == DETAILS["phone"]
    assert waiting[0].result(30)
