"""Turns in groups: one transaction, each conversation in order, repeats answered, what is refused leaves nothing."""

from __future__ import annotations

from dataclasses import replace

from intake.conversation import Conversation, Stage
from intake.events import ColleagueSaid, Corrected, Picked, Said
from intake.outcomes import Heard, Reply, ShredSession, Step
from storage.errors import Conflict
from storage.records import Turn
from storage.references import REFERENCE
from storage.tables import audit, doomed_keys, leads, messages, updates_seen
from tests.remembering import KEPT, NEED, Memory, Visitor, done, failed, keys_of


def test_a_turn_is_numbered_acknowledged_and_told(memory: Memory) -> None:
    """The visitor's message gets the next number, the replies follow without a gap."""
    visitor = Visitor(memory)
    opened = visitor.opens()

    said = visitor.says(NEED)

    assert (opened.ack, opened.last, keys_of(opened)) == (0, 1, ["greeting"])
    assert (said.ack, said.last, [message.seq for message in said.messages]) == (2, 3, [2, 3])
    assert said.messages[0].client_id
    assert said.values == {"need": NEED}


def test_many_visitors_share_one_transaction(memory: Memory) -> None:
    """A group answers everybody, each with their own conversation."""
    visitors = [Visitor(memory) for _ in range(5)]

    opened = memory.turns(*(visitor.opening() for visitor in visitors))
    said = memory.turns(*(visitor.turn(Said(NEED)) for visitor in visitors))

    assert [done(one).conversation for one in opened] == [visitor.conversation for visitor in visitors]
    assert [done(one).state.stage for one in said] == [Stage.FOLLOWUP] * 5


def test_events_of_one_conversation_are_taken_in_order(memory: Memory) -> None:
    """Three events of one visitor in one group, the opening included, meet each other's outcome."""
    visitor = Visitor(memory)

    taken = memory.turns(
        visitor.opening(),
        visitor.turn(Said(NEED)),
        visitor.turn(Picked("followup:yes")),
        visitor.turn(Said("hm")),
    )

    assert [done(one).state.stage for one in taken] == [Stage.TOPIC, *[Stage.FOLLOWUP], *[Stage.CONSENT] * 2]
    assert [done(one).ack for one in taken] == [0, 2, 4, 6]


def test_a_repeated_event_changes_nothing_and_answers_the_same(memory: Memory) -> None:
    """A client id that comes again with the same body gets the same ack and the same replies."""
    visitor = Visitor(memory)
    visitor.opens()
    turn = visitor.turn(Said(NEED))
    first = done(memory.turns(turn)[0])
    visitor.picks("followup:yes")

    again = done(memory.turns(turn)[0])

    assert (again.ack, again.messages, again.values) == (first.ack, first.messages, first.values)
    assert again.repeated
    assert again.last == 5
    assert memory.count(messages, conversation=visitor.conversation) == 5


def test_a_repeat_within_one_group_is_a_repeat(memory: Memory) -> None:
    """Two equal frames that wait together are one turn."""
    visitor = Visitor(memory)
    visitor.opens()
    turn = visitor.turn(Said(NEED), update=7)

    first, second = memory.turns(turn, turn)

    assert (done(first).repeated, done(second).repeated) == (False, True)
    assert done(first).messages == done(second).messages


def test_the_same_id_with_another_body_is_refused(memory: Memory) -> None:
    """`id_reused`: for words, and for an answer whose digest stands under the profile's key."""
    visitor = Visitor(memory)
    visitor.consents()
    visitor.picks("whose:own")
    for event in (Said("Li Canary"), Said("Example Valves Ltd")):
        turn = visitor.turn(event)
        memory.turns(turn)

        other = done(memory.turns(replace(turn, digest=b"another meaning!"))[0])
        same = done(memory.turns(turn)[0])

        assert (other.refused, other.messages) == ("id_reused", ())
        assert (same.refused, same.repeated) == ("", True)


def test_a_repeat_of_what_was_erased_is_acknowledged(memory: Memory) -> None:
    """The words are gone, the number stays: any body gets the ack."""
    visitor = Visitor(memory)
    visitor.asks()
    turn = visitor.turn(Said("hm"))
    ack = done(memory.turns(turn)[0]).ack
    visitor.picks("consent:refuse")

    again = done(memory.turns(replace(turn, digest=b"another meaning!"))[0])

    assert (again.ack, again.repeated, again.refused) == (ack, True, "")
    assert [message.body for message in again.messages] == [None] * len(again.messages)


def test_a_repeat_of_a_turn_without_words_is_answered(memory: Memory) -> None:
    """A correction outside the chat has no message of the visitor's; its repeat has no ack either."""
    visitor = Visitor(memory)
    visitor.reviews()
    turn = visitor.turn(Corrected((("name", "Li Other"),)))
    first = done(memory.turns(turn)[0])

    again = done(memory.turns(turn)[0])

    assert (first.ack, again.ack, again.repeated) == (0, 0, True)
    assert keys_of(again) == keys_of(first)


def test_what_is_refused_leaves_nothing(memory: Memory) -> None:
    """An `error` frame: nothing was stored and the id is free."""
    visitor = Visitor(memory)
    visitor.opens()
    turn = visitor.turn(Picked("review:send"))

    refused = done(memory.turns(turn)[0])
    then = done(memory.turns(replace(turn, event=Said(NEED)))[0])

    assert (refused.refused, refused.last, refused.messages) == ("not_offered", 1, ())
    assert (then.refused, then.ack) == ("", 2)


def test_a_stale_card_is_replaced(memory: Memory) -> None:
    """`consent_stale`: the pick is not kept, the new card is."""
    visitor = Visitor(memory)
    visitor.asks()

    stale = visitor.does(Picked("consent:agree", policy="2001-01"))
    agreed = visitor.picks("consent:agree")

    assert (stale.refused, stale.ack, keys_of(stale), stale.effects) == (
        "consent_stale",
        0,
        ["consent.ask"],
        (),
    )
    assert agreed.ack == stale.last + 1


def test_a_colleague_answers_in_the_chat(memory: Memory) -> None:
    """Their words stand as `staff`, with the name they are signed with; the audit has one line of who answered whom."""
    visitor = Visitor(memory)
    visitor.consents()
    turn = visitor.turn(ColleagueSaid("We will call.", name="Wang"), actor="staff:7")

    answered = done(memory.turns(turn)[0])
    again = done(memory.turns(turn)[0])

    assert [(message.sender, message.body) for message in answered.messages] == [("staff", turn.event)]
    assert answered.ack == 0
    assert again.messages == answered.messages
    [line] = [row for row in memory.rooms.rows(audit) if row["action"] == "answered"]
    assert (line["actor"], line["subject"], line["fields"]) == ("staff:7", visitor.subject, "")


def test_a_reference_is_used_once(memory: Memory) -> None:
    """It is drawn once and waits for the lead; as soon as that has it, the state holds a fresh one for the next."""
    visitor = Visitor(memory)
    visitor.reviews()
    reserved = visitor.picks("command:help").state.reference

    sent = done(memory.turns(visitor.turn(Picked("review:send")))[0])

    assert sent.state.sent == reserved != sent.state.reference
    assert all(REFERENCE.fullmatch(one) for one in (reserved, sent.state.reference))


def test_a_reference_that_another_lead_has_is_replaced(memory: Memory) -> None:
    """Two people drew the same reference: the later lead gets a fresh one."""
    first, second = Visitor(memory), Visitor(memory)
    taken = first.sends()
    second.reviews()

    drawn: list[str] = []

    def decide(turn: Turn, state: Conversation) -> Step:
        drawn.append(state.reference)
        return memory.engine(turn, state if len(drawn) > 1 else replace(state, reference=taken))

    sent = done(memory.turns(second.turn(Picked("review:send")), decide=decide)[0])

    assert sent.state.sent == drawn[1] != drawn[0]
    assert REFERENCE.fullmatch(drawn[1])
    assert memory.count(leads) == 2


def test_an_update_is_noted_with_its_turn(memory: Memory) -> None:
    """Telegram's update number commits with the turn; also when nothing of the event is kept."""
    visitor = Visitor(memory, channel="telegram", chat=4711)
    visitor.opens()

    visitor.does(Said(NEED), update=1, channel_ref=31)
    visitor.does(Picked("review:send"), update=2)

    assert {row["update_id"] for row in memory.rooms.rows(updates_seen)} == {1, 2}
    assert memory.count(messages, channel_ref=31) == 1


def test_a_refusal_shreds_what_was_said_before(memory: Memory) -> None:
    """S5, L4: rows and key of the session are gone; the conversation goes on."""
    visitor = Visitor(memory)
    visitor.asks()

    refused = visitor.picks("consent:refuse")
    chat = visitor.says("Where are you?")

    transcript = memory.run(memory.store.transcript, visitor.conversation, 0)
    told = [message.seq for message in transcript.messages if message.body is not None]
    assert told == list(range(refused.ack, chat.last + 1))
    assert (
        memory.run(memory.rooms.keyring.keys, [(visitor.subject, f"s1.{visitor.conversation}")], fresh=True)
        == {}
    )


def test_consent_moves_what_was_said_to_the_consultation(memory: Memory) -> None:
    """The question and the words before consent are sealed anew, and the session's key is destroyed."""
    visitor = Visitor(memory)
    visitor.consents()
    transcript = memory.run(memory.store.transcript, visitor.conversation, 0)

    keys = memory.run(
        memory.rooms.keyring.keys, [(visitor.subject, f"s1.{visitor.conversation}")], fresh=True
    )

    assert all(message.body is not None for message in transcript.messages)
    assert transcript.values == {"need": NEED}
    assert {row["scope"] for row in memory.rooms.rows(messages)} == {f"c1.{visitor.conversation}"}
    assert keys == {}
    assert memory.count(doomed_keys, subject=visitor.subject) == 1


def test_a_session_can_be_shredded_while_it_goes_on(memory: Memory) -> None:
    """Cancelling before consent leaves a conversation with a key of its own and nothing of before."""
    visitor = Visitor(memory)
    visitor.asks()

    shredded = done(visitor.steps(ShredSession(1), state={"session": 2, "kept": ()}))
    again = done(visitor.steps(replies=(Reply(key="free.ask"),), heard=Heard(answered="need")))

    assert shredded.last + 2 == again.last
    assert again.values == {}
    assert KEPT.key in keys_of(shredded)


def test_no_scope_in_use_is_shredded(memory: Memory) -> None:
    """S24: a conversation that went on under it could not be opened any more, not even to be erased."""
    visitor = Visitor(memory)
    visitor.asks()

    refused = failed(visitor.steps(ShredSession(1)))

    assert type(refused) is Conflict
    assert not done(visitor.steps()).refused
