"""A desk with recipients, and people who talk to it: what tests of leads, deliveries and the console begin with."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.desk import Desk
from config.settings import Settings
from intake.conversation import Conversation
from intake.events import AskedToForget, AskedToWithdraw, Corrected, Event, Opened, Picked, Said
from intake.rules import Recipient
from storage.keys.checkpoints import ANCHOR
from storage.records import Opening, Turn, TurnDone
from storage.storage import Storage
from tests.house import shipped

NEED = "How do your gateways reach the cloud, canary-need?"
LI_NA: Mapping[str, str] = {
    "name": "Li Canary",
    "company": "Example Valves Ltd",
    "phone": "+8613800000000",
    "email": "li.canary@example.com",
    "position": "Engineer",
}


def recipient(id: str, kind: str, address: str, **more: Any) -> Recipient:  # noqa: A002  # the rules' own name
    """Return a recipient that may have everything for answering, unless `more` says otherwise."""
    given: dict[str, Any] = {
        "name": {"en": id, "zh-CN": id},
        "purpose": "contact",
        "fields": ("name", "company", "phone", "email"),
        "agreement": "internal rule 7/2026",
        "country": "CN",
        "secret_env": f"{id.upper()}_SECRET",
    }
    return Recipient(id=id, kind=kind, address=address, **{**given, **more})


def crm_and_partner(url: str) -> tuple[Recipient, Recipient]:
    """Return a CRM that may have name, e-mail and question, and a partner that needs a consent of its own."""
    crm = recipient("crm", "webhook", url, fields=("name", "email", "need"))
    return crm, recipient("partner", "webhook", url, purpose="affiliates", secret_env="CRM_SECRET")


@asynccontextmanager
async def selling_desk(
    var: Path, data_url: str, keyring_url: str, *recipients: Recipient, **environment: str
) -> AsyncIterator[Desk]:
    """Yield a desk whose leads go to these recipients."""
    urls = {"DATABASE_URL": data_url, "KEYRING_URL": keyring_url, "ASKFIRST_VAR": str(var)}
    settings = Settings.from_environment({**urls, **environment})
    loaded = shipped()
    loaded = replace(loaded, rules=replace(loaded.rules, recipients={one.id: one for one in recipients}))
    storage = Storage.open(
        data_url, keyring_url, settings.kek_url, loaded.rules, migrate=True, anchor=settings.var / ANCHOR
    )
    desk = Desk.build(settings, loaded, storage)
    try:
        yield desk
    finally:
        await desk.turns.drain()
        storage.close()


class Person:
    """Somebody in the web chat."""

    def __init__(self, desk: Desk) -> None:
        """Nobody has said anything yet."""
        self._desk = desk
        self.subject, self.conversation = desk.new_id(), desk.new_id()
        self.last: TurnDone | None = None

    async def opens(self) -> None:
        """Open the chat."""
        state = Conversation(channel="web", site="default", locale="en")
        opening = Opening(
            subject=self.subject,
            state=state,
            token_hash=hashlib.sha256(self.conversation.encode()).digest(),
            expires_at=self._desk.clock() + timedelta(days=1),
        )
        await self.does(Opened(), opening=opening)

    async def does(self, event: Event, **more: Any) -> TurnDone:
        """Let one thing happen."""
        turn = Turn(
            conversation=self.conversation,
            event=event,
            at=self._desk.clock(),
            **more,
        )
        self.last, _ = await self._desk.act(turn)
        assert not self.last.refused, self.last.refused
        return self.last

    async def reviews(self, *purposes: str) -> None:
        """Ask, agree to contact and `purposes`, and give details, as far as the review card."""
        await self.opens()
        for event in (Picked("topic:gateway"), Said(NEED), Picked("followup:yes")):
            await self.does(event)
        await self.does(Picked("consent:agree", purposes=purposes))
        await self.does(Picked("whose:own"))
        for value in LI_NA.values():
            await self.does(Said(value))
        await self.does(Picked("field:skip"))

    async def sends(self, *purposes: str) -> str:
        """Send a lead and return its reference."""
        await self.reviews(*purposes)
        done = await self.does(Picked("review:send"))
        assert done.state.sent
        return done.state.sent

    async def corrects(self, name: str, value: str) -> None:
        """Replace a detail."""
        await self.does(Corrected(((name, value),)))

    async def withdraws(self, *purposes: str) -> None:
        """Withdraw consent."""
        await self.does(AskedToWithdraw(purposes))

    async def leaves_nothing(self) -> None:
        """Have everything erased."""
        await self.does(AskedToForget("all"))
