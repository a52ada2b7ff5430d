"""What colleagues send: bounded in size and time, text only, and to nobody who withdrew."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot import bounded
from bot.desk import Desk
from bot.staff.forms import BODY_MAX_BYTES, FORM
from intake.events import MESSAGE_MAX
from tests.selling import Person, selling_desk
from tests.staff_browser import Browser, served


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk without recipients."""
    async with selling_desk(tmp_path, data_url, keyring_url) as opened:
        yield opened


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    """A browser that nobody has signed in with."""
    async with served(desk) as opened:
        yield opened


@pytest.mark.parametrize("text", ["\\ud800", "a\\u0000b", "\\u0000"])
async def test_a_reply_is_text_as_a_visitor_s_is(browser: Browser, text: str) -> None:
    """S11: what a visitor may not send, a colleague may not either: no lone surrogate, no NUL; nothing is kept."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()
    path = f"/api/v1/staff/leads/{reference}/reply"
    heard = browser.desk.storage.store.transcript
    before = await browser.desk.call(heard, person.conversation, 0)
    headers = {"Content-Type": "application/json", "X-CSRF-Token": browser.csrf}

    status, problem = await browser.asks("POST", path, data=f'{{"text":"{text}"}}', headers=headers)
    form = {"csrf": browser.csrf, "text": "a\0b"}
    by_form, _ = await browser.asks("POST", f"/staff/leads/{reference}/reply", data=form, headers={})

    assert (status, problem["code"], by_form) == (400, "bad_request", 400)
    assert await browser.desk.call(heard, person.conversation, 0) == before


async def test_a_nul_finds_nothing(browser: Browser) -> None:
    """In an address or a search it is refused: databases do not agree about what it is."""
    await browser.enters()

    for path in ("/api/v1/staff/leads?q=%00", "/api/v1/staff/leads/%00", "/staff/leads/a%00b"):
        assert (await browser.gets(path))[0] == 400


async def test_a_form_has_an_end(browser: Browser) -> None:
    """413 over the limit, whatever is announced; 400 for bytes that are no text."""
    reference = await Person(browser.desk).sends()
    await browser.enters()
    path = f"/staff/leads/{reference}/reply"

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * 8_192

    headers = {"Content-Type": FORM}
    assert (await browser.asks("POST", path, data=b"text=" + b"x" * BODY_MAX_BYTES, headers=headers))[
        0
    ] == 413
    assert (await browser.asks("POST", path, data=drip(), headers=headers))[0] == 413
    assert (await browser.asks("POST", path, data=b"text=%ff", headers=headers))[0] == 400
    longest = {"csrf": browser.csrf, "text": "\U0001f600" * MESSAGE_MAX}
    assert (await browser.asks("POST", path, data=longest, headers={}))[0] == 200


async def test_a_form_that_drips_is_given_up(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1: nobody keeps a connection open by never ending a form; whoever comes in by a link neither."""
    monkeypatch.setattr(bounded, "BODY_SECONDS", 0.05)
    head = b"POST /staff/enter HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\nContent-Length: 90\r\n\r\nlink="
    there = urlsplit(browser.url)
    reader, writer = await asyncio.open_connection(there.hostname, there.port)
    writer.write(head % FORM.encode())

    async with asyncio.timeout(9):
        answer = await reader.readuntil(b"\r\n")

    assert b"403" in answer
    writer.close()


async def test_a_reply_that_meets_a_withdrawal_is_refused(browser: Browser) -> None:
    """L3: whichever comes first, nothing is said to whoever withdrew; the console says why."""
    await browser.enters()
    for _ in range(5):
        person = Person(browser.desk)
        path = f"/api/v1/staff/leads/{await person.sends()}/reply"

        answer, _ = await asyncio.gather(
            browser.asks("POST", path, json={"text": "Good morning!"}), person.withdraws("contact")
        )

        status, told = answer
        withdrawn = person.last
        assert withdrawn
        transcript = await browser.desk.call(browser.desk.storage.store.transcript, person.conversation, 0)
        said = [one.seq for one in transcript.messages if one.sender == "staff"]
        if status == 201:
            assert said == [told["seq"]]
            assert said[0] < withdrawn.messages[0].seq
        else:
            assert (status, told["code"], said) == (403, "consent_required", [])
