"""Carry one task of the outbox: open what the recipient may see, at this moment and not before, and send it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from bot.delivery import DeliveryFailed
from bot.delivery.codes import Codes
from bot.delivery.mail import Mails
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from intake.rules import Recipient
from storage.outbox import Task
from storage.sales.parcels import Parcel
from storage.turn.codes import CODE_MAIL

# a channel's own task; it gets what the task carries
Handler = Callable[[Mapping[str, Any]], Awaitable[None]]
WEBHOOK_EVENTS = frozenset(  # contract, "Outgoing webhooks"
    {"lead.created", "lead.updated", "person.corrected", "person.erased", "consent.withdrawn"}
)
_log = structlog.get_logger(__name__)


class Courier:
    """Delivers tasks. `handlers` are tasks of the desk's own, by kind: channels register theirs, beside the codes."""

    def __init__(self, desk: Desk, webhooks: Webhooks, mails: Mails, handlers: Mapping[str, Handler]) -> None:
        self._desk = desk
        self._webhooks = webhooks
        self._mails = mails
        self._handlers = {CODE_MAIL: Codes(desk, mails).carry, **handlers}

    async def carry(self, task: Task) -> bool:
        """Deliver a task and forget it, or put it off; return whether it was carried out. Never raises."""
        try:
            await self._deliver(task)
            await self._desk.call(self._desk.storage.outbox.done, task)
        except Exception as fault:
            # whatever it was, the task is tried again and its neighbours are not harmed
            name = type(fault).__name__
            again = await self._put_off(task, name)
            _log.warning("delivery.failed", task=task.id, kind=task.kind, error=name, again=again)
            return False
        return True

    async def _put_off(self, task: Task, error: str) -> bool:
        """Put a failed task off, or give it up; return whether it will be tried again."""
        try:
            return await self._desk.call(self._desk.storage.outbox.retry, task, self._desk.clock(), error)
        except Exception as fault:  # the database is away: the task is due again when its lease ends
            _log.error("delivery.unnoted", task=task.id, kind=task.kind, error=type(fault).__name__)
            return True

    async def _deliver(self, task: Task) -> None:
        handler = self._handlers.get(task.kind)
        if handler is not None:
            return await handler(await self._desk.call(self._desk.storage.outbox.carried, task))
        if not task.recipient:
            raise DeliveryFailed(f"no channel here carries {task.kind}")  # kept for a worker that has it
        recipient = self._desk.rules.recipients.get(task.recipient)
        parcel = None
        if recipient and (recipient.kind == "mail" or task.kind in WEBHOOK_EVENTS):
            parcel = await self._desk.call(
                self._desk.storage.parcels.parcel, task, recipient, self._desk.clock()
            )
        if recipient is None or parcel is None:
            _log.info("delivery.dropped", task=task.id, kind=task.kind)
            return None
        await self._send(task, recipient, parcel)
        return await self._desk.call(self._desk.storage.parcels.acknowledged, task, self._desk.clock())

    async def _send(self, task: Task, recipient: Recipient, parcel: Parcel) -> None:
        now = self._desk.clock()
        if recipient.kind == "mail":
            # the wording knows its label
            params = {"reference": parcel.reference, "topic": parcel.topic or "–"}
            return await self._mails.send(recipient, task.kind, params, name=task.id, at=now)
        event = {
            "type": task.kind,
            "timestamp": task.at.isoformat().replace("+00:00", "Z"),
            "data": {"reference": parcel.reference, "topic": parcel.topic, "fields": dict(parcel.fields)},
        }
        return await self._webhooks.send(recipient, event, name=task.id, at=now)
