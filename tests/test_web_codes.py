"""One-time codes over HTTP and a socket, with mails that a real server takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.mailing import code_in, delivered
from tests.published import fits
from tests.receivers import MailBox
from tests.remembered_browser import Browser, hides, remembered
from tests.test_web_sessions import everything_in
from tests.visiting import Visit, visiting

MESSAGES, ME = "/api/v1/messages", "/api/v1/me"
EMAIL = "li.next@example.com"


@pytest.fixture
async def visit(box: MailBox, tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that can send mail."""
    async with visiting(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}") as opened:
        yield opened


async def says(visit: Visit, token: str, text: str) -> list[dict[str, Any]]:
    """Type something; return the desk's answer."""
    says.count = getattr(says, "count", 0) + 1  # type: ignore[attr-defined]  # a fresh client id each time
    frame = {"type": "say", "id": f"w{says.count}", "text": text}  # type: ignore[attr-defined]  # as above
    answer = await visit.call("POST", MESSAGES, token, json=frame)
    assert answer.status == 200, await answer.text()
    return [one for one in (await answer.json())["messages"] if one["from"] == "bot"]


async def test_a_code_by_mail_opens_the_copy(visit: Visit, box: MailBox) -> None:
    """S8, S15, S21: "export" on a remembered device asks for a code; once entered, the copy can be had."""
    browser = Browser(visit)
    await remembered(browser)
    token = await browser.returns()

    (question,) = await says(visit, token, "export")
    assert question["expects"]["kind"] == "code"
    fits(question, "message")
    assert (question["expects"]["length"], question["expects"]["sent_to"]) == (6, "l•••@e•••.com")
    assert "l•••@e•••.com" in question["text"]
    mail = await delivered(visit.desk, box)
    exported, _ = await says(visit, token, code_in(mail))
    copy = await visit.call("GET", f"{ME}/export", token)

    assert exported["text"].startswith("Here is your own copy")
    assert (copy.status, (await visit.call("GET", f"{ME}/receipts", token)).status) == (200, 200)
    assert "Li Na" in await copy.text()
    assert (await (await visit.call("GET", ME, token)).json())["masked"] is False


async def test_the_mail_says_what_it_is_for(visit: Visit, box: MailBox) -> None:
    """It goes to the person's address, in their language, says how long it works, and holds no other value."""
    browser = Browser(visit)
    await remembered(browser)

    await says(visit, await browser.returns(), "verify")
    mail = await delivered(visit.desk, box)

    text = str(mail.get_content())
    assert (mail["To"], mail["From"]) == ("li.na@example.com", visit.desk.rules.company.email)
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("Your code", "auto-generated")
    assert "10 minutes" in text
    assert code_in(mail) not in mail["Subject"]
    assert "Li Na" not in text


async def test_what_was_masked_is_shown_once_verified(visit: Visit, box: MailBox) -> None:
    """S8: on the socket that entered the code, and on the session's other ones, but not in a session of its own."""
    browser = Browser(visit)
    await remembered(browser)
    mine, theirs = await browser.returns(), await browser.returns()
    one, two, other = [await visit.talker(token) for token in (mine, mine, theirs)]

    await one.ask(type="say", text="verify")
    code = code_in(await delivered(visit.desk, box))
    answer = await one.ask(type="say", text=code)
    record = answer[-1]["expects"]
    for talker in (two, other):
        while talker.seen[-1].get("expects", {}).get("kind") != "record":
            await talker.next()

    assert (record["masked"], "masked" in answer[-1]) == (False, False)
    assert two.seen[-1]["expects"] == record
    assert hides(str(other.seen))
    assert other.seen[-1]["masked"] is True
    for talker in (one, two, other):
        await talker.socket.close()


async def test_a_code_stands_nowhere_in_the_conversation(visit: Visit, box: MailBox, tmp_path: Path) -> None:
    """S10: neither a right nor a wrong one, nor in any file."""
    browser = Browser(visit)
    await remembered(browser)
    token = await browser.returns()
    await says(visit, token, "verify")
    code = code_in(await delivered(visit.desk, box))
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for text in (wrong, f"{code[:3]} {code[3:]}"):
        await says(visit, token, text)

    said = await (await visit.call("GET", MESSAGES, token)).json()

    typed = [one["text"] for one in said["messages"] if one["from"] == "visitor"]
    assert typed[-2:] == ["(code)", "(code)"]
    kept = everything_in(tmp_path)
    for secret in (code, wrong):
        assert secret not in str(said)
        assert secret.encode() not in kept


async def test_a_wrong_code_is_rejected_like_any_answer(visit: Visit, box: MailBox) -> None:
    """Contract: acknowledged, then `rejected` with the same `expects`."""
    browser = Browser(visit)
    await remembered(browser)
    token = await browser.returns()
    (asked,) = await says(visit, token, "export")
    code = code_in(await delivered(visit.desk, box))

    (answer,) = await says(visit, token, f"{(int(code) + 1) % 10**6:06}")

    assert answer["rejected"] == {"name": "email", "code": "code.wrong"}
    assert answer["expects"] == asked["expects"]
    fits(answer, "message")


async def test_values_are_corrected_once_verified(visit: Visit, box: MailBox) -> None:
    """S21: `PATCH /me` of a remembered session is 403 until the code; the record that answers is whole."""
    browser = Browser(visit)
    await remembered(browser)
    token = await browser.returns()
    wish = {"phone": "+86 139 0000 0000"}

    refused = await visit.call("PATCH", ME, token, json=wish)
    await says(visit, token, "verify")
    await says(visit, token, code_in(await delivered(visit.desk, box)))
    taken = await visit.call("PATCH", ME, token, json=wish)

    assert (refused.status, (await refused.json())["code"]) == (403, "verification_required")
    assert taken.status == 200
    assert "+86 139 0000 0000" in await taken.text()


async def test_without_mail_a_remembered_session_is_told_kindly(tmp_path: Path) -> None:
    """A desk without a mail server asks for no code; values can be replaced, and are not shown for it."""
    async with visiting(tmp_path) as visit:
        browser = Browser(visit)
        await remembered(browser)
        token = await browser.returns()

        told = await says(visit, token, "export")
        replaced = await visit.call("PATCH", ME, token, json={"phone": "+86 139 0000 0000"})

    assert "privacy@example.com" in told[0]["text"]
    assert told[0]["expects"]["kind"] == "none"
    assert replaced.status == 200
    assert (await replaced.json())["masked"] is True
    assert hides(await replaced.text())
