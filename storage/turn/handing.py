"""Handing a consultation to sales, and telling those who received something: leads, outbox tasks, retention dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from intake.hours import answer_due
from intake.outcomes import CallColleague, JoinLead, Submit
from intake.rules import KEEP_LONGER, Recipient, Rules
from storage.errors import ConsentRequired
from storage.evidence.audit import PERSON, Entry
from storage.outbox import Task, enqueue
from storage.tables import disclosures, leads
from storage.turn.carrying import Carrying

MAIL = "mail"  # a recipient that is a colleague's mailbox


def submit(carrying: Carrying, effect: Submit) -> None:
    """Make the lead and tell every recipient whose purpose is agreed to. Raises ConsentRequired without contact."""
    standing, state = carrying.standing, carrying.state
    carrying.write(
        "lead_sent",
        subject=standing.subject,
        id=carrying.means.new_id(),
        conversation=standing.id,
        scope=carrying.numbers.scope,
        reference=effect.reference,
        topic=effect.topic,
        channel=standing.channel,
        site=standing.site,
        locale=state.locale,
        status="new",
        assignee="",
        submitted_at=carrying.at,
        answer_due=answer_due(carrying.at, carrying.rules.hours),
        keeps_until=carrying.at + _keep(carrying.rules, carrying.live),
    )
    _tell(carrying, "lead.created", effect.reference, _agreed(carrying))
    carrying.entries.append(
        Entry(at=carrying.at, actor=PERSON, action="submitted", subject=standing.subject, policy=state.policy)
    )


def join(carrying: Carrying, effect: JoinLead) -> None:
    """Tell the recipients that the lead has a further message."""
    _tell(carrying, "lead.updated", effect.reference, _agreed(carrying))


def call_colleague(carrying: Carrying, effect: CallColleague) -> None:
    """Tell the colleagues' mailboxes that the visitor asks for a human."""
    mailboxes = [recipient for recipient in _agreed(carrying) if recipient.kind == MAIL]
    _tell(carrying, "human", effect.reference, mailboxes)


def withdraw(carrying: Carrying, purposes: tuple[str, ...]) -> None:
    """Take the leads away from sales, or shorten how long they are kept; tell who had received something."""
    rules, subject = carrying.rules, carrying.standing.subject
    everything = any(rules.purposes[purpose].required for purpose in purposes if purpose in rules.purposes)
    if everything:
        until = carrying.at + rules.retention.withdrawn
        carrying.write("lead_withdrawn", b_subject=subject, b_until=until)
    elif KEEP_LONGER in purposes:
        keep = _keep(rules, carrying.live)
        carrying.later.append(lambda connection: _shorten(connection, subject, keep))
    tell_those_told(carrying, "consent.withdrawn", lambda one: everything or one.purpose in purposes)


def tell_those_told(
    carrying: Carrying, kind: str, concerns: Callable[[Recipient], bool], fields: tuple[str, ...] = ()
) -> None:
    """Enqueue one task for each recipient and lead in the disclosure log that this concerns (L8)."""

    def tell(connection: Connection) -> None:
        told = told_of(connection, carrying.standing.subject)
        recipients = carrying.rules.recipients
        concerned = [
            row for row in told if row.recipient in recipients and concerns(recipients[row.recipient])
        ]
        enqueue(
            connection, [_task(carrying, kind, row.reference, row.recipient, fields) for row in concerned]
        )

    carrying.later.append(tell)


def told_of(connection: Connection, subject: str, reference: str = "") -> list[Row[Any]]:
    """Return each recipient and reference in the disclosure log of a person, of one lead if given."""
    told = select(disclosures.c.recipient, disclosures.c.reference).distinct()
    mine = told.where(disclosures.c.subject == subject, disclosures.c.reference != "")
    if reference:
        mine = mine.where(disclosures.c.reference == reference)
    return list(connection.execute(mine.order_by(disclosures.c.recipient, disclosures.c.reference)))


def _agreed(carrying: Carrying) -> list[Recipient]:
    return [one for one in carrying.rules.recipients.values() if one.purpose in carrying.live]


def _keep(rules: Rules, live: Iterable[str]) -> timedelta:
    agreed = [rules.purposes[name] for name in live if name in rules.purposes]
    keeps = [one.keep for one in agreed if one.required]
    if not keeps:
        raise ConsentRequired("no live consent to be contacted")
    return max(*keeps, *(one.keep for one in agreed if one.id == KEEP_LONGER), timedelta(0))


def _shorten(connection: Connection, subject: str, keep: timedelta) -> None:
    mine = select(leads.c.id, leads.c.submitted_at, leads.c.keeps_until).where(leads.c.subject == subject)
    for row in connection.execute(mine).all():
        until: datetime = min(row.keeps_until, row.submitted_at + keep)
        one = update(leads).where(leads.c.subject == subject, leads.c.id == row.id)
        connection.execute(one.values(keeps_until=until))


def _tell(carrying: Carrying, kind: str, reference: str, recipients: Iterable[Recipient]) -> None:
    carrying.tasks.extend(_task(carrying, kind, reference, one.id) for one in recipients)


def _task(
    carrying: Carrying, kind: str, reference: str, recipient: str, fields: tuple[str, ...] = ()
) -> Task:
    return Task(
        id=carrying.means.new_id(),
        kind=kind,
        subject=carrying.standing.subject,
        at=carrying.at,
        recipient=recipient,
        conversation=carrying.standing.id,
        reference=reference,
        fields=fields,
    )
