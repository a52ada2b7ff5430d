"""House rule 9, held by thousands of random conversations with the real engine, the real store and real sealing."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from intake.conversation import Stage
from intake.events import Corrected, Event, Picked, Said
from storage.records import TurnDone
from tests import promises
from tests.promise_machine import STEPS, TOGETHER, Promises
from tests.promised_store import PromisedStore, promised_store
from tests.random_visitors import Visitor, answer

SHARDS = 4  # tests, so that several cores share the work
PER_SHARD = settings().max_examples * 4 // 25  # ci: 32, and 4 × 32 × 16 = 2,048 conversations
OPEN = [Picked(f"command:{name}") for name in ("help", "correct", "delete", "withdraw", "language")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_promises_hold_in_random_conversations(shard: int, tmp_path: Path) -> None:
    """S5, S12, S17, S21, S24, S2: whatever visitors, the officer and time do, every promise of house rule 9 holds."""
    with promised_store(tmp_path) as holding:

        @seed(shard)
        class Shard(Promises):
            """The visitors of this shard."""

            store = holding

        held = settings(
            max_examples=PER_SHARD,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        run_state_machine_as_test(Shard, settings=held)

        print(dict(sorted(holding.tally.items())))
        assert holding.tally["conversations"] >= PER_SHARD * TOGETHER


def test_delete_works_at_every_stage(tmp_path: Path) -> None:
    """S24: from wherever a conversation stands, with or without a command open, "delete" erases everything."""
    with promised_store(tmp_path) as store:
        channels, dice, answers = ("web", "telegram"), (0, 1, 5), range(15)
        visitors = [_come(store, *far) for far in product(channels, dice, answers)]
        not_met = {*Stage} - {visitor.state.stage for visitor in visitors}
        assert not_met == {Stage.SEPARATE}  # no field of the shipped rules needs a consent of its own
        places = range(len(visitors))
        commands: list[Event] = [OPEN[(place + place // len(answers)) % len(OPEN)] for place in places]

        for asked in (commands, [Said("delete")] * len(visitors), [Picked("delete:all")] * len(visitors)):
            pairs = zip(visitors, asked, strict=True)
            turns = [visitor.turn(event, store.tick(), store.number()) for visitor, event in pairs]
            store.carry_out(visitors, turns)
        for visitor in visitors:
            store.storage.store.finish_erasure(visitor.erasure)

        promises.gone(store, visitors)


def test_a_repeat_is_not_answered_with_what_followed_elsewhere(tmp_path: Path) -> None:
    """What the desk said since about a correction outside the chat is no part of the answer to an earlier event."""
    with promised_store(tmp_path) as store:
        visitor = _come(store, "web", 2, 7)
        turn, first = visitor.sent[-1]
        corrected = visitor.turn(Corrected((("name", "Li Na"),)), store.tick(), store.number())
        store.carry_out([visitor], [corrected])

        (again,) = store.again([turn])

        assert isinstance(again, TurnDone)
        assert [message.seq for message in again.messages] == [message.seq for message in first.messages]


def _come(store: PromisedStore, channel: str, dice: int, answers: int) -> Visitor:
    """Return a visitor who has given so many answers; the dice choose among fitting ones."""
    number = store.number()
    visitor = Visitor(number, channel, "en", gpc=False, chat=number, rules=store.rules)
    store.carry_out([visitor], [visitor.opening(store.tick())])
    for _ in range(answers):
        said = answer(visitor, store.number(), dice)
        store.carry_out([visitor], [visitor.turn(said, store.tick(), store.number())])
    return visitor
