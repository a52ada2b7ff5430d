"""Updates in, turns out: each exactly once by its update id, in order for each chat.

An update is done with when its turn is committed, or when it is recorded as poisoned: when it fails by itself, every
time. Where a database or the holder of the keys is away, Telegram keeps it and sends it again, however long that takes.
What is only courtesy (taking the buttons away, a word about a picture) happens afterwards, may fail, and keeps nobody
waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
from telegram import Bot, Update
from telegram.error import TelegramError

from bot.desk import Desk
from bot.telegram import updates
from bot.telegram.buttons import Reference, chosen, keyboard
from bot.telegram.lanes import Lanes
from bot.telegram.pipe import event_key
from bot.telegram.questions import Question, question_at
from bot.telegram.updates import Incoming, InGroup, Pressed, SentMedia, Started
from intake.conversation import Conversation
from intake.events import Event, Opened, Picked
from storage.records import Opening, Turn, TurnDone
from storage.store import Store
from storage.turn.turns import may_pass

# Seconds; a passing fault is no poison: a busy database, or a race for a new chat that another process has won. Each
# try looks anew, and so finds the conversation that the other one opened.
TRIES_AFTER = (0.2, 1.0)
LEAVE_SECONDS = 5.0  # seconds that courtesies may take when the process ends
_log = structlog.get_logger(__name__)


class Receiver:
    """Takes updates, from long polling and from the webhook alike."""

    def __init__(self, desk: Desk, bot: Bot, lanes: Lanes, committed: Callable[[], None]) -> None:
        """Take updates for `desk`; `committed` is called after each turn, so that its replies are sent."""
        self._desk, self._bot, self._lanes, self._committed = desk, bot, lanes, committed
        self._courtesies: set[asyncio.Task[None]] = set()

    async def take_all(self, batch: list[dict[str, Any]]) -> None:
        """Take a batch, chats side by side. Raises the first fault once all others are done."""
        results = await asyncio.gather(*map(self.take, batch), return_exceptions=True)
        for fault in results:
            if fault is not None:
                raise fault

    async def take(self, raw: Mapping[str, Any]) -> None:
        """Return when the update is done with. Raises what may pass: let Telegram repeat it."""
        try:
            incoming = updates.read(Update.de_json(dict(raw), self._bot))
        except Exception as fault:  # whatever it is that cannot be read, its neighbours can
            return await self._poisoned(raw, fault)
        if incoming is None:
            return None
        async with self._lanes.of(incoming.chat):
            for wait in (*TRIES_AFTER, None):
                try:
                    return await self._carry(incoming)
                except Exception as fault:  # an update must not block those behind it for ever
                    if wait is None:
                        return await self._given_up(raw, fault)
                    await asyncio.sleep(wait)
        return None

    async def close(self) -> None:
        """Let the courtesies under way finish, for a while."""
        if self._courtesies:
            _, late = await asyncio.wait(self._courtesies, timeout=LEAVE_SECONDS)
            for task in late:
                task.cancel()

    async def _given_up(self, raw: Mapping[str, Any], fault: Exception) -> None:
        if may_pass(fault):
            raise fault
        await self._poisoned(raw, fault)

    async def _poisoned(self, raw: Mapping[str, Any], fault: Exception) -> None:
        update, error = int(raw["update_id"]), type(fault).__name__
        await self._desk.call(self._desk.storage.store.record_poisoned_update, update, error)
        _log.error("telegram.update_poisoned", update=update, error=error)

    async def _carry(self, incoming: Incoming) -> None:
        what = incoming.what
        if isinstance(what, InGroup):
            return self._courtesy(self._leave(incoming))
        seen, conversation = await self._desk.call(
            _known, self._desk.storage.store, incoming.update, incoming.chat
        )
        if seen:
            return None
        if isinstance(what, Pressed):
            return await self._pressed(incoming, what, conversation)
        if isinstance(what, Started):
            return await self._started(incoming, what, conversation)
        conversation = conversation or await self._open(incoming)
        if isinstance(what, SentMedia):
            return self._tell(incoming, "telegram.media")
        done = await self._act(incoming, conversation, what)
        if done.refused:
            self._tell(incoming, f"error.{done.refused}", done.state.locale)
        return None

    async def _started(self, incoming: Incoming, what: Started, conversation: str | None) -> None:
        site, topic = updates.place(what.payload, self._desk.rules)
        if conversation is None:
            await self._open(incoming, site, topic, last=True)
        elif topic:
            await self._act(incoming, conversation, Picked("command:new"), part="new")
            # refused where one is open: well
            await self._act(incoming, conversation, Picked(f"topic:{topic}"))
        else:
            await self._act(incoming, conversation, Picked("command:new"))

    async def _open(self, incoming: Incoming, site: str = "", topic: str = "", *, last: bool = False) -> str:
        """Open a conversation with the chat; unless this is the `last` turn of the update, more of it follows."""
        desk = self._desk
        state = Conversation(
            channel="telegram",
            site=site or next(iter(desk.rules.sites)),
            locale=desk.wording.locale_for(incoming.language or None),
        )
        opening = Opening(subject=desk.new_id(), state=state, chat=incoming.chat)
        conversation = desk.new_id()
        await self._act(incoming, conversation, Opened(topic), part="" if last else "open", opening=opening)
        return conversation

    async def _act(
        self,
        incoming: Incoming,
        conversation: str,
        event: Event,
        *,
        part: str = "",
        opening: Opening | None = None,
    ) -> TurnDone:
        """Commit a turn. `part` names it where the update has a further one, which then marks the update as seen."""
        key = event_key(self._bot.token, incoming.update, part)
        turn = Turn(
            conversation=conversation,
            event=event,
            at=self._desk.clock(),
            key=key,
            digest=key,  # one update never means two things
            opening=opening,
            update=0 if part else incoming.update,
            channel_ref=0 if part or isinstance(incoming.what, Pressed) else incoming.message,
        )
        done, _ = await self._desk.act(turn)
        self._committed()
        return done

    async def _pressed(self, incoming: Incoming, what: Pressed, conversation: str | None) -> None:
        reference = Reference.read(what.data)
        question = await self._question(reference, conversation)
        if reference is None or question is None:
            return self._old_button(incoming, what)
        if reference.toggle:
            return self._tick(incoming, what, reference, question)
        value = reference.option(question.expects)
        event = Picked(value, reference.purposes(question.expects), question.expects.policy)
        done = await self._act(incoming, question.conversation, event)
        if done.refused:
            return self._old_button(incoming, what, f"error.{done.refused}")
        self._courtesy(self._bot.answer_callback_query(what.query))
        label = question.label(value, event.purposes)
        return self._courtesy(self._show(incoming, chosen(label)))

    async def _question(self, reference: Reference | None, conversation: str | None) -> Question | None:
        """Return the open question that the button belongs to; None when it is another one by now."""
        if reference is None or conversation is None or not reference.stands_on(conversation):
            return None
        return await question_at(self._desk, conversation, reference.seq)

    def _tick(self, incoming: Incoming, what: Pressed, reference: Reference, question: Question) -> None:
        """Tick or untick a box. No turn: nothing is decided before "agree"."""
        boxes = keyboard(
            question.conversation, question.seq, question.expects, question.drawn, reference.flipped()
        )
        self._courtesy(self._show(incoming, boxes))
        self._courtesy(self._bot.answer_callback_query(what.query))

    def _old_button(self, incoming: Incoming, what: Pressed, key: str = "telegram.old_button") -> None:
        text = self._desk.wording.say(key, self._locale(incoming))
        self._courtesy(self._bot.answer_callback_query(what.query, text))
        if Reference.read(what.data):  # not where it shows what was chosen
            self._courtesy(self._show(incoming, None))

    def _tell(self, incoming: Incoming, key: str, locale: str = "") -> None:
        text = self._desk.wording.say(key, locale or self._locale(incoming))
        self._courtesy(self._bot.send_message(incoming.chat, text))

    def _locale(self, incoming: Incoming) -> str:
        return self._desk.wording.locale_for(incoming.language or None)

    async def _show(self, incoming: Incoming, markup: Any) -> None:
        await self._bot.edit_message_reply_markup(incoming.chat, incoming.message, reply_markup=markup)

    async def _leave(self, incoming: Incoming) -> None:
        """Say once, kindly, where to go, and leave: then nothing more of the group is ever heard."""
        try:
            await self._bot.send_message(
                incoming.chat, self._desk.wording.say("telegram.groups", self._locale(incoming))
            )
        finally:
            await self._bot.leave_chat(incoming.chat)

    def _courtesy(self, doing: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(_kindly(doing))
        self._courtesies.add(task)
        task.add_done_callback(self._courtesies.discard)


async def _kindly(doing: Coroutine[Any, Any, object]) -> None:
    try:
        await doing
    except TelegramError as fault:
        # the message is gone, the query too old, the person away: all said in the chat
        _log.debug("telegram.courtesy_failed", error=type(fault).__name__)


def _known(store: Store, update: int, chat: int) -> tuple[bool, str | None]:
    return store.update_seen(update), store.telegram_conversation(chat)
