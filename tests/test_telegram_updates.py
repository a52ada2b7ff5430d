"""What an update says: commands, contacts, deep links, and who is not answered."""

from typing import Any

import pytest
from telegram import Update

from bot.telegram.updates import Incoming, InGroup, Pressed, SentMedia, Started, place, read
from intake.events import Picked, Said, SharedContact
from intake.rules import Rules
from tests.house import shipped

ROBIN = {"id": 7, "is_bot": False, "first_name": "Robin", "language_code": "zh-hans"}
CONTACT = {"phone_number": "15550100", "first_name": "Robin"}


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The shipped configuration."""
    return shipped().rules


def reading(chat: str = "private", kind: str = "message", **content: Any) -> Incoming | None:
    """Return what the desk reads in an update with this content."""
    where = {"id": 7 if chat == "private" else -7, "type": chat, "first_name": "Robin"}
    body = {"message_id": 3, "date": 0, "chat": where, "from": ROBIN, **content}
    return read(Update.de_json({"update_id": 11, kind: body}))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("hello", Said("hello")),
        ("/view", Picked("command:view")),
        ("/View@desk_test_bot", Picked("command:view")),
        ("/correct phone", Said("/correct phone")),
        ("/sandwich", Said("/sandwich")),
        ("/start", Started("")),
        ("/start default__gateways", Started("default__gateways")),
    ],
)
def test_text_is_a_command_only_as_a_whole(text: str, what: object) -> None:
    """A bare known command is a pick; with more words, or unknown, the engine reads it as typed."""
    incoming = reading(text=text)

    assert incoming is not None
    assert incoming.what == what
    assert (incoming.update, incoming.chat, incoming.message) == (11, 7, 3)
    assert incoming.language == "zh-hans"


@pytest.mark.parametrize(("owner", "own"), [({"user_id": 7}, True), ({"user_id": 8}, False), ({}, False)])
def test_a_shared_contact_tells_whose_it_is(owner: dict[str, int], own: bool) -> None:
    """Only the sender's own user id makes it their own; a missing plus is put before the number."""
    incoming = reading(contact={**CONTACT, **owner})

    assert incoming is not None
    assert incoming.what == SharedContact("+15550100", own)


def test_what_cannot_be_read_is_media() -> None:
    """A picture, even one with a caption, is answered kindly and not taken."""
    size = {"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}
    incoming = reading(photo=[size], caption="my card")

    assert incoming is not None
    assert incoming.what == SentMedia()


def test_a_button_brings_its_data_and_its_message() -> None:
    """The message id is that of the message with the button, also where Telegram shows no more of it."""
    gone = {"message_id": 5, "date": 0, "chat": {"id": 7, "type": "private"}}
    query = {"id": "q", "from": ROBIN, "chat_instance": "1", "data": "d", "message": gone}
    incoming = read(Update.de_json({"update_id": 11, "callback_query": query}))

    assert incoming is not None
    assert (incoming.what, incoming.message, incoming.chat) == (Pressed("q", "d"), 5, 7)


@pytest.mark.parametrize("chat", ["group", "supergroup"])
def test_a_group_is_never_read(chat: str) -> None:
    """What is said where others read along is not even looked at."""
    incoming = reading(chat, text="/view", title="Lunch")

    assert incoming is not None
    assert incoming.what == InGroup()


@pytest.mark.parametrize(("status", "chat", "answered"), [
    ("member", "group", True), ("administrator", "channel", True), ("left", "group", False),
    ("kicked", "channel", False), ("kicked", "private", False), ("member", "private", False),
])  # fmt: skip
def test_membership_is_answered_only_on_arrival_in_a_group(status: str, chat: str, answered: bool) -> None:
    """Being thrown out, blocked or unblocked is no reason to speak."""
    rights = dict.fromkeys((
        "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
        "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
        "can_edit_stories", "can_delete_stories",
    ), False)  # fmt: skip
    member = {"status": status, "user": ROBIN, **(rights if status == "administrator" else {"until_date": 0})}
    incoming = reading(
        chat,
        "my_chat_member",
        old_chat_member={"status": "left", "user": ROBIN},
        new_chat_member=member,
    )

    assert (incoming is not None) is answered


def test_a_personal_value_stays_out_of_the_repr() -> None:
    """Neither words nor numbers nor the chat's id are printed by accident."""
    shown = repr((reading(text="call Robin"), reading(contact=CONTACT)))

    assert "Robin" not in shown
    assert "15550100" not in shown
    assert "chat=" not in shown


def test_a_deep_link_names_site_and_topic(rules: Rules) -> None:
    """`site__topic`, or either alone; what is not configured is left out and never an error."""
    site, topic = next(iter(rules.sites)), next(iter(rules.topics))

    assert place(f"{site}__{topic}", rules) == (site, topic)
    assert place(site, rules) == (site, "")
    assert place(topic, rules) == (site, topic)
    assert place("nowhere__nothing", rules) == (site, "")
    assert place("", rules) == (site, "")
