"""The desk on Telegram, end to end by long polling: what a person sees, presses, shares, and gets back."""

from __future__ import annotations

import pytest

from bot.telegram_channel import COMMANDS
from tests.bot_api import BotApi
from tests.telegram_house import QUESTION, TelegramHouse, at_phone, kept
from tests.telegram_people import Group, Person, until

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # the journeys run on both


@pytest.fixture
def robin(api: BotApi) -> Person:
    """Somebody whose Telegram speaks English."""
    return Person(api, 5_550_100)


async def test_commands_stand_in_every_language(house: TelegramHouse, api: BotApi) -> None:
    """S21, S23: the person finds view, correct, delete and the rest in Telegram's own menu."""
    await until(lambda: len(api.commands) == 3)

    assert set(api.commands) == {"", "en", "zh"}
    assert all(tuple(one["command"] for one in listed) == COMMANDS for listed in api.commands.values())
    assert api.commands["zh"] != api.commands["en"] == api.commands[""]


async def test_a_repeated_update_happens_once(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """A process that dies before it confirms gets the same updates again, and skips them."""
    await robin.say("/start")
    await robin.sees("automated assistant")
    update = api.last_update
    before = await kept(house, robin)
    await house.stop()
    await api.queue(update)
    await house.start()
    await robin.say("/help")
    await robin.sees("at any time")

    assert sum("automated assistant" in text for text in robin.shown) == 1
    # the command, its answer, the question
    assert len((await kept(house, robin)).messages) == len(before.messages) + 3


async def test_a_chat_keeps_its_order(house: TelegramHouse, robin: Person) -> None:
    """Updates that come in one batch are answered one after the other."""
    await robin.say("/start")
    await robin.sees("automated assistant")
    for word in ("/policy", "/human", "/help"):
        await robin.say(word)
    await robin.sees("You can say at any time")

    answers = [text for text in robin.shown if not text.startswith(("Hello", "What is your question"))]
    assert [text.split()[0] for text in answers] == ["Our", "This", "You"]


async def test_many_chats_are_answered_side_by_side(house: TelegramHouse, api: BotApi) -> None:
    """Each in its own language, each with a conversation of its own."""
    people = [Person(api, 5_550_100 + at, "zh-hans" if at % 2 else "en") for at in range(20)]
    for person in people:
        await person.say("/start")
    for person in people:
        await person.sees("自动" if person.user["language_code"] == "zh-hans" else "automated assistant")

    all_kept = [await kept(house, person) for person in people]
    assert len({one.conversation for one in all_kept}) == len({one.subject for one in all_kept}) == 20


async def test_typing_first_opens_the_chat_and_takes_the_question(
    house: TelegramHouse, robin: Person
) -> None:
    """Who never pressed "Start" is greeted, told what happens with their words, and answered."""
    await robin.say(QUESTION)
    await robin.sees("automated assistant")
    await robin.sees("get back to you")


async def test_a_deep_link_brings_its_topic(house: TelegramHouse, robin: Person) -> None:
    """`/start site__topic` goes straight to the question; for a known chat it begins a new consultation."""
    await robin.say("/start default__gateway")
    await robin.sees("automated assistant")
    await robin.say(QUESTION)
    await robin.sees("get back to you")
    await robin.press("No, thank you")
    await robin.sees("Should you wish")
    await robin.say("/start service")
    await robin.sees("What would you like to know")

    assert (await kept(house, robin)).state.topic == "service"


async def test_a_choice_is_shown_and_its_buttons_go(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """What was chosen stays readable in the chat; pressing it again does nothing."""
    await robin.say("/start")
    greeting = await robin.sees("automated assistant")
    query = await robin.press("Gateway")
    await robin.sees("What would you like to know")
    await until(lambda: len(api.messages[greeting["message_id"]]["reply_markup"]["inline_keyboard"]) == 1)
    again = await robin.press("✓", greeting["message_id"])
    await until(lambda: again in api.answered)

    assert api.answered[query] == ""
    assert "earlier question" in api.answered[again]
    assert (await kept(house, robin)).last == 3


async def test_an_old_button_changes_nothing(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """It is answered kindly and its buttons go away; the open question stays open."""
    await robin.say("/start")
    greeting = await robin.sees("automated assistant")
    await robin.say(QUESTION)
    await robin.sees("get back to you")
    before = (await kept(house, robin)).last
    query = await robin.press("Gateway", greeting["message_id"])
    await until(lambda: query in api.answered)
    await until(lambda: "reply_markup" not in api.messages[greeting["message_id"]])

    assert "earlier question" in api.answered[query]
    assert (await kept(house, robin)).last == before


async def test_forged_buttons_change_nothing(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """Whatever data a forged client sends, for whatever conversation, is an old button."""
    await robin.say("/start")
    greeting = await robin.sees("automated assistant")
    conversation = (await kept(house, robin)).conversation
    forged = (
        "",
        "x",
        "command:delete",
        f"{'f' * 12}.1.0",
        f"{conversation[:12]}.1.99",
        f"{conversation[:12]}.999.0",
    )
    for data in forged:
        query = await robin.send_data(data or " ", greeting)
        await until(lambda: not api.asked)
        assert api.answered[query]

    assert (await kept(house, robin)).last == 1


async def test_the_phone_is_shared_by_a_button_that_goes_away(house: TelegramHouse, robin: Person) -> None:
    """The number is kept international; the keyboard that asked for it is gone with the next question (S7)."""
    await at_phone(robin)
    offered = robin.keyboard
    await robin.share_contact("8613800000000")
    await robin.sees("Which e-mail address")

    assert offered == ["Share my number", "Skip"]
    assert robin.keyboard is None
    assert (await kept(house, robin)).values["phone"] == "+8613800000000"
    assert "✓" not in robin.shown


async def test_somebody_elses_contact_is_not_taken_for_ones_own(house: TelegramHouse, robin: Person) -> None:
    """S6: who answers for themselves shares their own number or types it; the question stays open."""
    await at_phone(robin)
    await robin.share_contact("+8613800000001", own=False)
    await robin.sees("someone else's contact")

    assert "phone" not in (await kept(house, robin)).state.kept
    assert robin.keyboard == ["Share my number", "Skip"]


async def test_the_phone_can_be_skipped_by_its_keyboard(house: TelegramHouse, robin: Person) -> None:
    """The button sends its label, which the desk takes for the option."""
    await at_phone(robin)
    assert robin.keyboard is not None
    await robin.say(robin.keyboard[1])
    await robin.sees("Which e-mail address")

    assert "phone" in (await kept(house, robin)).state.skipped
    assert robin.keyboard is None


async def test_too_long_a_message_is_said_to_be_so(house: TelegramHouse, robin: Person) -> None:
    """Telegram takes 4,096 characters, the desk 4,000: nothing of it is kept, and the person hears why."""
    await robin.say("/start")
    await robin.sees("automated assistant")
    await robin.say("x" * 4_001)
    await robin.sees("too long")

    assert (await kept(house, robin)).last == 1


async def test_a_picture_is_declined_kindly(house: TelegramHouse, robin: Person) -> None:
    """Nothing of it is kept; the conversation goes on."""
    await robin.say("/start")
    await robin.sees("automated assistant")
    await robin.send_photo()
    await robin.sees("only read text")

    assert (await kept(house, robin)).last == 1


async def test_an_edit_changes_nothing(house: TelegramHouse, robin: Person) -> None:
    """What was said stays as it was said: "correct" is the way, and edits are not even asked for."""
    await robin.say("/start")
    await robin.sees("automated assistant")
    message = await robin.say(QUESTION)
    await robin.sees("get back to you")
    await robin.edit(message, "something else")
    await robin.say("/help")
    await robin.sees("at any time")

    assert (await kept(house, robin)).values["need"] == QUESTION


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel"])
async def test_a_group_is_refused_once_and_left(
    house: TelegramHouse, api: BotApi, robin: Person, kind: str
) -> None:
    """Others would read along: a kind word, then the bot is gone, and nothing that was said there is kept."""
    lunch = Group(api, -100_555, kind)
    await until(lambda: api.commands)
    await lunch.add_bot(robin)
    await until(lambda: lunch.chat in api.left)

    assert len(api.said(lunch.chat)) == 1
    assert "private chats" in api.said(lunch.chat)[0]["text"]
    assert await house.desk.call(house.desk.storage.store.telegram_conversation, lunch.chat) is None
