"""Replies out, in order for each chat, from the transcript: what was committed is sent, whatever happens in between.

The watermark of what a chat shows stands in the store. After a crash everything behind it is sent again: a message may
come twice, a turn never. While Telegram cannot be reached nothing is lost, it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import structlog
from telegram import Bot, LinkPreviewOptions, ReplyKeyboardMarkup, ReplyKeyboardRemove
from telegram import Message as Sent
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden

from bot.desk import Desk
from bot.telegram.attachments import attachment
from bot.telegram.drawing import CAPTION_MAX, Drawn, draw
from intake.outcomes import Reply
from storage.errors import SubjectErased
from storage.records import Message, Transcript

# Seconds between two looks at what other processes committed: a colleague's answer, the reply to a webhook's update.
LOOK_SECONDS = 0.25
FIRST_PAUSE = 0.5  # seconds after a failure; doubled at each further one
LONGEST_PAUSE = 60.0  # seconds
LEAVE_SECONDS = 5.0  # seconds that a message on its way has when the process ends
_log = structlog.get_logger(__name__)


class Sender:
    """Sends what stands in the transcripts and not yet in the chats. One process does this."""

    def __init__(self, desk: Desk, bot: Bot) -> None:
        """Send for `desk` through `bot`."""
        self._desk, self._bot = desk, bot
        self._news, self._ending = asyncio.Event(), asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}  # by conversation
        self._lost = set[str]()  # conversations whose chat cannot be opened

    def wake(self) -> None:
        """Say that something was committed, so that it is sent at once."""
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled; what is on its way then is finished, so that it is not sent twice."""
        try:
            while True:
                self._news.clear()
                await self._look()
                await _either(self._news, LOOK_SECONDS)
        finally:
            self._ending.set()
            if self._busy:
                _, late = await asyncio.wait(self._busy.values(), timeout=LEAVE_SECONDS)
                for task in late:
                    task.cancel()

    async def _look(self) -> None:
        try:
            waiting = await self._desk.call(self._desk.storage.store.undelivered)
        except Exception as fault:  # a database that is away comes back; the next look finds what waits
            _log.error("telegram.look_failed", error=type(fault).__name__)
            return
        for conversation, chat, delivered in waiting:
            if not chat:
                self._lose(conversation)
            elif conversation not in self._busy:
                task = asyncio.create_task(self._deliver(conversation, chat, delivered))
                self._busy[conversation] = task
                task.add_done_callback(partial(self._free, conversation))

    def _lose(self, conversation: str) -> None:
        """Say once that nobody knows where a conversation's answers go."""
        if conversation not in self._lost:
            self._lost.add(conversation)
            _log.error("telegram.chat_lost", conversation=conversation)

    def _free(self, conversation: str, _: asyncio.Task[None]) -> None:
        del self._busy[conversation]
        self.wake()  # something may have been committed since its transcript was read

    async def _deliver(self, conversation: str, chat: int, delivered: int) -> None:
        """Send what a chat lacks, trying again until it has come through or the process ends."""
        chat_of = Chat(self._desk, self._bot, conversation, chat, delivered)
        for pause in _pauses():
            try:
                return await chat_of.catch_up()
            except SubjectErased:  # between the look and the reading; the next look does not list it any more
                await _either(self._ending, LOOK_SECONDS)
                return None
            except Exception as fault:  # Telegram or the database is away, or asks for patience
                _log.warning("telegram.send_failed", conversation=conversation, error=type(fault).__name__)
            if await _either(self._ending, pause):
                return None
        return None


class Chat:
    """One chat that lacks messages, and how far it has come."""

    def __init__(self, desk: Desk, bot: Bot, conversation: str, chat: int, delivered: int) -> None:
        """Begin after the message numbered `delivered`."""
        self._desk, self._bot = desk, bot
        self._conversation, self._chat, self._delivered = conversation, chat, delivered
        self._keyboard = False  # whether the share-contact keyboard is up

    async def catch_up(self) -> None:
        """Send everything after the watermark, in order. May be called again after a failure."""
        store = self._desk.storage.store
        transcript = await self._desk.call(store.transcript, self._conversation, max(self._delivered - 1, 0))
        self._keyboard = any(_shares(one) for one in transcript.messages if one.seq <= self._delivered)
        live = max((one.seq for one in transcript.messages if one.sender == "bot"), default=0)
        try:
            for message in transcript.messages:
                if message.seq > self._delivered:
                    await self._show(transcript, message, live=message.seq == live)
        except Forbidden:  # blocked: they know where to find us
            await self._passed(transcript.messages[-1])

    async def _show(self, transcript: Transcript, message: Message, *, live: bool) -> None:
        if message.sender == "visitor" or message.body is None:
            return await self._passed(message)
        frame = self._desk.wording.frame(message, values=transcript.values, record=transcript.record)
        drawn = draw(self._desk.wording, self._conversation, message, frame, live=live)
        try:
            sent = await self._send(transcript, message, drawn)
        except BadRequest as refusal:  # it would never be taken, and must not keep what follows
            _log.error("telegram.message_refused", conversation=self._conversation, seq=message.seq,
                       error=type(refusal).__name__)  # fmt: skip
            return await self._passed(message)
        return await self._passed(message, sent.message_id)

    async def _passed(self, message: Message, channel_ref: int = 0) -> None:
        ref = channel_ref or message.channel_ref
        await self._desk.call(self._desk.storage.store.mark_delivered, self._conversation, message.seq, ref)
        self._delivered = message.seq

    async def _send(self, transcript: Transcript, message: Message, drawn: Drawn) -> Sent:
        markup = drawn.markup or (ReplyKeyboardRemove() if self._keyboard else None)
        if self._keyboard and markup is drawn.markup and not isinstance(markup, ReplyKeyboardMarkup):
            await self._put_keyboard_away()
        self._keyboard = isinstance(markup, ReplyKeyboardMarkup)
        file = await attachment(self._desk, transcript.subject, self._conversation, message)
        if file or not drawn.fits:
            name, content = file or ("message.txt", drawn.plain.encode())
            caption = drawn.html if file and len(drawn.plain) <= CAPTION_MAX else drawn.title
            return await self._bot.send_document(
                self._chat,
                content,
                filename=name,
                caption=caption,
                parse_mode=ParseMode.HTML,
                reply_markup=markup,
            )
        return await self._bot.send_message(
            self._chat,
            drawn.html,
            parse_mode=ParseMode.HTML,
            reply_markup=markup,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )

    async def _put_keyboard_away(self) -> None:
        """A message carries one kind of keyboard only, so another one takes the share-contact button away."""
        sign = await self._bot.send_message(
            self._chat, "✓", disable_notification=True, reply_markup=ReplyKeyboardRemove()
        )
        with suppress(BadRequest):
            await self._bot.delete_message(self._chat, sign.message_id)


def _shares(message: Message) -> bool:
    return isinstance(message.body, Reply) and message.body.expects.kind == "tel"


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


async def _either(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event or the time; return whether it was the event."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
