"""What a colleague may read of a chat: the words since the consent, while it lives."""

from __future__ import annotations

from typing import Any

import pytest

from intake.events import AskedToWithdraw, ColleagueSaid
from storage.errors import ConsentRequired
from tests.remembering import Memory, Visitor

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
