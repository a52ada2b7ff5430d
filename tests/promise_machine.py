"""The state machine of the promises: what happens to several visitors, while the promises hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from intake.conversation import Conversation
from intake.events import ColleagueSaid, Event, Picked, Said
from intake.outcomes import Heard, KeepField, Step
from storage.errors import ConsentRequired
from storage.records import Message, Turn, TurnDone, TurnFailed
from tests import promises
from tests.canaries import written
from tests.promised_store import PromisedStore
from tests.random_visitors import MOVES, Visitor, answer
from tests.talk import NOON

TOGETHER = 16  # visitors who talk at the same time in one example
STEPS = 9  # after as many answers as each visitor has given already
FAR = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 14, 14, 16)  # answers; 13 or 14 reach the sent lead

WHO = st.integers(0, TOGETHER - 1)
DICE = st.integers(0, 255)
EVERYBODY = st.tuples(*[DICE] * TOGETHER)
NEWCOMER = st.tuples(
    st.sampled_from(("web", "telegram")), st.sampled_from(("en", "zh-CN")), st.sampled_from(FAR), DICE
)
NEWCOMERS = st.tuples(*[NEWCOMER] * TOGETHER)
# What a sweep meets: nothing due, orphan keys, drafts and sessions, leads, leads with longer keeping.
LATER = st.sampled_from([timedelta(hours=hours) for hours in (0.03, 0.03, 3, 3, 25, 24 * 181, 24 * 731)])


class Promises(RuleBasedStateMachine):
    """Several visitors who do anything, and a desk that keeps its promises. Subclass it with a `store`."""

    store: ClassVar[PromisedStore]

    def __init__(self) -> None:
        """Begin at noon, with nobody there."""
        super().__init__()
        self.store.clock.now = NOON
        self.visitors: list[Visitor] = []
        self.seen: set[bytes] = set()

    @property
    def living(self) -> list[Visitor]:
        """Everybody whose erasure was not begun."""
        return [visitor for visitor in self.visitors if not visitor.erasure and not visitor.gone]

    @initialize(newcomers=NEWCOMERS)
    def visitors_come(self, newcomers: Sequence[tuple[str, str, int, int]]) -> None:
        """Everybody opens the chat, and some have come far already."""
        for place, (channel, locale, _, dice) in enumerate(newcomers):
            self.visitors.append(self._newcomer(place, channel, locale, gpc=dice % 8 == 1))
        self._open(self.visitors)
        for round_ in range(max(FAR)):
            coming = [
                (v, dice)
                for v, (_, _, far, dice) in zip(self.visitors, newcomers, strict=True)
                if far > round_
            ]
            self._do(
                [(visitor, answer(visitor, self.store.number(), dice + round_)) for visitor, dice in coming]
            )

    @rule(dice=EVERYBODY)
    def everybody_goes_on(self, dice: Sequence[int]) -> None:
        """Three times, everybody does what they are asked for."""
        for more in range(3):
            self._do([(v, answer(v, self.store.number(), die + more)) for v, die in self._drawn(dice)])

    @rule(moves=EVERYBODY, dice=EVERYBODY)
    def everybody_does_something(self, moves: Sequence[int], dice: Sequence[int]) -> None:
        """One group of turns; who was erased begins anew."""
        self._open([self._begin_anew(place) for place, visitor in enumerate(self.visitors) if visitor.gone])
        drawn = zip(self._drawn(moves), self._drawn(dice), strict=True)
        self._do(
            [(v, MOVES[move % len(MOVES)](v, self.store.number(), die)) for (v, move), (_, die) in drawn]
        )
        self._erased([visitor for visitor in self.visitors if visitor.erasure], at_once=dice[0] % 2 == 0)

    @rule(dice=EVERYBODY)
    def events_come_again(self, dice: Sequence[int]) -> None:
        """What was sent once is sent twice more in one group: the same answer, and nothing changes."""
        drawn = [visitor.sent[die % len(visitor.sent)] for visitor, die in self._drawn(dice) if visitor.sent]
        twice = self.store.again([turn for turn, _ in drawn for _ in range(2)])
        for (_, done), *again in zip(drawn, twice[::2], twice[1::2], strict=True):
            for answered in again:
                assert isinstance(answered, TurnDone), answered
                _same_answer(done, answered)
        others = self.store.again(
            [replace(turn, event=Said("x"), digest=b"another meaning.") for turn, _ in drawn]
        )
        for other in others:
            assert isinstance(other, TurnDone)
            # where what would tell the old answer is gone
            assert other.refused == "id_reused" or other.repeated
        self.store.tally["repeats"] += 3 * len(drawn)

    @rule(dice=EVERYBODY)
    def a_step_goes_wrong(self, dice: Sequence[int]) -> None:
        """A field without consent, or a fault of the engine: that turn fails alone and keeps nothing (S5)."""
        bare = [v for v in self.living if "contact" not in v.state.agreed]
        rogues = {v.conversation: die for v, die in zip(bare, dice, strict=False)}
        before = {v.conversation: v.last for v in self.living}

        def decide(turn: Turn, state: Conversation) -> Step:
            if turn.conversation not in rogues:
                return self.store.decide(turn, state)
            if rogues[turn.conversation] % 2:
                raise ZeroDivisionError
            kept = KeepField(name="phone", value="+8613800009999")
            return Step(state=state, heard=Heard(answered="phone"), effects=(kept,))

        others = [v for v in self.living if v.conversation not in rogues]
        everyone = [*bare, *others]
        turns = [v.turn(Picked("command:help"), self.store.tick(), self.store.number()) for v in everyone]
        results = self.store.storage.store.turns(turns, decide)
        for visitor, done in zip(everyone, results, strict=True):
            if visitor.conversation in rogues:
                wanted = ZeroDivisionError if rogues[visitor.conversation] % 2 else ConsentRequired
                assert isinstance(done, TurnFailed)
                assert isinstance(done.error, wanted)
                self.store.tally["failed alone"] += 1
            else:
                assert isinstance(done, TurnDone)
                assert done.last > before[visitor.conversation]
                visitor.state, visitor.last = done.state, done.last

    @rule(who=WHO, dice=DICE)
    def somebody_deletes_everything(self, who: int, dice: int) -> None:
        """At whatever stage: "delete" is understood, offers everything, and everything goes (S24)."""
        if self.visitors[who] in self.living:
            self._delete([self.visitors[who]], dice)

    @rule(who=WHO)
    def a_colleague_answers(self, who: int) -> None:
        """A colleague writes into the chat of whoever agrees to be contacted, and into no other (L3)."""
        visitor, said = self.visitors[who], ColleagueSaid("We call you.", "Colleague")
        if visitor in self.living and "contact" in visitor.state.agreed:
            self._do([(visitor, said)])
        elif visitor in self.living:
            [done] = self.store.again([visitor.turn(said, self.store.tick(), self.store.number())])
            assert isinstance(done, TurnFailed)
            assert isinstance(done.error, ConsentRequired)

    @rule(later=LATER)
    def time_passes(self, later: timedelta) -> None:
        """The worker sweeps; who was kept long enough is gone, erasures that were begun are finished (S12)."""
        self.store.clock.now += later
        self.store.storage.store.sweep(self.store.now)
        assert not self.store.storage.store.unfinished_erasures()
        self._look_again([visitor for visitor in self.visitors if not visitor.gone])
        if later > timedelta(hours=1):
            promises.keys_have_data(self.store, self.visitors)

    @rule()
    def leads_are_delivered(self) -> None:
        """The worker carries what waits: mails hold no value, others only what their entry allows (S16)."""
        parts = self.store.storage
        for task in parts.outbox.claim(self.store.tick(), 50):
            recipient = self.store.rules.recipients.get(task.recipient)
            parcel = parts.parcels.parcel(task, recipient, self.store.now) if recipient else None
            if recipient and parcel:
                assert set(parcel.fields) <= (set() if recipient.kind == "mail" else set(recipient.fields))
                assert not any(value in repr(parcel) for value in parcel.fields.values())
                parts.parcels.acknowledged(task, self.store.now)
            parts.outbox.done(task)
            self.store.tally[f"delivered {task.kind}"] += 1

    @rule(who=WHO, at_once=st.booleans())
    def the_officer_erases(self, who: int, at_once: bool) -> None:
        """An erasure from outside the chat."""
        visitor = self.visitors[who]
        if visitor not in self.living:
            return
        visitor.erasure = self.store.storage.store.begin_erasure(
            visitor.subject, self.store.tick(), reason="asked by letter"
        )
        self._erased([visitor], at_once=at_once)

    @invariant()
    def promises_are_kept(self) -> None:
        """Nothing before consent, no gaps, nothing in notices, and everybody can go on."""
        promises.kept(self.store, self.living, self.seen)

    def teardown(self) -> None:
        """Some delete everything, the others are cleared away; no answer was ever logged."""
        self._delete(self.living[::3], len(self.seen))
        self._erased([visitor for visitor in self.visitors if visitor.erasure], at_once=True)
        self.store.clear()
        log, self.store.overheard.lines[:] = "\n".join(self.store.overheard.lines), []
        assert not any(way in log for v in self.visitors for value in v.typed for way in written(value))

    def _drawn(self, dice: Sequence[int]) -> list[tuple[Visitor, int]]:
        """Return the living with what was drawn for them."""
        return [
            (visitor, die) for visitor, die in zip(self.visitors, dice, strict=True) if visitor in self.living
        ]

    def _newcomer(self, place: int, channel: str, locale: str, *, gpc: bool) -> Visitor:
        self.store.tally["conversations"] += 1
        number = self.store.number()
        return Visitor(number, channel, locale, gpc, 5_550_100 + place, self.store.rules)

    def _begin_anew(self, place: int) -> Visitor:
        old = self.visitors[place]
        self.visitors[place] = self._newcomer(place, old.channel, old.locale, gpc=old.gpc)
        return self.visitors[place]

    def _open(self, visitors: Sequence[Visitor]) -> None:
        self.store.carry_out(visitors, [visitor.opening(self.store.tick()) for visitor in visitors])

    def _do(self, doing: Sequence[tuple[Visitor, Event]]) -> None:
        turns = [visitor.turn(event, self.store.tick(), self.store.number()) for visitor, event in doing]
        self.store.carry_out([visitor for visitor, _ in doing], turns)

    def _delete(self, visitors: Sequence[Visitor], dice: int) -> None:
        for visitor in visitors:
            self.store.tally[f"delete at {visitor.state.stage}/{visitor.state.aside}"] += 1
        asked: Event = (Said("delete"), Said("删除"), Picked("command:delete"), Said("/delete"))[dice % 4]
        self._do([(visitor, asked) for visitor in visitors])
        self._do([(visitor, Picked("delete:all")) for visitor in visitors])
        assert all(visitor.erasure for visitor in visitors)
        self._erased(visitors, at_once=dice % 3 != 0)

    def _erased(self, visitors: Sequence[Visitor], *, at_once: bool) -> None:
        """Finish what was begun; or the process died there, and the next sweep finishes it."""
        left = [visitor for visitor in visitors if not visitor.gone]
        promises.blocked(self.store, left)
        if at_once:
            for visitor in left:
                certificate = self.store.storage.store.finish_erasure(visitor.erasure)
                assert self.store.storage.store.finish_erasure(visitor.erasure) == certificate
            promises.gone(self.store, left)

    def _look_again(self, visitors: Sequence[Visitor]) -> None:
        """Learn what somebody else did to these people."""
        talks = {row.subject: row for row in self.store.rows("conversations", [v.subject for v in visitors])}
        promises.gone(self.store, [visitor for visitor in visitors if visitor.subject not in talks])
        for visitor in visitors:
            if not visitor.gone:
                talk = talks[visitor.subject]
                visitor.state, visitor.last = self.store.stored_state(talk), talk.last_seq


def _same_answer(first: TurnDone, again: TurnDone) -> None:
    """The same messages; of what was erased meanwhile, only the numbers."""
    assert (again.ack, again.repeated, again.erasure) == (first.ack, True, first.erasure)
    assert [message.seq for message in again.messages] == [message.seq for message in first.messages]
    for one, other in zip(first.messages, again.messages, strict=True):
        same = replace(other, scope="")  # what an earlier consultation's message shows is its own question
        assert same == one or replace(same, channel_ref=0) == _erased_body(one)


def _erased_body(message: Message) -> Message:
    return Message(
        seq=message.seq,
        sender=message.sender,
        at=message.at,
        locale=message.locale,
        body=None,  # and with it goes where the chat showed it
    )
