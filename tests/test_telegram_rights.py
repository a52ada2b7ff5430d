"""Consent, view, export and delete on Telegram, end to end; and what a colleague answers."""

from __future__ import annotations

import json

import pytest

from intake.events import ColleagueSaid
from storage.records import Turn
from storage.turn.showing import OWN_VIEW
from tests.bot_api import BotApi
from tests.telegram_house import QUESTION, TelegramHouse, at_consent, at_phone, kept
from tests.telegram_people import Person, until

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # the journeys run on both


@pytest.fixture
def robin(api: BotApi) -> Person:
    """Somebody whose Telegram speaks English."""
    return Person(api, 5_550_100)


async def test_boxes_are_ticked_without_a_turn_and_count_when_agreed(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """L1, L2: nothing is ticked at first; only what stands ticked on the card is agreed to, the rest is refused."""
    await at_consent(robin)
    before = (await kept(house, robin)).last
    boxes = [label for label in robin.buttons if label.startswith("☐")]
    news = next(one.label["en"] for one in house.loaded.rules.purposes.values() if one.id == "news")
    await robin.press(f"☐ {news}")
    await until(lambda: f"☑ {news}" in robin.buttons)
    affiliates = next(label for label in boxes if news not in label)
    await robin.press(affiliates)
    await until(lambda: affiliates.replace("☐", "☑") in robin.buttons)
    await robin.press(affiliates.replace("☐", "☑"))
    await until(lambda: affiliates in robin.buttons)
    ticking = (await kept(house, robin)).last
    await robin.press("Agree")
    await robin.sees("someone else's")
    all_kept = await kept(house, robin)
    record = await house.desk.call(house.desk.storage.store.record, all_kept.subject, purpose=OWN_VIEW)

    assert len(boxes) == 3
    assert ticking == before
    assert {one["purpose"] for one in record.consents if one["decision"] == "agreed"} == {
        "telegram_abroad", "contact", "news",
    }  # fmt: skip


async def test_an_agreed_card_shows_what_was_agreed_to(house: TelegramHouse, robin: Person) -> None:
    """Label and ticked boxes stay readable in the chat."""
    await at_consent(robin)
    card = robin.api.said(robin.id)[-1]["message_id"]
    news = house.loaded.rules.purposes["news"].label["en"]
    await robin.press(f"☐ {news}")
    await until(lambda: f"☑ {news}" in robin.buttons)
    await robin.press("Agree")
    await robin.sees("someone else's")
    shown = robin.api.messages[card]["reply_markup"]["inline_keyboard"]

    assert [[one["text"] for one in row] for row in shown] == [[f"✓ Agree · {news}"]]


async def test_view_hides_values_behind_spoilers(house: TelegramHouse, robin: Person) -> None:
    """S21: everything that is kept is shown; then the open question comes again."""
    await at_phone(robin)
    await robin.say("/view")
    view = await robin.sees("what we keep")
    await robin.sees("Which number")
    hidden = [one for one in view["entities"] if one["type"] == "spoiler"]
    values = [view["text"][one["offset"] : one["offset"] + one["length"]] for one in hidden]

    assert values == [QUESTION, "Li Na", "Example Valves Ltd"]
    assert robin.keyboard == ["Share my number", "Skip"]


async def test_export_and_receipts_come_as_files(house: TelegramHouse, api: BotApi, robin: Person) -> None:
    """S24, L14: a person's own copy, and the signed receipts, to keep."""
    await at_phone(robin)
    await robin.say("/export")
    export = await robin.sees("your own copy")
    await robin.say("/receipts")
    receipts = await robin.sees("receipts of what you agreed to")
    copy = json.loads(api.files[export["document"]["file_id"]].body)
    signed = json.loads(api.files[receipts["document"]["file_id"]].body)

    assert {one["field"]: one["value"] for one in copy["fields"]}["name"] == "Li Na"
    assert copy["transcript"][0]["from"] == "bot"
    assert copy["receipts"] == signed["receipts"]
    assert signed["receipts"]


async def test_delete_empties_the_chat_and_the_next_word_begins_anew(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """S23: both sides' messages go, a certificate stays, and no old button reaches the new conversation."""
    await at_phone(robin)
    card = api.said(robin.id)[-1]["message_id"]
    api.undeletable.add(card)
    old = (await kept(house, robin)).conversation
    await robin.say("/delete")
    await robin.sees("What shall be erased")
    await robin.press("Everything about me")
    await robin.sees("Everything we kept about you is erased")
    left = [one["text"].partition("\n")[0] for one in api.messages.values()]
    await robin.say("hello?")
    await robin.sees("automated assistant")
    query = await robin.send_data(f"{old[:12]}.1.0", api.messages[card])
    await until(lambda: query in api.answered)

    assert left[:2] == ["/start", "Which number may we call?"]
    assert len(left) == 3
    assert any("older messages" in text for text in robin.shown)
    assert "earlier question" in api.answered[query]
    assert (await kept(house, robin)).conversation != old


async def answer(house: TelegramHouse, conversation: str, text: str, name: str) -> None:
    """A colleague answers; as from another process, the channel is not told."""
    event = ColleagueSaid(text, name)
    await house.desk.act(Turn(conversation=conversation, event=event, at=house.desk.clock()))


async def test_a_colleagues_answer_arrives(house: TelegramHouse, robin: Person) -> None:
    """With their name; what they typed shows as they typed it."""
    await at_consent(robin)
    await robin.press("Agree")
    await robin.sees("someone else's")
    await answer(house, (await kept(house, robin)).conversation, "R&D <b>says</b> yes", "Alex")
    await robin.sees("Alex: R&D <b>says</b> yes")


async def test_what_is_too_long_for_a_message_comes_as_a_file(
    house: TelegramHouse, api: BotApi, robin: Person
) -> None:
    """One message of the transcript is one in the chat, so that deleting finds it."""
    await at_consent(robin)
    await robin.press("Agree")
    await robin.sees("someone else's")
    long = "long & winding " * 266
    await answer(house, (await kept(house, robin)).conversation, long, "Alex " * 25)
    message = await robin.sees("long & winding")
    await robin.say("/help")
    await robin.sees("at any time")

    assert long.strip() in api.files[message["document"]["file_id"]].body.decode()
    assert message["message_id"] in [one.channel_ref for one in (await kept(house, robin)).messages]
