"""What a lead looks like to a colleague: which details there are, never the details; those are opened one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.desk import Desk
from bot.staff import talks
from bot.staff.answers import Refused
from bot.staff.doors import Visit
from intake.asking import NEED
from intake.events import MESSAGE_MAX, ColleagueSaid
from intake.masking import MASK
from storage.records import Turn
from storage.sales.leads import STATUSES, Lead

UNANSWERED = "new"  # the status in which an answer is due


class Inbox:
    """The leads as colleagues work on them, for the JSON API and the pages alike."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, status: str, query: str, cursor: str, visit: Visit) -> tuple[list[Lead], str]:
        """Return the newest leads and the cursor of the next page.

        Args: query: an exact reference, e-mail or phone; there is no search over what people wrote.
        Raises: Refused for a status or a cursor that is none.
        """
        if status and status not in STATUSES:
            raise Refused(400, "bad_request")
        return await self._desk.call(self._page, status, query.strip(), cursor, visit.colleague.actor)

    async def one(self, reference: str) -> Lead:
        """Return a lead. Raises NotFound, ConsentRequired."""
        return await self._desk.call(self._desk.storage.leads.one, reference)

    async def talk(self, lead: Lead) -> list[dict[str, Any]]:
        """Return what people said since the lead was sent. It belongs to the question: open that first."""
        return talks.shown(self._desk, await self._desk.call(talks.said_since, self._desk, lead))

    async def news(self, leads: Sequence[Lead]) -> dict[str, list[str]]:
        """Return what waits for a colleague, by reference; nobody sees the words for that."""
        return {lead.reference: await self._desk.call(talks.news, self._desk, lead) for lead in leads}

    async def change(self, reference: str, status: str | None, assignee: str | None, visit: Visit) -> Lead:
        """Set the status or whose lead it is, audited. Raises Refused for a status or a colleague that is none."""
        if status is not None and status not in STATUSES:
            raise Refused(400, "bad_request")
        return await self._desk.call(self._change, reference, status, assignee, visit.colleague.actor)

    async def reply(self, reference: str, text: str, visit: Visit) -> int:
        """Say something in the person's chat, audited; return the message's number. Raises Refused: empty, too long."""
        if not text.strip():
            raise Refused(400, "bad_request")
        if len(text) > MESSAGE_MAX:
            raise Refused(413, "too_long")
        lead = await self.one(reference)
        said = ColleagueSaid(text=text, name=self._desk.wording.say("staff.colleague", lead.locale))
        actor, at = visit.colleague.actor, self._desk.clock()
        turn = Turn(conversation=lead.conversation, event=said, at=at, actor=actor)
        done, _ = await self._desk.act(turn)
        return done.last

    async def types(self, reference: str) -> None:
        """Tell the open chat that a colleague is typing; nothing of it is kept. Raises NotFound, ConsentRequired."""
        lead = await self.one(reference)
        self._desk.hub.typing(lead.conversation)

    def _page(self, status: str, query: str, cursor: str, actor: str) -> tuple[list[Lead], str]:
        leads = self._desk.storage.leads
        try:
            if not query:
                return leads.newest(status=status, cursor=cursor)
            found = leads.search(query, actor)
        except ValueError:
            raise Refused(400, "bad_request") from None
        return [lead for lead in found if status in {"", lead.status}], ""

    def _change(self, reference: str, status: str | None, assignee: str | None, actor: str) -> Lead:
        if assignee:
            known = {one.id for one in self._desk.storage.staff.colleagues() if not one.disabled_at}
            if assignee not in known:
                raise Refused(400, "bad_request")
        return self._desk.storage.leads.change(reference, actor, status=status, assignee=assignee)


def row(desk: Desk, lead: Lead, locale: str) -> dict[str, Any]:
    """Return a lead as `GET /api/v1/staff/leads` shows it, masked."""
    return {
        "reference": lead.reference,
        "topic": lead.topic,
        "topic_label": topic_label(desk, lead.topic, locale),
        "channel": lead.channel,
        "locale": lead.locale,
        "status": lead.status,
        "assignee": lead.assignee,
        "at": moment(lead.at),
        "reply_due": moment(lead.answer_due) if lead.status == UNANSWERED else None,
        "keeps_until": moment(lead.keeps_until),
        "fields": [_masked(desk, name, locale) for name in lead.fields],
        "sensitive": any(_sensitive(desk, name) for name in lead.fields),
        "purposes": list(lead.purposes),
        "masked": True,
    }


def topic_label(desk: Desk, topic: str, locale: str) -> str:
    """Return the topic's label, its id when it is configured no more, or that there is none."""
    known = desk.rules.topics.get(topic)
    return known.label[locale] if known else topic or desk.wording.say("staff.no_topic", locale)


def moment(at: datetime) -> str:
    """Return a time as the contract writes it: RFC 3339, UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _sensitive(desk: Desk, name: str) -> bool:
    known = desk.rules.fields.get(name)  # None: the question, or a field that is configured no more
    return known.sensitive if known else name != NEED


def _masked(desk: Desk, name: str, locale: str) -> dict[str, Any]:
    shown = desk.wording.say("staff.question", locale) if name == NEED else desk.wording.label(name, locale)
    return {"field": name, "label": shown, "value": MASK, "sensitive": _sensitive(desk, name)}
