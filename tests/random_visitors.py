"""Visitors who do anything: fitting answers, wrong ones, commands, options, and things at the wrong time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from intake.asking import open_question
from intake.conversation import Conversation
from intake.events import (
    AskedToForget,
    AskedToWithdraw,
    ColleagueSaid,
    Corrected,
    Event,
    Opened,
    Picked,
    Said,
    SharedContact,
    Visited,
)
from intake.rules import Rules
from storage.records import Opening, Turn, TurnDone
from tests.canaries import BANK_CARDS, ID_NUMBER
from tests.journey import WRONG

# What is typed before anybody agreed, with the part that must not be kept. {0}: a number that no other text has.
QUESTIONS: Sequence[tuple[str, str]] = (
    ("How do your gateways reach the cloud?", ""),
    ("网关如何接入云平台？", ""),
    ("Please call me on +86 138 0000 {0:04d} about the gateway.", "138 0000 {0:04d}"),
    ("我的手机是1380000{0:04d}，请联系我", "1380000{0:04d}"),
    ("Write to kanari.{0:04d}@example.com, please", "kanari.{0:04d}@example.com"),
    ("邮箱 kanari.{0:04d}@example.com 谢谢", "kanari.{0:04d}@example.com"),
    (f"My ID is {ID_NUMBER}, is that needed?", ID_NUMBER),
    (f"卡号 {BANK_CARDS[0]}", BANK_CARDS[0]),
)
ANSWERS: dict[str, str] = {  # to fields; {1}: letters that no other answer has
    "name": "Wen Kanari{1}",
    "company": "Kanari {0:04d} Valves Ltd",
    "phone": "+86 138 0000 {0:04d}",
    "email": "kanari.{0:04d}@example.com",
    "position": "Kanari engineer {0:04d}",
    "address": "{0:04d} Kanari Road, Hangzhou",
    "need": "Does it read kanari {0:04d} meters?",
    "industry": "energy",
    "gender": "female",
    "credit_code": "91350100M000100Y43",  # the example of python-stdnum's documentation
}
COMMANDS = (
    "help", "view", "correct", "correct", "delete", "delete", "withdraw", "withdraw", "export", "policy", "receipts",
    "language", "human", "cancel", "new", "verify",
)  # fmt: skip
TYPED = (
    "view", "查看", "show my data", "correct phone", "更正 手机", "delete", "删除", "withdraw", "撤回同意", "中文",
    "english", "cancel", "取消", "help", "帮助", "yes", "no", "skip", "跳过", "new consultation",
)  # fmt: skip
NEVER_OFFERED = (
    "review:send:now",
    "topic:nothing",
    "consent:maybe",
    "command:dance",
    "delete:everything",
    "field:skip:",
)
PURPOSES = ("keep_longer", "news", "affiliates", "visit")


OUTSIDE = (Corrected, Visited, AskedToForget, AskedToWithdraw, ColleagueSaid)  # events without a client's id


@dataclass
class Visitor:
    """One person with one conversation, and what a test knows of them."""

    number: int  # of all visitors there ever were
    channel: str
    locale: str
    gpc: bool
    chat: int
    rules: Rules
    conversation: str = ""
    subject: str = ""
    state: Conversation = field(init=False)
    last: int = 0  # highest message number
    typed: list[str] = field(default_factory=list)  # everything personal that was ever typed
    unasked: list[str] = field(default_factory=list)  # of it, what was typed without consent
    sent: list[tuple[Turn, TurnDone]] = field(default_factory=list)  # events that can be sent again
    consented: bool = False  # ever, to being contacted
    erasure: str = ""  # of the whole person: begun
    gone: bool = False

    def opening(self, at: datetime) -> Turn:
        """Return the turn that opens the conversation."""
        self.subject, self.conversation = f"{self.number:032x}", f"{self.number:031x}c"
        self.state = Conversation(
            channel=self.channel,
            site="default",
            locale=self.locale,
            reference=f"AF-{self.number:08d}",
            gpc=self.gpc,
        )
        web = self.channel == "web"
        opening = Opening(
            subject=self.subject,
            state=self.state,
            token_hash=self.token_hash if web else b"",
            expires_at=at + timedelta(days=1) if web else None,
            chat=0 if web else self.chat,
        )
        return Turn(conversation=self.conversation, event=Opened(), at=at, opening=opening)

    @property
    def token_hash(self) -> bytes:
        """Return the hash of the visitor's token."""
        return hashlib.sha256(self.conversation.encode()).digest()

    def turn(self, event: Event, at: datetime, number: int) -> Turn:
        """Return the turn of an event; what comes from a channel has its key."""
        outside = isinstance(event, OUTSIDE)
        key = b"" if outside else hashlib.sha256(f"{self.conversation}/{number}".encode()).digest()[:16]
        return Turn(
            conversation=self.conversation,
            event=event,
            at=at,
            key=key,
            digest=hashlib.sha256(repr((event, _words(event))).encode()).digest()[:16] if key else b"",
            client_id=f"c{number}" if key else "",
            channel_ref=number if self.channel == "telegram" else 0,
        )

    def types(self, text: str, personal: str) -> Said:
        """Type something, and remember what of it is personal."""
        if personal:
            self.typed.append(personal)
            if "contact" not in self.state.agreed:
                self.unasked.append(personal)
        return Said(text)


def _words(event: Event) -> str:
    return event.text if isinstance(event, Said) else event.phone if isinstance(event, SharedContact) else ""


def letters(number: int) -> str:
    """Return a number in letters: names take no digits."""
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:04d}")


def answer(visitor: Visitor, number: int, dice: int) -> Event:
    """Do what the open question asks for; with the dice on a multiple of seven, skip where that is offered."""
    expects = open_question(visitor.state, visitor.rules).expects
    if "field:skip" in expects.options and dice % 7 == 0:
        return Picked("field:skip")
    if expects.kind in ("text", "tel", "email"):
        return _fitting(visitor, expects.name, number)
    if expects.kind == "consent":
        ticked = tuple(p for place, p in enumerate(PURPOSES) if dice >> place & 1 and p in expects.purposes)
        refuses = dice % 8 == 5
        value = "consent:refuse" if refuses else "consent:agree"
        return Picked(value, purposes=() if refuses else ticked, policy=expects.policy)
    if expects.kind == "review":
        return Picked("review:send" if dice % 5 else expects.options[dice % len(expects.options)])
    if expects.kind == "confirm":
        return Picked(expects.options[-1])
    if expects.kind == "choice":
        unlikely = {"followup:no", "abroad:refuse", "whose:not"}
        likely = [option for option in expects.options if option not in unlikely or dice % 16 == 3]
        return Picked(likely[dice % len(likely)])
    return say(visitor, number, dice)


def _fitting(visitor: Visitor, name: str, number: int) -> Said:
    text = ANSWERS[name].format(number % 10_000, letters(number))
    return visitor.types(text, "" if name in ("industry", "gender", "need") else text)


def answer_wrongly(visitor: Visitor, number: int, dice: int) -> Event:
    """Answer the open question wrongly, as people do."""
    name = open_question(visitor.state, visitor.rules).expects.name
    wrong = WRONG.get(name, WRONG["company"])
    return Said(wrong[dice % len(wrong)][0])


def say(visitor: Visitor, number: int, dice: int) -> Event:
    """Say something, personal or not, whatever is asked."""
    text, personal = QUESTIONS[dice % len(QUESTIONS)]
    return visitor.types(text.format(number % 10_000), personal.format(number % 10_000))


def pick(visitor: Visitor, number: int, dice: int) -> Event:
    """Pick any offered option; where there is none, any command."""
    expects = open_question(visitor.state, visitor.rules).expects
    offered = expects.options or tuple(f"command:{name}" for name in COMMANDS)
    return Picked(offered[dice % len(offered)], policy=expects.policy)


def command(visitor: Visitor, number: int, dice: int) -> Event:
    """Give a command, picked or typed."""
    words: tuple[Event, ...] = (*(Picked(f"command:{name}") for name in COMMANDS), *map(Said, TYPED))
    return words[dice % len(words)]


def stray(visitor: Visitor, number: int, dice: int) -> Event:
    """Do what is not offered: an invented option, an old card's, a contact shared at any time."""
    if dice % 3 == 0:
        phone = f"138 0000 {number % 10_000:04d}"
        visitor.types("", phone)
        return SharedContact(f"+86{phone.replace(' ', '')}", own=dice % 2 == 0)
    if dice % 3 == 1:
        return Picked(NEVER_OFFERED[dice % len(NEVER_OFFERED)])
    return Picked("consent:agree", purposes=("contact", "everything")[: dice % 2 + 1], policy="1999-01")


def visit(visitor: Visitor, number: int, dice: int) -> Event:
    """Have the page tell of the visit, whether that was allowed or not."""
    browser = f"Kanari browser {number % 10_000:04d}"
    (visitor.typed if "visit" in visitor.state.agreed else visitor.unasked).append(browser)
    return Visited((("browser", browser), ("pages", "/"))[: 1 + dice % 2])


def use_a_right(visitor: Visitor, number: int, dice: int) -> Event:
    """Correct, erase a part or withdraw outside the chat."""
    if dice % 3 == 0:
        names = ("phone", "email", "name", "need", "position", "hat size")[: 1 + dice % 6][-2:]
        values = tuple(
            (name, ANSWERS.get(name, "7").format(number % 10_000, letters(number))) for name in names
        )
        for name, value in values:
            visitor.types("", "" if name in ("need", "hat size") else value)
        return Corrected(values)
    if dice % 3 == 1:
        return AskedToForget(("lead", "visit")[dice % 2])
    return AskedToWithdraw(
        (("keep_longer",), ("news", "visit"), ("contact",), ("telegram_abroad",), ("sleep",))[dice % 5]
    )


Move = Callable[[Visitor, int, int], Event]
MOVES: tuple[Move, ...] = (
    answer, answer, answer, answer, answer_wrongly, say, pick, pick, command, command, command, stray,
    use_a_right, use_a_right, visit,
)  # fmt: skip
