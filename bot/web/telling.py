"""What one socket is told: answers to its frames, and every message once, in order, as its session may see it.

`told` is the number of the last message that went out. What the hub did not bring (its queue ran over, another process
committed) leaves a gap after it, and is read from the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.hub import Delivery
from bot.web.frames import SEQ_MAX
from bot.web.problems import Problem, of_storage, unexpected
from bot.web.sessions import sees_masked
from bot.web.wire import CLOSE_CODES, Wire
from storage.errors import StorageError

if TYPE_CHECKING:
    from bot.desk import Desk
    from storage.records import Message, Session, Transcript, TurnDone


class Teller:
    """Tells one socket of a session what was committed. One task at a time calls it."""

    def __init__(self, desk: Desk, wire: Wire, session: Session) -> None:
        """Begin with nothing told."""
        self._desk, self._wire, self._session = desk, wire, session
        self._trust = session.trust
        self._erasure = ""  # the last one that was told here
        self._told = 0

    async def welcome(self, after: int) -> None:
        """Tell the `welcome`, and every message after the watermark that the client claims, if there are so many."""
        transcript = await self._transcript(after)
        self._told = min(after, transcript.last)
        welcome = {
            "type": "welcome",
            "session": self._session.conversation,
            "locale": transcript.state.locale,
            "seq": transcript.last,
        }
        await self._wire.tell([welcome, *self._new(transcript)])

    async def answer(self, id_: str, done: TurnDone, certificate: Mapping[str, Any] | None) -> None:
        """Tell what became of the frame `id_`: its ack and what follows it, or why nothing of it was stored."""
        if done.refused:
            detail = self._desk.wording.say(f"error.{done.refused}", done.state.locale)
            error = {"type": "error", "id": id_, "code": done.refused, "detail": detail}
            await self.relay(Delivery(done), error)
        else:
            if self._told < done.ack - 1:
                await self._catch_up(done.ack)
            await self.relay(Delivery(done, certificate), {"type": "ack", "id": id_, "seq": done.ack})

    async def refuse(self, id_: str, fault: Exception) -> None:
        """Tell by which fault the turn of the frame `id_` failed; close where nobody is left to talk to."""
        problem = (of_storage(fault) if isinstance(fault, StorageError) else None) or unexpected(fault)
        await self._wire.tell([error_frame(problem, id_)])
        if problem.code in ("erased", "unauthorized"):
            await self._wire.leave(CLOSE_CODES[problem.code])

    async def relay(self, delivery: Delivery, *first: Mapping[str, Any]) -> None:
        """Tell `first`, then a committed turn: its messages that are new here, and the erasure it ended in."""
        done, certificate = delivery.done, delivery.certificate
        if done.trust is not None and done.session == self._session.token_hash:
            self._trust = done.trust  # a code was entered, here or in another socket of the session
        everything = certificate is not None and done.scope == "all"
        frames: list[Mapping[str, Any]] = [*first]
        if done.messages and not done.repeated and not everything and done.last > self._told:
            if self._told < done.messages[0].seq - 1:
                await self._catch_up(done.messages[0].seq)
            frames += self._new(done)
        if certificate is not None and done.erasure != self._erasure:
            self._erasure = done.erasure  # the hub brings this socket's own turns too
            frames.append({"type": "erased", "certificate": certificate})
        if frames:
            await self._wire.tell(frames)
        if everything:
            await self._wire.leave(4410)

    async def typing(self) -> None:
        """Tell that a colleague is typing."""
        await self._wire.tell([{"type": "typing", "from": "staff"}])

    async def _catch_up(self, seq: int) -> None:
        """Tell what others committed before message `seq` and the hub has not brought yet."""
        transcript = await self._transcript(self._told)
        await self._wire.tell(self._new(transcript, before=seq))

    def _new(self, shown: TurnDone | Transcript, *, before: int = SEQ_MAX) -> list[dict[str, Any]]:
        """Return the frames of the messages that were not told yet, up to `before`, and count them as told."""
        frames = []
        for message in shown.messages:
            if self._told < message.seq < before:
                self._told = message.seq
                frames.append(self._frame(message, shown))
        return frames

    def _frame(self, message: Message, shown: TurnDone | Transcript) -> dict[str, Any]:
        masked = sees_masked(self._desk, self._trust)
        frame: dict[str, Any] = self._desk.wording.frame(
            message, values=shown.values, record=shown.record, masked=masked
        )
        return frame

    async def _transcript(self, after: int) -> Transcript:
        store, conversation = self._desk.storage.store, self._session.conversation
        return await self._desk.call(store.transcript, conversation, after)


def error_frame(problem: Problem, id_: str | None = None) -> dict[str, Any]:
    """Return the `error` frame of a problem; `id_` names the frame that met it."""
    named = {} if id_ is None else {"id": id_}
    return {"type": "error", **named, "code": problem.code, "detail": problem.detail, **problem.more}
