"""Files that go with a reply: a person's own copy of everything, the receipts of their consent."""

from __future__ import annotations

import json

from bot.desk import Desk
from intake.outcomes import Reply
from storage.records import Message

RECEIPTS = "receipts.json"


async def attachment(desk: Desk, subject: str, message: Message) -> tuple[str, bytes] | None:
    """Return name and content of the file that `message` promises, read at this moment; None without one."""
    if not isinstance(message.body, Reply):
        return None
    if message.body.key == "receipts":
        receipts = await desk.call(desk.storage.store.receipts, subject)
        return RECEIPTS, json.dumps(receipts, ensure_ascii=False, indent=2, default=str).encode()
    return None
