"""Mail: notices to colleagues, and one-time codes to people. No value that a person gave ever stands in a mail."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from markupsafe import Markup

from bot.delivery import DeliveryFailed
from bot.desk import Desk
from config.settings import LOOPBACK
from intake.answer_contacts import mailable
from intake.rules import Recipient

TIMEOUT = 15.0  # seconds until the mail server has taken a mail; with parting well within the outbox's lease
PARTING = 5.0  # seconds for its answer to our QUIT
_HTML = Markup(
    '<!doctype html><html lang="{locale}"><body style="font:15px/1.5 sans-serif">'
    '<p>{text}</p><p><a href="{link}">{open}</a></p></body></html>\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in: `SMTP_URL` taken apart."""

    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: bool = False  # from the first byte (smtps://)
    starttls: bool = False  # or no mail at all; off this machine always, if not `tls`

    @classmethod
    def at(cls, url: str) -> MailServer:
        """Read `smtp://user:pass@host:587?starttls=1` or `smtps://…`. Raises ValueError for anything else.

        Off this machine nothing goes without TLS, asked for or not: who stands in between could strike the offer out.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("SMTP_URL is not of the form smtp://user:pass@host:587?starttls=1")
        tls = parts.scheme == "smtps"
        asked = parse_qs(parts.query).get("starttls", ["0"])[-1] == "1"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 587),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            starttls=not tls and (asked or parts.hostname not in LOOPBACK),
        )


class Mails:
    """Sends notices to recipients of kind `mail`. Without a server every sending fails, visibly."""

    def __init__(
        self, desk: Desk, server: MailServer | None, *, trusted: ssl.SSLContext | None = None
    ) -> None:
        """Take what all notices share. `trusted`: certificates to accept instead of the system's."""
        self._desk = desk
        self._server = server
        self._trusted = trusted

    async def send(
        self, recipient: Recipient, kind: str, params: Mapping[str, str], *, name: str, at: datetime
    ) -> None:
        """Send the notice of `kind` (an event's name).

        Args: params: `reference` and `topic`; name: the same at every try, so that a mail box may drop a repeat.
        Raises: DeliveryFailed without a mail server; TimeoutError or what aiosmtplib raises when it does not take the
        mail.
        """
        await self._post(self._notice(recipient, kind, params, name=name, at=at))

    async def code(self, to: str, code: str, locale: str, *, name: str, at: datetime) -> None:
        """Send a one-time code to a person, in their language. Raises as `send`."""
        say = self._desk.wording.say
        mail = self._addressed(mailable(to), say("mail.code.subject", locale), name=name, at=at)
        mail["Content-Language"] = locale
        mail.set_content(f"{say('mail.code', locale, code=code)}\n")
        await self._post(mail)

    async def _post(self, mail: EmailMessage) -> None:
        if self._server is None:
            raise DeliveryFailed("no mail server: set SMTP_URL")
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.tls,
            start_tls=self._server.starttls or None,  # None: whenever a server on this machine offers it
            tls_context=self._trusted,
            timeout=TIMEOUT,  # for each step: a server that is slow at every one would outlast the task's lease
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                await client.connect()
                await client.send_message(mail)
            # the mail is taken: whatever comes now, it is not sent again
            with suppress(aiosmtplib.SMTPException, TimeoutError):
                await client.quit(timeout=PARTING)
        finally:
            client.close()

    def _notice(
        self, recipient: Recipient, kind: str, params: Mapping[str, str], *, name: str, at: datetime
    ) -> EmailMessage:
        say, locale = self._desk.wording.say, self._desk.rules.default_locale
        text = say(f"mail.{kind}", locale, **params)
        link = f"{self._desk.settings.public_url}/staff/leads/{params['reference']}"
        subject = say("mail.subject", locale, reference=params["reference"])
        notice = self._addressed(recipient.address, subject, name=name, at=at)
        notice.set_content(f"{text}\n\n{link}\n")
        html = _HTML.format(locale=locale, text=text, link=link, open=say("mail.open", locale))
        notice.add_alternative(str(html), subtype="html")
        return notice

    def _addressed(self, to: str, subject: str, *, name: str, at: datetime) -> EmailMessage:
        sender = self._desk.rules.company.email
        mail = EmailMessage()
        mail["From"] = sender
        mail["To"] = to
        mail["Subject"] = subject
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
        return mail
