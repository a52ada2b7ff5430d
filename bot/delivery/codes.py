"""One-time codes by mail: whose the address is, is looked up when one is sent; what works no more is not mailed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.delivery.mail import Mails
from bot.desk import Desk


class Codes:
    """Mails codes for the outbox."""

    def __init__(self, desk: Desk, mails: Mails) -> None:
        self._desk, self._mails = desk, mails

    async def carry(self, carried: Mapping[str, Any]) -> None:
        """Mail the code that a task carries; to nobody where it has expired, or the address is no person's here.

        Raises: as `Mails.code`: then the outbox tries again, for as long as the code works.
        """
        now = self._desk.clock()
        address = await self._desk.call(self._desk.storage.store.code_receiver, carried, now)
        if address:
            locale = str(carried["locale"])
            await self._mails.code(address, str(carried["code"]), locale, name=str(carried["id"]), at=now)
