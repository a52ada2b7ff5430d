"""Erasure of a part, by the officer, on Telegram: what goes, what stays, who is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intake.events import AskedToForget, Picked, Said
from intake.outcomes import Heard, KeepField, RecordConsent, Step
from storage.errors import Conflict, NotFound, SubjectErased
from storage.outbox import Outbox
from storage.tables import (
    audit,
    chats,
    consents,
    conversations,
    disclosures,
    erasures,
    fields,
    index_rows,
    leads,
    messages,
    outbox,
    subjects,
)
from storage.turn import erasing
from tests.remembering import DETAILS, NEED, Memory, Visitor, done, keys_of

OWNED = (chats, consents, conversations, disclosures, fields, index_rows, leads, messages, subjects)


def test_deleting_a_consultation_leaves_the_rest(memory: Memory) -> None:
    """S23: its words, question and lead go; details, decisions and the conversation stay and go on."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)

    asked = visitor.deletes("lead")
    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    transcript = memory.run(memory.store.transcript, visitor.conversation, 0)
    words = [message.seq for message in transcript.messages if message.body is not None]
    assert words == list(range(asked.ack, asked.last + 1))
    assert memory.count(leads) == 0
    assert {row["name"] for row in memory.rooms.rows(fields)} == set(DETAILS)
    assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == [visitor.subject]
    assert certificate["recipients"] == ["crm"]
    assert {"what": "everything else", "why": "only this part was chosen"} in certificate["remaining"]
    assert visitor.says("And now?").ack == asked.last + 1
    assert memory.count(audit, action="erased", purpose="lead") == 1


def test_the_certificate_is_named_in_the_reply_and_in_its_repeat(memory: Memory) -> None:
    """Replies that speak of a certificate carry its id; a repeated pick begins no second erasure."""
    visitor = Visitor(memory)
    visitor.sends()
    visitor.says("delete")
    turn = visitor.turn(Picked("delete:lead"))

    first = done(memory.turns(turn)[0])
    memory.run(memory.store.finish_erasure, first.erasure)
    again = done(memory.turns(turn)[0])

    reply = first.messages[-1].body
    assert getattr(reply, "params", {})["certificate"] == first.erasure
    assert (again.erasure, again.scope, again.repeated) == (first.erasure, "lead", True)
    assert keys_of(again) == keys_of(first)
    assert memory.run(memory.store.finish_erasure, again.erasure)["scope"] == "lead"


def test_cancelling_takes_the_details_of_who_never_sent(memory: Memory) -> None:
    """Design, 6: words, question, details and look-ups go; a new consultation begins with new keys."""
    visitor = Visitor(memory)
    visitor.reviews()

    cancelled = visitor.picks("review:cancel")
    certificate = memory.run(memory.store.finish_erasure, cancelled.erasure)

    assert memory.rooms.rows(fields) == []
    assert memory.rooms.rows(index_rows) == []
    assert {"messages", "fields", "lookups", "keys"} == set(certificate["destroyed"])
    assert {row["profile"] for row in memory.rooms.rows(subjects)} == {2}
    assert visitor.says("Hello again").ack == cancelled.last + 1


def test_recipients_are_told_what_to_erase(memory: Memory) -> None:
    """L8: one lasting task for each recipient and lead; it opens after the person is gone."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    visitor.was_told_to("crm", reference)
    asked = visitor.deletes("all")
    memory.run(memory.store.finish_erasure, asked.erasure)
    box = Outbox(memory.rooms.engine, memory.rooms.keyring)

    tasks = [task for task in memory.run(box.claim, memory.now()) if task.kind == "person.erased"]

    assert [task.recipient for task in tasks] == ["crm"]
    assert memory.run(box.carried, tasks[0]) == {"reference": reference, "scope": "all"}
    assert memory.count(outbox, kind="lead.created") == 0


def test_the_chat_is_emptied_where_telegram_still_allows(memory: Memory) -> None:
    """Messages of the last 48 hours are listed with the chat, in a task of its own, which knows of older ones."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.opens()
    visitor.says(NEED, channel_ref=31)
    memory.later(hours=47)
    visitor.says("hm", channel_ref=32)
    memory.run(memory.store.mark_delivered, visitor.conversation, 1, 30)
    memory.later(hours=2)

    asked = visitor.deletes("all")
    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    box = Outbox(memory.rooms.engine, memory.rooms.keyring)
    task = memory.run(box.claim, memory.now())[0]
    assert task.kind == "telegram.erase"
    assert memory.run(box.carried, task) == {
        "chat": 4711,
        "messages": [32],
        "older": True,
        "certificate": asked.erasure,
        "locale": "en",
    }
    assert memory.run(memory.store.telegram_conversation, 4711) is None
    assert "Telegram chat" in certificate["destroyed"]


def test_a_part_empties_only_its_messages_in_the_chat(memory: Memory) -> None:
    """On Telegram, deleting the consultation lists its own messages."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.asks()
    visitor.picks("consent:agree")
    visitor.says("hm", channel_ref=33)

    asked = visitor.deletes("lead")
    memory.run(memory.store.finish_erasure, asked.erasure)
    visitor.says("hm", channel_ref=44)

    box = Outbox(memory.rooms.engine, memory.rooms.keyring)
    assert memory.run(box.carried, memory.run(box.claim, memory.now())[0])["messages"] == [33]
    assert memory.run(memory.store.telegram_conversation, 4711) == visitor.conversation


def test_what_went_with_a_part_is_not_said_to_stay(memory: Memory) -> None:
    """Days later everything is erased: the chat shows nothing older than what is listed then."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.asks()
    visitor.picks("consent:agree")
    visitor.says("hm", channel_ref=33)
    part = visitor.deletes("lead")
    memory.run(memory.store.finish_erasure, part.erasure)
    box = Outbox(memory.rooms.engine, memory.rooms.keyring)
    first = memory.run(box.claim, memory.now())[0]
    memory.run(box.done, first)
    memory.later(hours=72)
    visitor.says("hm", channel_ref=44)

    visitor.deletes("all")
    carried = _chat_erased(memory)

    assert (carried["messages"], carried["older"]) == ([44], False)


def _chat_erased(memory: Memory) -> Any:
    """Finish what was begun; return what its task carries."""
    for begun in memory.run(memory.store.unfinished_erasures):
        memory.run(memory.store.finish_erasure, begun)
    box = Outbox(memory.rooms.engine, memory.rooms.keyring)
    return memory.run(box.carried, memory.run(box.claim, memory.now())[0])


def test_a_visit_record_goes_alone(memory: Memory) -> None:
    """S23: `visit` takes the visit record, and the conversation knows; its Telegram chat is untouched."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.asks()
    visitor.picks("consent:agree")
    item = next(iter(memory.rules.visit))
    memory.run(_keep_visit, visitor, item)

    asked = visitor.does(AskedToForget("visit"))
    certificate = memory.run(memory.store.finish_erasure, asked.erasure)

    state = memory.run(memory.store.transcript, visitor.conversation, 0).state
    assert certificate["destroyed"] == ["visit", "keys"]
    assert (state.visit, item in state.kept) == (False, False)
    assert memory.count(outbox, kind="telegram.erase") == 0
    assert memory.count(fields, name="need") == 1


def _keep_visit(visitor: Visitor, item: str) -> None:
    agree = RecordConsent(
        decisions=(("visit", True),), policy="2026-11", notice_sha256="", locale="en", method="card"
    )
    turn = visitor.turn(Said("hm"))
    effects = (agree, KeepField(name=item, value="Canary OS"))

    def decide(turn: Any, state: Any) -> Any:
        kept = (*state.kept, item)
        return Step(state=replace(state, visit=True, kept=kept), heard=Heard(text="hm"), effects=effects)

    assert not isinstance(visitor.memory.store.turns([turn], decide)[0], Exception)


def test_an_officer_erases_a_person(memory: Memory) -> None:
    """S24 by the officer's hand: the audit has the reason, finished like any other."""
    visitor = Visitor(memory)
    visitor.sends()

    begun = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="letter 7/2026")
    memory.run(memory.store.finish_erasure, begun)

    assert memory.count(subjects) == 0
    assert memory.count(audit, action="erased", actor="officer", purpose="all,letter 7/2026") == 1
    with pytest.raises(NotFound):
        memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="again")


@pytest.mark.parametrize("reason", ["letter 7/2026", "retention"])
def test_the_officer_empties_the_chat_for_whatever_reason(memory: Memory, reason: str) -> None:
    """S24: what the desk lets go when its time is over stays in the chat; what the officer erases goes there too."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.opens()
    visitor.says(NEED, channel_ref=31)

    memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason=reason)

    assert _chat_erased(memory)["messages"] == [31]


def test_a_part_is_not_begun_for_somebody_who_is_gone(memory: Memory) -> None:
    """The sweep that comes too late raises Conflict, and goes on with the next."""
    visitor = Visitor(memory)
    visitor.opens()
    scope = f"s1.{visitor.conversation}"
    visitor.does(AskedToForget("all"))

    def begin(subject: str) -> None:
        with memory.rooms.engine.begin() as connection:
            erasing.begin_due(memory.store._means, connection, subject, "draft", (scope,), memory.now())

    with pytest.raises(SubjectErased):
        memory.run(begin, visitor.subject)
    with pytest.raises(Conflict):
        memory.run(begin, "0" * 32)
    assert memory.count(erasures) == 1
