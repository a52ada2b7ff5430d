"""Mail notices: the reference and a link, in words, never a value."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest
import trustme

from bot.delivery.courier import Courier, Handler
from bot.delivery.mail import Mails, MailServer
from bot.delivery.webhook import Webhooks
from bot.desk import Desk
from intake.events import Picked, Said
from storage.outbox import Counts, Task, enqueue, lasting
from tests.receivers import mail_server
from tests.selling import LI_NA, Person, recipient, selling_desk

SALES = recipient("sales", "mail", "sales@desk.example.com")

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose sales colleagues have a mailbox."""
    async with selling_desk(tmp_path, data_url, keyring_url, SALES) as opened:
        yield opened


async def _deliver(
    desk: Desk,
    url: str,
    *,
    trusted: ssl.SSLContext | None = None,
    handlers: dict[str, Handler] | None = None,
) -> list[bool]:
    async with aiohttp.ClientSession() as session:
        mails = Mails(desk, MailServer.at(url) if url else None, trusted=trusted)
        courier = Courier(desk, Webhooks(session, {}), mails, handlers or {})
        tasks = await desk.call(desk.storage.outbox.claim, desk.clock() + timedelta(minutes=10))
        return [await courier.carry(task) for task in tasks]


async def test_sales_hears_of_a_lead(desk: Desk, free_port: int) -> None:
    """A notice names the reference and the topic and leads to the console, in text and in HTML."""
    reference = await Person(desk).sends()

    with mail_server(free_port) as box:
        assert await _deliver(desk, f"smtp://127.0.0.1:{free_port}") == [True]

    (mail,) = box.got
    text, html = (part.get_content() for part in mail.iter_parts())
    link = f"http://127.0.0.1:8080/staff/leads/{reference}"
    assert (mail["To"], mail["From"]) == ("sales@desk.example.com", desk.rules.company.email)
    assert reference in text
    assert "Gateway" in text
    assert link in text
    assert f'<a href="{link}">' in html
    assert '<html lang="en">' in html


async def test_a_notice_holds_no_value(desk: Desk, free_port: int) -> None:
    """Nothing of what a person gave is in a mail; its subject carries the reference and no more (S10, S16)."""
    person = Person(desk)
    reference = await person.sends()

    with mail_server(free_port) as box:
        await _deliver(desk, f"smtp://127.0.0.1:{free_port}")

    (mail,) = box.got
    whole = mail.as_string() + "".join(part.get_content() for part in mail.iter_parts())
    for value in (*LI_NA.values(), "canary", "Canary", "138"):
        assert value not in whole
    assert mail["Subject"] == f"Consultation {reference}"
    record = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")
    assert [(row["recipient"], tuple(row["fields"])) for row in record.recipients] == [("sales", ())]


async def test_a_repeated_notice_is_the_same_mail(desk: Desk, free_port: int) -> None:
    """The task's id is the mail's: a mailbox that got it twice can tell."""
    await Person(desk).sends()

    assert await _deliver(desk, f"smtp://127.0.0.1:{free_port}") == [False]  # nobody listens yet
    with mail_server(free_port) as box:
        assert await _deliver(desk, f"smtp://127.0.0.1:{free_port}") == [True]

    (mail,) = box.got
    assert mail["Message-ID"].endswith(f"@{desk.rules.company.email.partition('@')[2]}>")
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_without_a_mail_server_a_notice_waits(desk: Desk) -> None:
    """Nothing is dropped while `SMTP_URL` is missing: the task waits, visibly."""
    await Person(desk).sends()

    assert await _deliver(desk, "") == [False]

    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=1, dead=0)


async def test_a_slow_mail_server_has_one_limit_for_the_whole_conversation(
    desk: Desk, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is slow at every step does not hold the round until another worker takes the task and mails again."""
    monkeypatch.setattr("bot.delivery.mail.TIMEOUT", 0.4)
    reference = await Person(desk).sends()

    with mail_server(free_port) as box:
        box.pause = 0.2  # seconds, three times
        assert await _deliver(desk, f"smtp://127.0.0.1:{free_port}") == [False]
        assert box.got == []
        box.pause = 0
        monkeypatch.setattr("bot.delivery.mail.TIMEOUT", 15.0)
        assert await _deliver(desk, f"smtp://127.0.0.1:{free_port}") == [True]

    assert [notice["Subject"] for notice in box.got] == [f"Consultation {reference}"]


async def test_a_withdrawal_is_mailed(desk: Desk, free_port: int) -> None:
    """Sales is told to stop using what it copied (L3)."""
    person = Person(desk)
    reference = await person.sends()

    with mail_server(free_port) as box:
        await _deliver(desk, f"smtp://127.0.0.1:{free_port}")
        await person.withdraws("contact")
        await _deliver(desk, f"smtp://127.0.0.1:{free_port}")

    assert [mail["Subject"] for mail in box.got] == [f"Consultation {reference}"] * 2
    assert "withdrew" in next(iter(box.got[1].iter_parts())).get_content()


async def test_a_human_is_called_by_mail(desk: Desk, free_port: int) -> None:
    """Who asks for a human after the lead was sent has a colleague called."""
    person = Person(desk)
    await person.sends()
    await person.does(Picked("command:human"))

    with mail_server(free_port) as box:
        await _deliver(desk, f"smtp://127.0.0.1:{free_port}")

    assert "asks to speak with a colleague" in next(iter(box.got[-1].iter_parts())).get_content()


async def test_a_further_message_is_mailed(desk: Desk, free_port: int) -> None:
    """What a person adds joins the lead, and sales hears that there is something new, not what."""
    person = Person(desk)
    await person.sends()
    await person.does(Said("One more canary-question"))

    with mail_server(free_port) as box:
        await _deliver(desk, f"smtp://127.0.0.1:{free_port}")

    assert len(box.got) == 2
    assert "canary" not in box.got[1].as_string()


async def test_mail_goes_through_tls_with_a_login(desk: Desk, free_port: int) -> None:
    """With `starttls=1` the login and the notice travel sealed; a server that nobody vouches for gets neither."""
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    await Person(desk).sends()
    url = f"smtp://desk:p%40ss%2Fword@127.0.0.1:{free_port}?starttls=1"

    with mail_server(free_port, starttls=server) as box:
        assert await _deliver(desk, url) == [False]
        assert box.got == []
        assert await _deliver(desk, url, trusted=client) == [True]

    assert (box.wrapped, box.logged_in) == ([True], [True])


@pytest.mark.parametrize("login", ["", "desk:canary-word@"])
async def test_a_server_off_this_machine_that_offers_no_tls_gets_nothing(
    desk: Desk, free_port: int, login: str
) -> None:
    """S1: neither login nor code goes over an open line, also where `starttls=1` was forgotten."""
    away = MailServer.at(f"smtp://{login}mail.example.com:{free_port}")
    mails = Mails(desk, replace(away, host="127.0.0.1"))

    with mail_server(free_port) as box, pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"):
        await mails.code("zoe@example.com", "123456", "en", name=desk.new_id(), at=desk.clock())

    assert (box.got, box.logged_in) == ([], [])


async def test_smtps_is_tls_from_the_first_byte(desk: Desk, free_port: int) -> None:
    """`smtps://` speaks TLS at once."""
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    await Person(desk).sends()

    with mail_server(free_port, tls=server) as box:
        assert await _deliver(desk, f"smtps://127.0.0.1:{free_port}", trusted=client) == [True]

    assert len(box.got) == 1


async def test_a_channel_carries_its_own_tasks(desk: Desk) -> None:
    """A task of a channel reaches the handler that it registered, with what it carries, and is then forgotten."""
    plain = Task(id=desk.new_id(), kind="telegram.erase", subject="", at=desk.clock())
    carried: list[object] = []

    async def forget(given: object) -> None:
        carried.append(given)

    def put() -> None:
        task = lasting(desk.storage.keyring, desk.random, plain, {"chat": 42, "messages": [1, 2]})
        with desk.storage.engine.begin() as connection:
            enqueue(connection, [task])

    await desk.call(put)

    assert await _deliver(desk, "", handlers={"telegram.erase": forget}) == [True]
    assert carried == [{"chat": 42, "messages": [1, 2]}]
    assert await desk.call(desk.storage.outbox.counts) == Counts(pending=0, dead=0)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", MailServer(host="mail.example.com", port=587, starttls=True)),
        ("smtp://127.0.0.1:25", MailServer(host="127.0.0.1", port=25)),
        ("smtps://mail.example.com?starttls=1", MailServer(host="mail.example.com", port=465, tls=True)),
        (
            "smtp://mail.example.com:25?starttls=1",
            MailServer(host="mail.example.com", port=25, starttls=True),
        ),
        ("smtps://mail.example.com", MailServer(host="mail.example.com", port=465, tls=True)),
        (
            "smtp://a%40b:c%3Ad@mail.example.com",
            MailServer(host="mail.example.com", port=587, user="a@b", password="c:d", starttls=True),
        ),
    ],
)
def test_a_mail_server_is_read_from_its_url(database_kind: str, url: str, server: MailServer) -> None:
    """The forms of `SMTP_URL` that the contract names, escaped signs included."""
    assert MailServer.at(url) == server


@pytest.mark.parametrize("url", ["mail.example.com", "http://mail.example.com", "smtp://"])
def test_a_url_that_is_no_mail_server_is_refused(database_kind: str, url: str) -> None:
    """Anything else is an operator's mistake, told without repeating what may hold a password."""
    with pytest.raises(ValueError, match="SMTP_URL"):
        MailServer.at(url)


def test_a_mail_server_prints_no_password(database_kind: str) -> None:
    """Login and password stay out of logs."""
    assert "hunter2" not in repr(MailServer.at("smtp://login-name:hunter2@mail.example.com"))
    assert "login-name" not in repr(MailServer.at("smtp://login-name:hunter2@mail.example.com"))
