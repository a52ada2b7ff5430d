"""The tests' Bot API server is as strict as the published schema, so that a wrong call cannot pass unseen."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.bot_api import TOKEN, BotApi
from tests.bot_api_schema import NotInSchema, Schema, plain
from tests.telegram_people import Person, until

CHAT = 5_550_100


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    """A running server with one person."""
    async with BotApi().running() as running:
        Person(running, CHAT)
        yield running


async def call(api: BotApi, method: str, token: str = TOKEN, **parameters: Any) -> dict[str, Any]:
    """Call a method as a bot does."""
    url = f"{api.url}/bot{token}/{method}"
    async with aiohttp.ClientSession() as client, client.post(url, json=parameters) as answer:
        body: dict[str, Any] = await answer.json()
        return body


@pytest.mark.parametrize(
    ("method", "parameters", "fault"),
    [
        ("sendSandwich", {}, "no method"),
        ("sendMessage", {"chat_id": CHAT}, "text is missing"),
        ("sendMessage", {"chat_id": CHAT, "text": "a", "txt": "b"}, "no parameter txt"),
        ("sendMessage", {"chat_id": 1.5, "text": "a"}, "chat_id is no Integer"),
        ("sendMessage", {"chat_id": CHAT, "text": ""}, "0 characters"),
        ("sendMessage", {"chat_id": CHAT, "text": "a" * 4097}, "4097 characters"),
        ("sendMessage", {"chat_id": CHAT, "text": "<p>a</p>", "parse_mode": "HTML"}, "can't parse entities"),
        ("sendMessage", {"chat_id": CHAT, "text": "<b>a", "parse_mode": "HTML"}, "not closed"),
        ("sendMessage", {"chat_id": CHAT, "text": "a < b", "parse_mode": "HTML"}, "can't parse entities"),
        ("sendMessage", {"chat_id": CHAT, "text": "a", "reply_markup": {"keyboard": "b"}}, "no array"),
        ("setMyCommands", {"commands": [{"command": f"c{n}", "description": "d"} for n in range(101)]}, "101 items"),
        ("setMyCommands", {"commands": [{"command": "Help", "description": "d"}]}, "not allowed"),
        ("setMyCommands", {"commands": [], "language_code": "zh-CN"}, "not allowed"),
        ("deleteMessages", {"chat_id": CHAT, "message_ids": list(range(101))}, "101 items"),
        ("setWebhook", {"url": "https://desk.test/", "secret_token": "not allowed!"}, "not allowed"),
        ("getUpdates", {"limit": 0}, "0 value"),
    ],
)  # fmt: skip
async def test_a_wrong_call_is_refused_and_noted(
    api: BotApi, method: str, parameters: dict[str, Any], fault: str
) -> None:
    """Unknown names, missing parameters, wrong types and broken limits are 400, and `faults` keeps them."""
    answer = await call(api, method, **parameters)

    assert (answer["ok"], answer["error_code"]) == (False, 400)
    assert fault in answer["description"]
    assert len(api.faults) == 1
    assert not api.calls


@pytest.mark.parametrize(
    ("button", "fault"),
    [
        ({"text": "a", "callback_data": "猫" * 22}, "66 bytes"),
        ({"text": "a"}, "exactly one thing"),
        ({"text": "a", "callback_data": "b", "url": "https://example.com"}, "exactly one thing"),
    ],
)
async def test_a_wrong_button_is_refused(api: BotApi, button: dict[str, str], fault: str) -> None:
    """A button does one thing, and its data has at most 64 bytes."""
    answer = await call(
        api, "sendMessage", chat_id=CHAT, text="a", reply_markup={"inline_keyboard": [[button]]}
    )

    assert fault in answer["description"]


async def test_a_right_call_is_answered_in_its_shape(api: BotApi) -> None:
    """A message comes back with id, chat and text without HTML, its entities counted in UTF-16 code units."""
    text = "😀 <b>a &lt; b</b> <tg-spoiler>c</tg-spoiler>"
    answer = await call(api, "sendMessage", chat_id=CHAT, text=text, parse_mode="HTML")

    assert answer["result"]["text"] == "😀 a < b c"
    assert answer["result"]["entities"] == [
        {"type": "bold", "offset": 3, "length": 5},
        {"type": "spoiler", "offset": 9, "length": 1},
    ]
    Schema().answer("sendMessage", answer["result"])


async def test_limits_count_the_text_without_its_html(api: BotApi) -> None:
    """4,096 characters are allowed after entities are parsed."""
    answer = await call(api, "sendMessage", chat_id=CHAT, text=f"<b>{'&amp;' * 4096}</b>", parse_mode="HTML")

    assert answer["ok"]


async def test_a_form_and_a_file_are_understood(api: BotApi) -> None:
    """What python-telegram-bot sends: forms whose values are JSON, and multipart for files."""
    form = aiohttp.FormData({"chat_id": str(CHAT), "caption": "yours"})
    form.add_field("document", b'{"a": 1}', filename="export.json")
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{api.url}/bot{TOKEN}/sendDocument", data=form) as answer,
    ):
        message = (await answer.json())["result"]

    assert message["document"]["file_name"] == "export.json"
    assert json.loads(api.files[message["document"]["file_id"]].body) == {"a": 1}


async def test_updates_stay_until_a_higher_offset_confirms_them(api: BotApi) -> None:
    """Asking again without the offset gives the same updates again."""
    robin = Person(api, CHAT)
    await robin.say("one")
    await robin.say("two")

    first = (await call(api, "getUpdates"))["result"]
    again = (await call(api, "getUpdates", limit=1))["result"]
    rest = (await call(api, "getUpdates", offset=first[0]["update_id"] + 1))["result"]

    assert [one["message"]["text"] for one in first] == ["one", "two"]
    assert again == first[:1]
    assert rest == first[1:]


async def test_a_long_poll_waits_for_news(api: BotApi) -> None:
    """A poll with a timeout is answered when something happens, not before."""
    poll = asyncio.create_task(call(api, "getUpdates", timeout=5))
    await asyncio.sleep(0.05)
    waited = not poll.done()
    await Person(api, CHAT).say("hello")

    assert waited
    assert (await poll)["result"][0]["message"]["text"] == "hello"


async def test_a_second_poll_ends_the_first(api: BotApi) -> None:
    """Two processes that poll with one token get 409, as at Telegram."""
    first = asyncio.create_task(call(api, "getUpdates", timeout=5))
    await until(lambda: api.calls)
    second = asyncio.create_task(call(api, "getUpdates", timeout=1))

    assert (await first)["error_code"] == 409
    assert (await second)["ok"]


async def test_a_webhook_is_pushed_in_order_until_it_says_yes(api: BotApi) -> None:
    """The secret stands in the header; an update that is answered 500 comes again before the next one."""
    seen = []

    async def hook(request: web.Request) -> web.Response:
        update = await request.json()
        seen.append((request.headers["X-Telegram-Bot-Api-Secret-Token"], update["message"]["text"]))
        return web.Response(status=500 if len(seen) == 1 else 200)

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await call(api, "setWebhook", url=f"http://127.0.0.1:{runner.addresses[0][1]}/hook", secret_token="s_e-c")
    refused = await call(api, "getUpdates")
    await Person(api, CHAT).say("one")
    await Person(api, CHAT).say("two")
    await until(lambda: not api.updates)
    await runner.cleanup()

    assert refused["error_code"] == 409
    assert seen == [("s_e-c", "one"), ("s_e-c", "one"), ("s_e-c", "two")]
    assert api.pushes == [500, 200, 200]


async def test_troubles_come_as_ordered(api: BotApi) -> None:
    """429 with retry_after, a broken connection, an answer that gets lost, a block, a strange token."""
    api.slow_down["getMe"] = 1
    slow = await call(api, "getMe")
    api.lose_requests = 1
    with pytest.raises(aiohttp.ClientError):
        await call(api, "sendMessage", chat_id=CHAT, text="never sent")
    api.lose_answers["sendMessage"] = 1
    with pytest.raises(aiohttp.ClientError):
        await call(api, "sendMessage", chat_id=CHAT, text="sent all the same")
    api.blocked.add(CHAT)
    blocked = await call(api, "sendMessage", chat_id=CHAT, text="a")
    stranger = await call(api, "getMe", token="1:another")

    assert (slow["error_code"], slow["parameters"]) == (429, {"retry_after": 1})
    assert [one["text"] for one in api.said(CHAT)] == ["sent all the same"]
    assert blocked["error_code"] == 403
    assert stranger["error_code"] == 401


async def test_deleting_and_editing_know_their_limits(api: BotApi) -> None:
    """Old messages cannot be deleted, missing ones not edited, and an edit must change something."""
    message = (await call(api, "sendMessage", chat_id=CHAT, text="a"))["result"]["message_id"]
    api.undeletable.add(message)

    alone = await call(api, "deleteMessage", chat_id=CHAT, message_id=message)
    together = await call(api, "deleteMessages", chat_id=CHAT, message_ids=[message, 999])
    missing = await call(api, "deleteMessage", chat_id=CHAT, message_id=999)
    same = await call(api, "editMessageReplyMarkup", chat_id=CHAT, message_id=message)
    nothing = await call(api, "editMessageReplyMarkup", chat_id=CHAT, message_id=999)

    assert [one["description"].removeprefix("Bad Request: ") for one in (alone, together, missing, same, nothing)] == [
        "message can't be deleted for everyone", "message can't be deleted for everyone", "message to delete not found",
        "message is not modified", "message to edit not found",
    ]  # fmt: skip


def test_objects_that_the_server_makes_are_judged_too() -> None:
    """An update with a key that Telegram does not have is refused by the same judge."""
    with pytest.raises(NotInSchema, match="Message has no message_idd"):
        Schema().value(["Update"], {"update_id": 1, "message": {"message_idd": 1}}, "update")


def test_nested_html_is_read() -> None:
    """Entities may stand inside one another."""
    text, entities = plain('<b>a <i>b</i></b> <a href="https://example.com">c</a>')

    assert text == "a b c"
    assert [one["type"] for one in entities] == ["italic", "bold", "text_link"]
