"""Files that go with a reply: a person's own copy of everything, and the receipts of their consent (S24, L14)."""

from __future__ import annotations

from typing import Any

import orjson

from bot.desk import Desk
from bot.drawing import moment
from intake.outcomes import Reply
from storage.records import Message
from storage.turn.showing import OWN_VIEW

Attachment = tuple[str, bytes]  # file name and content


async def attachment(desk: Desk, subject: str, conversation: str, message: Message) -> Attachment | None:
    """Return the file that `message` promises, made of what is kept at this moment; None where it promises none."""
    if not isinstance(message.body, Reply) or message.body.key not in ("export", "receipts"):
        return None
    copy: dict[str, Any] = {"receipts": list(await desk.call(desk.storage.store.receipts, subject))}
    if message.body.key == "export":
        copy = {**await _everything(desk, subject, conversation, message.locale), **copy}
    content = orjson.dumps(copy, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z)
    return f"askfirst-{message.body.key}.json", content


async def _everything(desk: Desk, subject: str, conversation: str, locale: str) -> dict[str, Any]:
    store = desk.storage.store
    record = await desk.call(store.record, subject, purpose=OWN_VIEW)
    said = await desk.call(store.transcript, conversation, 0)
    frames = [
        desk.wording.frame(message, values=said.values, record=said.record) for message in said.messages
    ]
    return {
        "exported_at": moment(desk.clock()),
        "company": desk.rules.company.name[locale],
        **desk.wording.record(record, locale),
        "transcript": frames,
    }
