"""Mail that really goes out: a desk's outbox delivered to a mail server on loopback, and codes read out of mails."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage

import aiohttp

from bot.delivery.courier import Courier
from bot.delivery.mail import Mails, MailServer
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from storage.turn.codes import CODE_MAIL
from tests.receivers import MailBox

NO_SERVER = "smtp://127.0.0.1:9"  # codes are asked for and read in the outbox; nothing is carried


async def delivered(desk: Desk, box: MailBox) -> EmailMessage:
    """Carry every task that is due now, as the worker does; return the newest mail."""
    async with aiohttp.ClientSession() as session:
        mails = Mails(desk, MailServer.at(f"smtp://127.0.0.1:{box.port}"))
        courier = Courier(desk, Webhooks(session, {}), mails, {})
        for task in await desk.call(desk.storage.outbox.claim, desk.clock() + timedelta(seconds=1)):
            assert await courier.carry(task)
    return box.got[-1]


async def mailed_code(desk: Desk) -> str:
    """Return the code of the newest mail that waits to be carried, without a mail server."""
    outbox = desk.storage.outbox
    due = await desk.call(outbox.claim, desk.clock() + timedelta(seconds=1))
    carried = [await desk.call(outbox.carried, task) for task in due if task.kind == CODE_MAIL]
    return str(carried[-1]["code"])


def code_in(mail: EmailMessage) -> str:
    """Return the code in a mail."""
    (found,) = re.findall(r"\b\d{6}\b", str(mail.get_content()))
    return str(found)
