"""The promises of the house about a person's rows: while they live, when they are gone, and about keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from intake.asking import open_question
from intake.conversation import Aside, Stage
from intake.events import Picked
from storage import codec, tables
from storage.errors import NotFound, SubjectErased
from storage.records import TurnFailed
from tests.canaries import FORBIDDEN, written
from tests.envelopes import SEALED
from tests.promised_store import PromisedStore
from tests.random_visitors import Visitor

LOOKED_AT = ("subjects", "conversations", "messages", "fields", "outbox", "disclosures", "index_rows")
STAYS = ("sessions", "audit")  # after an erasure: the stub that answers 410, and that it was done
Rows = Mapping[str, list[Any]]


def kept(store: PromisedStore, visitors: Sequence[Visitor], seen: set[bytes]) -> None:
    """Check what stands in the database of living people. `seen`: envelopes that need not be opened again."""
    people = [visitor.subject for visitor in visitors]
    found = {name: store.rows(name, people) for name in LOOKED_AT}
    for visitor in visitors:
        mine = {name: [row for row in rows if row.subject == visitor.subject] for name, rows in found.items()}
        _numbers_have_no_gaps(visitor, mine)
        _nothing_before_consent(visitor, mine, _opened(store, mine, seen))
        _no_answer_in_what_waits(visitor, mine)
        _can_go_on(store, visitor, mine)


def _numbers_have_no_gaps(visitor: Visitor, mine: Rows) -> None:
    (talk,) = mine["conversations"]
    assert sorted(row.seq for row in mine["messages"]) == list(range(1, talk.last_seq + 1))
    assert talk.last_seq == visitor.last


def _opened(store: PromisedStore, mine: Rows, seen: set[bytes]) -> str:
    opened: list[bytes] = []
    for name, column in SEALED:
        for row in mine.get(name, ()):
            sealed = getattr(row, column)
            if sealed and sealed not in seen and column != "sealed_digest":
                seen.add(sealed)
                opened.append(store.opened(name, column, row))
    return b"\n".join(opened).decode()


def _nothing_before_consent(visitor: Visitor, mine: Rows, opened: str) -> None:
    for value in (*visitor.unasked, *FORBIDDEN):
        assert not any(way in opened for way in written(value)), "kept without consent"
    if not visitor.consented:
        assert {row.name for row in mine["fields"]} <= {"need"}
        assert {row.field for row in mine["index_rows"]} <= {"telegram_chat"}
        assert mine["subjects"][0].kind == "visitor"  # S2


def _no_answer_in_what_waits(visitor: Visitor, mine: Rows) -> None:
    noted = repr((mine["outbox"], mine["disclosures"]))
    assert not any(way in noted for value in visitor.typed for way in written(value)), "an answer in a notice"


def _can_go_on(store: PromisedStore, visitor: Visitor, mine: Rows) -> None:
    (talk,) = mine["conversations"]
    assert store.stored_state(talk) == visitor.state
    wanted = open_question(visitor.state, store.rules).expects
    spoken = max((row for row in mine["messages"] if row.sender == "bot"), key=lambda row: row.seq)
    if spoken.sealed_body is None:  # erased by somebody else: then nothing is open any more
        assert (visitor.state.stage, visitor.state.aside) == (Stage.ENDED, Aside.NONE)
    else:
        assert codec.decode_reply(store.opened("messages", "sealed_body", spoken)).expects == wanted
    free = visitor.state.stage in (Stage.SENT, Stage.ENDED) and not visitor.state.aside
    assert free or wanted.options or wanted.kind in ("text", "tel", "email")


def blocked(store: PromisedStore, visitors: Sequence[Visitor]) -> None:
    """Check that of whom an erasure was begun nobody reads or writes any more, finished or not."""
    turns = [visitor.turn(Picked("command:view"), store.tick(), store.number()) for visitor in visitors]
    results = store.storage.store.turns(turns, store.decide)
    stubs = {row.subject for row in store.rows("sessions", [visitor.subject for visitor in visitors])}
    for visitor, failed in zip(visitors, results, strict=True):
        known = visitor.subject in stubs or not visitor.gone
        assert isinstance(failed, TurnFailed)
        assert isinstance(failed.error, SubjectErased if known else NotFound)
        with pytest.raises(SubjectErased if known else NotFound):
            store.storage.store.transcript(visitor.conversation, 0)


def gone(store: PromisedStore, visitors: Sequence[Visitor]) -> None:
    """Check that nothing of erased people is left that anybody could open, all databases in hand."""
    people = [visitor.subject for visitor in visitors]
    for visitor in visitors:
        visitor.gone = True
        store.tally["gone"] += 1
        _finds_nobody(store, visitor)
    blocked(store, visitors)
    for table in tables.metadata.tables.values():
        if "subject" in table.c and table.name not in STAYS:
            assert not store.rows(table.name, people), table.name
    assert not store.keys("scope_keys", people)
    assert {row.subject for row in store.keys("tombstones", people) if row.scope == "*"} == set(people)


def _finds_nobody(store: PromisedStore, visitor: Visitor) -> None:
    if visitor.channel == "telegram":
        assert store.storage.store.telegram_conversation(visitor.chat) is None
        return
    session = store.storage.store.session(visitor.token_hash, store.now)
    assert session is None or session.erased


def keys_have_data(store: PromisedStore, visitors: Sequence[Visitor]) -> None:
    """Check, when a sweep is through, that no key outlived what it opened."""
    people = [visitor.subject for visitor in visitors]
    used = {
        (row.subject, row.scope)
        for name in ("conversations", "leads", "fields", "messages")
        for row in store.rows(name, people)
        if name != "messages" or row.sealed_body is not None
    }
    for row in store.rows("subjects", people):
        mine = ("consents", "chat", f"profile.{row.profile}", f"visit.{row.visit}")
        used |= {(row.subject, scope) for scope in mine}
    assert {(row.subject, row.scope) for row in store.keys("scope_keys", people)} <= used
