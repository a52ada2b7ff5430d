"""After the data was lost: what keys open comes back, the rest is blank, and everybody can go on to a sent lead."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from intake.conversation import Stage
from intake.events import AskedToForget, Corrected, Visited
from storage.keys.rows import discard
from storage.records import TurnDone
from storage.tables import chats, consents, fields, index_rows
from tests.envelopes import envelopes
from tests.premises import Premises
from tests.remembering import DETAILS, NEED, Memory, Visitor

NEW_PHONE = Corrected((("phone", "+8613900000001"),))
VISIT = (("pages", "/canary/1"), ("browser", "Canary 1"))


def all_open(memory: Memory) -> int:
    """Open every envelope that there is; return how many there were."""

    def look() -> int:
        with memory.rooms.engine.begin() as connection:
            return len([one.opened(memory.rooms.keyring) for one in envelopes(connection)])

    opened: int = memory.run(look)
    return opened


def sends_again(visitor: Visitor) -> None:
    """Begin a new consultation, unless one is open, and send it; nothing on the way may fail."""
    last = visitor.says("new")
    for _ in range(20):
        if last.state.stage is Stage.SENT:
            return
        last = _answers(visitor, last)
    raise AssertionError(last.state)


def _answers(visitor: Visitor, last: TurnDone) -> TurnDone:
    picks = {
        Stage.TOPIC: "topic:gateway",
        Stage.FOLLOWUP: "followup:yes",
        Stage.ABROAD: "abroad:agree",
        Stage.CONSENT: "consent:agree",
        Stage.WHOSE: "whose:own",
        Stage.REVIEW: "review:send",
    }
    if last.state.stage is Stage.NEED:
        return visitor.says(NEED)
    if last.state.stage is Stage.FIELD and last.state.field in DETAILS:
        return visitor.says(DETAILS[last.state.field])
    return visitor.picks(picks.get(last.state.stage, "field:skip"))


def values_of(memory: Memory, visitor: Visitor) -> dict[str, str]:
    """Return a person's values; of several questions the one in use."""
    record = memory.run(memory.store.record, visitor.subject, purpose="own_view")
    return {one.name: one.value for one in record.fields if not one.name.startswith("need:")}


# What happened before the backup, and after it; then which values open, in which stage the talk is, and whether the
# person has lost something.
Lived = tuple[Callable[[Visitor], object], Callable[[Visitor], object], set[str], Stage, bool]
ALL = {"need", *DETAILS}
LIVES: dict[str, Lived] = {
    "nothing happened since": (Visitor.sends, lambda one: None, ALL, Stage.SENT, False),
    "details were corrected": (Visitor.sends, lambda one: one.does(NEW_PHONE), {"need"}, Stage.SENT, True),
    "details were corrected amid a consultation": (
        Visitor.reviews,
        lambda one: one.does(NEW_PHONE),
        {"need"},
        Stage.REVIEW,
        True,
    ),
    "the question was corrected": (
        Visitor.sends,
        lambda one: one.does(Corrected((("need", "Another question?"),))),
        {*DETAILS},
        Stage.SENT,
        True,
    ),
    "a talk became a consultation": (
        Visitor.asks,
        lambda one: one.picks("consent:agree"),
        set(),
        Stage.ENDED,
        True,
    ),
    "a talk ended with a refusal": (
        Visitor.asks,
        lambda one: one.picks("consent:refuse"),
        set(),
        Stage.ENDED,
        True,
    ),
    "a talk went on": (Visitor.asks, lambda one: one.says("hm"), {"need"}, Stage.CONSENT, False),
    "the consultation was erased": (
        Visitor.sends,
        lambda one: one.does(AskedToForget("lead")),
        {*DETAILS},
        Stage.ENDED,
        True,
    ),
    "the draft was erased": (
        Visitor.reviews,
        lambda one: one.picks("review:cancel"),
        set(),
        Stage.ENDED,
        True,
    ),
    "another consultation was begun": (
        Visitor.sends,
        lambda one: (one.says("new"), one.picks("topic:gateway"), one.says("A second question?")),
        ALL,
        Stage.SENT,
        False,
    ),
    "another consultation was begun and erased": (
        Visitor.sends,
        lambda one: (
            one.says("new"),
            one.picks("topic:gateway"),
            one.says("Again?"),
            one.does(AskedToForget("lead")),
        ),
        ALL,
        Stage.SENT,
        False,
    ),
    "a talk was left for another, which was refused": (
        lambda one: (one.opens(), one.says(NEED), one.picks("followup:no")),
        lambda one: (
            one.says("new"),
            one.picks("topic:gateway"),
            one.says("Again?"),
            one.picks("followup:yes"),
            one.picks("consent:refuse"),
        ),
        {"need"},
        Stage.ENDED,
        False,
    ),
}


@pytest.mark.parametrize(
    ("database_kind", "channel"),
    [("sqlite", "web"), ("postgresql", "telegram")],
    indirect=["database_kind"],
)
def test_whatever_happened_since_people_go_on(premises: Premises, channel: str) -> None:
    """Every value that is left opens, none that cannot be opened is left, and each person sends another lead."""
    people: dict[str, Visitor] = {}
    with premises.memory() as memory:
        for number, (what, (before, *_)) in enumerate(LIVES.items(), 1):
            people[what] = Visitor(
                memory, channel=channel, chat=4711 * number if channel == "telegram" else 0
            )
            before(people[what])
    folder = premises.back_up()
    with premises.memory() as memory:
        for what, visitor in people.items():
            visitor.memory = memory
            LIVES[what][1](visitor)
        for erasure in memory.run(memory.store.unfinished_erasures):
            memory.run(memory.store.finish_erasure, erasure)
    premises.lose_data()

    done = premises.restore(folder)

    lost = [life[4] for life in LIVES.values()]
    assert (done.people, done.erased, done.mended) == (len(LIVES), 0, sum(lost))
    with premises.memory() as memory:
        assert all_open(memory)
        for what, visitor in people.items():
            visitor.memory = memory
            _is_as_expected(memory, visitor, what)
            sends_again(visitor)
            assert set(values_of(memory, visitor)) == ALL, what
        assert all_open(memory)
        memory.run(memory.store.sweep, memory.now())
        assert all_open(memory)


def _is_as_expected(memory: Memory, visitor: Visitor, what: str) -> None:
    _, _, values, stage, _ = LIVES[what]
    assert set(values_of(memory, visitor)) == values, what
    shown = memory.run(memory.store.transcript, visitor.conversation, 0)
    assert shown.state.stage is stage, what
    assert set(shown.state.kept) == values, what
    assert set(shown.state.agreed) <= {row["purpose"] for row in memory.rooms.rows(consents)}
    found = memory.run(memory.store.find, "phone", DETAILS["phone"])
    assert (visitor.subject in found) == ("phone" in values), what
    if visitor.chat:
        assert memory.run(memory.store.telegram_conversation, visitor.chat) == visitor.conversation


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_visit_record_that_is_lost_is_taken_anew(premises: Premises) -> None:
    """S23: told anew, or erased since: the old items are gone, the rest is there."""
    with premises.memory() as memory:
        told, erased = Visitor(memory), Visitor(memory)
        for visitor in (told, erased):
            visitor.sends("visit")
            visitor.does(Visited(VISIT))
    folder = premises.back_up()
    with premises.memory() as memory:
        told.memory = erased.memory = memory
        told.does(Visited((("pages", "/canary/2"),)))
        memory.run(memory.store.finish_erasure, erased.does(AskedToForget("visit")).erasure)
    premises.lose_data()

    assert premises.restore(folder).mended == 2

    with premises.memory() as memory:
        for visitor in (told, erased):
            visitor.memory = memory
            assert set(values_of(memory, visitor)) == ALL
            assert not memory.run(memory.store.transcript, visitor.conversation, 0).state.visit
            assert visitor.does(Visited(VISIT)).state.visit
            assert set(values_of(memory, visitor)) == {*ALL, "pages", "browser"}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_has_no_evidence_or_no_chat_any_more_goes(premises: Premises) -> None:
    """A keyring that lacks keys without saying why: no decision stands without its evidence, no chat without its id."""
    with premises.memory() as memory:
        visitor = Visitor(memory, channel="telegram", chat=4711)
        visitor.sends()
    folder = premises.back_up()
    with premises.storage() as storage:
        names = [(visitor.subject, scope, 1) for scope in ("consents", "chat")]
        storage.thread.submit(_discard, storage.keyring_engine, names).result()
    premises.lose_data()

    assert premises.restore(folder).mended == 1

    with premises.memory() as memory:
        visitor.memory = memory
        assert all_open(memory)
        assert [len(memory.rooms.rows(table)) for table in (consents, chats)] == [0, 0]
        assert memory.count(index_rows, field="telegram_chat") == 0
        assert visitor.says("hm").state.stage is Stage.ENDED


def _discard(engine: sa.Engine, names: list[tuple[str, str, int]]) -> None:
    with engine.begin() as connection:
        discard(connection, names)


def _change(engine: sa.Engine, statement: sa.Executable) -> None:
    with engine.begin() as connection:
        connection.execute(statement)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_numbers_that_were_used_are_not_used_again(premises: Premises) -> None:
    """Restored twice from the same backup, with a correction after each: no key's name comes a second time."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
    folder = premises.back_up()
    used: list[set[str]] = []
    for _ in range(3):
        with premises.memory() as memory:
            visitor.memory = memory
            sends_again(visitor)
            visitor.does(NEW_PHONE)
            names = {str(row["scope"]) for row in memory.rooms.rows(fields)}
            used.append(names)
        premises.data_url = premises.databases(f"again{len(used)}")
        premises.restore(folder)

    details = [{name for name in names if name.startswith("profile.")} for names in used]
    assert len(set.union(*details)) == 3
