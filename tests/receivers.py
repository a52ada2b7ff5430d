"""Those who are told: a real HTTP receiver of webhooks and a real mail server, both on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the example of the Standard Webhooks specification


@dataclass
class Receiver:
    """Keeps what was posted to it; answers with the first of `answers`, 204 when there are none left."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    arrivals: asyncio.Queue[str] = field(default_factory=asyncio.Queue)  # ids, as deliveries arrive
    pause: float = 0  # seconds before the answer

    async def take(self, request: web.Request) -> web.Response:
        """Keep one delivery."""
        self.arrivals.put_nowait(request.headers["webhook-id"])
        await asyncio.sleep(self.pause)
        self.got.append((dict(request.headers), await request.read()))
        return web.Response(
            status=self.answers.pop(0) if self.answers else 204, headers={"location": self.url}
        )

    def verified(self) -> list[dict[str, Any]]:
        """Return every delivery, each checked by the library's own verifier."""
        return [Webhook(SECRET).verify(body, dict(headers)) for headers, body in self.got]

    def ids(self) -> list[str]:
        """Return the ids of the deliveries."""
        return [headers["webhook-id"] for headers, _ in self.got]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Yield a receiver that listens."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@dataclass
class MailBox:
    """Keeps what was mailed, and whether it came through TLS and after a login."""

    port: int
    got: list[EmailMessage] = field(default_factory=list)
    wrapped: list[bool] = field(default_factory=list)
    logged_in: list[bool] = field(default_factory=list)
    pause: float = 0  # seconds before each of three answers

    async def handle_EHLO(  # noqa: N802  # aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        """Greet."""
        await asyncio.sleep(self.pause)
        session.host_name = hostname
        return answers

    async def handle_RCPT(  # noqa: N802  # aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take whatever address."""
        await asyncio.sleep(self.pause)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd
        """Keep one mail."""
        await asyncio.sleep(self.pause)
        mail = message_from_bytes(envelope.content or b"", policy=default)  # type: ignore[arg-type]  # bytes here
        assert isinstance(mail, EmailMessage)
        self.got.append(mail)
        self.wrapped.append(session.ssl is not None)
        self.logged_in.append(bool(session.authenticated))
        return "250 OK"


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"desk", b"p@ss/word")
    return AuthResult(success=right)


@contextmanager
def mail_server(
    port: int, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[MailBox]:
    """Yield a mail box behind a listening server; `starttls` and `tls` make it insist on a login inside TLS."""
    box = MailBox(port)
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_required=starttls is not None,
        authenticator=_login if starttls else None,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
