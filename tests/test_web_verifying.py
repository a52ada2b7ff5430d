"""The lost device over HTTP: a code to an address, then every right, with a real mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.web.pace import RIGHTS_PER_HOUR, Pace
from storage.people.doors import Confirmation
from tests.mailing import code_in, delivered
from tests.published import fits
from tests.receivers import MailBox
from tests.remembered_browser import hides
from tests.test_web_sessions import everything_in
from tests.visiting import Visit, visiting

VERIFY, CONFIRM, ME = "/api/v1/rights/verify", "/api/v1/rights/confirm", "/api/v1/me"
EMAIL = "li.na@example.com"


@pytest.fixture
def times() -> dict[str, datetime]:
    """The time, which a test moves."""
    return {"now": datetime.now(UTC)}


@pytest.fixture
async def visit(box: MailBox, tmp_path: Path, times: dict[str, datetime]) -> AsyncIterator[Visit]:
    """A desk that can send mail."""
    smtp = f"smtp://127.0.0.1:{box.port}"
    async with visiting(tmp_path, smtp=smtp, clock=lambda: times["now"]) as opened:
        yield opened


async def asked(visit: Visit, **body: str) -> dict[str, Any]:
    """Ask for a code; return what is answered."""
    answer = await visit.call("POST", VERIFY, json=body)
    assert answer.status == 202, await answer.text()
    found: dict[str, Any] = await answer.json()
    fits(found, "challenge")
    return found


async def entered(visit: Visit, box: MailBox) -> str:
    """Come in by the address; return the token."""
    challenge = (await asked(visit, email=EMAIL))["challenge"]
    code = code_in(await delivered(visit.desk, box))
    answer = await visit.call("POST", CONFIRM, json={"challenge": challenge, "code": code})
    assert answer.status == 200, await answer.text()
    fits(await answer.json(), "admission")
    return str((await answer.json())["token"])


async def test_who_lost_the_device_has_every_right(visit: Visit, box: MailBox) -> None:
    """S15, S21, S24, L3, L14: view, copy, receipts, correct, withdraw and delete, with a code by mail alone."""
    await visit.consulted()
    token = await entered(visit, box)

    shown = await visit.call("GET", ME, token)
    copy = await visit.call("GET", f"{ME}/export", token)
    receipts = await visit.call("GET", f"{ME}/receipts", token)
    corrected = await visit.call("PATCH", ME, token, json={"phone": "+86 139 0000 0000"})
    withdrawn = await visit.call("POST", f"{ME}/withdraw", token, json={"purposes": ["contact"]})
    erased = await visit.call("DELETE", ME, token, json={"scope": "all"})

    answers = (shown, copy, receipts, corrected, withdrawn, erased)
    assert [answer.status for answer in answers] == [200] * 6
    assert {one["field"]: one["value"] for one in (await shown.json())["fields"]}["name"] == "Li Na"
    assert "Li Na" in await copy.text()
    assert "+86 139 0000 0000" in await corrected.text()
    fits(await erased.json(), "certificate")
    assert (await visit.call("GET", ME, token)).status == 410


async def test_the_session_is_for_rights_alone(visit: Visit, box: MailBox) -> None:
    """It opens no conversation, over HTTP or on a socket, and no device is remembered by it."""
    await visit.consulted()
    token = await entered(visit, box)

    for method, path, body in (
        ("GET", "/api/v1/messages", None),
        ("POST", "/api/v1/messages", {"type": "say", "id": "c1", "text": "hello"}),
        ("POST", "/api/v1/visit", {"visit": {"browser": "x"}}),
        ("POST", "/api/v1/sessions", {"remember": True}),
    ):
        answer = await visit.call(method, path, token, json=body)
        assert (answer.status, (await answer.json())["code"]) == (403, "rights_only")
    talker = await visit.socket()
    await talker.socket.send_json({"type": "hello", "token": token, "after": 0})
    assert await talker.closed() == 4401


async def test_after_ten_minutes_it_is_masked(visit: Visit, box: MailBox, times: dict[str, datetime]) -> None:
    """S8: then it may delete still, and reads nothing; after an hour it is over."""
    await visit.consulted()
    token = await entered(visit, box)

    times["now"] += timedelta(minutes=10)
    shown = await visit.call("GET", ME, token)
    copied = await visit.call("GET", f"{ME}/export", token)
    corrected = await visit.call("PATCH", ME, token, json={"name": "Li Nana"})
    times["now"] += timedelta(minutes=50)

    assert ((await shown.json())["masked"], hides(await shown.text())) == (True, True)
    assert (copied.status, corrected.status) == (403, 403)
    assert (await visit.call("GET", ME, token)).status == 401


@pytest.mark.parametrize(
    "body", [{"email": "nobody@example.com"}, {"email": "no address"}, {"email": ""}, {"email": EMAIL}]
)
async def test_the_answer_tells_nothing_of_an_address(body: dict[str, str], visit: Visit) -> None:
    """Contract: always 202, with the same words, whether anybody here gave it or not."""
    await visit.consulted()

    told = await asked(visit, **body)

    assert (told["length"], told["sent_by"]) == (6, "mail")
    assert told["detail"].startswith("If this address is known here")
    assert set(told) == {"challenge", "length", "expires_at", "sent_by", "detail"}


async def test_phones_get_no_code_yet_and_are_told_so(visit: Visit) -> None:
    """Kindly, with the way to people; whoever asks is told the same."""
    told = await asked(visit, phone="+86 138 0000 0000")

    assert told["sent_by"] is None
    assert "privacy@example.com" in told["detail"]
    assert (await visit.desk.call(visit.desk.storage.outbox.counts)).pending == 0


async def test_a_desk_without_mail_says_so(tmp_path: Path) -> None:
    """Nobody waits for a code that cannot come; in the language that was asked for."""
    async with visiting(tmp_path) as visit:
        told = await asked(visit, email=EMAIL, locale="zh-CN")

    assert told["sent_by"] is None
    assert "privacy@example.com" in told["detail"]
    assert "验证码" in told["detail"]


@pytest.mark.parametrize("body", [{}, {"email": EMAIL, "phone": "1"}, {"email": 5}, {"email": "x" * 255}])
async def test_an_address_is_one_text(body: dict[str, Any], visit: Visit) -> None:
    """400 for what is none, or two."""
    assert (await visit.call("POST", VERIFY, json=body)).status == 400


async def test_a_wrong_code_is_told_with_the_tries_that_are_left(visit: Visit, box: MailBox) -> None:
    """422 with a stable code; in the reader's language; an unknown challenge is like one that expired."""
    await visit.consulted()
    challenge = (await asked(visit, email=EMAIL))["challenge"]
    code = code_in(await delivered(visit.desk, box))
    wrong = f"{(int(code) + 1) % 10**6:06}"

    missed = await visit.call("POST", CONFIRM, json={"challenge": challenge, "code": wrong})
    unknown = await visit.call(
        "POST", CONFIRM, json={"challenge": "0" * 32, "code": code}, headers={"Accept-Language": "zh"}
    )

    assert (missed.status, (await missed.json())["code"], (await missed.json())["left"]) == (
        422,
        "wrong_code",
        4,
    )
    assert (unknown.status, (await unknown.json())["code"]) == (422, "code_expired")
    assert "失效" in (await unknown.json())["detail"]


async def test_one_address_asks_and_tries_only_so_often(visit: Visit, tmp_path: Path) -> None:
    """429 from one place; the desk's own machine is exempt."""
    async with visiting(tmp_path / "slow", pace=Pace(visit.desk.random, rights_per_hour=2)) as slow:
        from_afar = {"X-Forwarded-For": "203.0.113.7"}
        for _ in range(2):
            assert (await slow.call("POST", VERIFY, json={"email": EMAIL}, headers=from_afar)).status == 202
        tried = await slow.call("POST", CONFIRM, json={"challenge": "x", "code": "1"}, headers=from_afar)
        near = await slow.call("POST", VERIFY, json={"email": EMAIL})

    assert (tried.status, near.status) == (429, 202)
    assert RIGHTS_PER_HOUR >= 10


async def test_two_consultations_are_two_tokens(visit: Visit, box: MailBox) -> None:
    """Who gave the address twice comes in twice; erasing one leaves the other."""
    for _ in range(2):
        await visit.consulted()
    challenge = (await asked(visit, email=EMAIL))["challenge"]
    code = code_in(await delivered(visit.desk, box))
    answer = await (await visit.call("POST", CONFIRM, json={"challenge": challenge, "code": code})).json()
    first, (other,) = answer["token"], answer["others"]

    await visit.call("DELETE", ME, first, json={"scope": "all"})

    assert (await visit.call("GET", ME, first)).status == 410
    assert (await visit.call("GET", ME, other["token"])).status == 200


@pytest.mark.parametrize("gone", [1, 2])
async def test_who_is_erased_while_the_code_is_taken_keeps_nobody_else_out(
    gone: int, visit: Visit, box: MailBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is spent then: whoever shares the mailbox comes in by it all the same; nobody left, it is expired."""
    for _ in range(2):
        await visit.consulted()
    challenge = (await asked(visit, email=EMAIL))["challenge"]
    code = code_in(await delivered(visit.desk, box))
    store = visit.desk.storage.store
    confirm = store.confirm_code

    def taken_and_erased(*given: Any) -> Confirmation:
        confirmed = confirm(*given)
        for one in confirmed.admitted[:gone]:
            subject = one.session.subject
            store.finish_erasure(store.begin_erasure(subject, visit.desk.clock(), reason="letter"))
        return confirmed

    monkeypatch.setattr(store, "confirm_code", taken_and_erased)
    answer = await visit.call("POST", CONFIRM, json={"challenge": challenge, "code": code})

    told = await answer.json()
    if gone == 2:
        assert (answer.status, told["code"]) == (422, "code_expired")
    else:
        assert (answer.status, told["others"]) == (200, [])
        assert (await visit.call("GET", ME, told["token"])).status == 200


async def test_an_address_that_came_in_is_changed_with_a_code_to_the_new_one(
    visit: Visit, box: MailBox
) -> None:
    """S8, S21: `PATCH /me` sends it and says which challenge to confirm, with the session's own token."""
    await visit.consulted()
    token = await entered(visit, box)
    wish = {"email": "li.next@example.org", "name": "Li Nana"}

    refused = await visit.call("PATCH", ME, token, json=wish)
    problem = await refused.json()
    unchanged = await (await visit.call("GET", ME, token)).text()
    mail = await delivered(visit.desk, box)
    confirmed = await visit.call(
        "POST", CONFIRM, token, json={"challenge": problem["challenge"], "code": code_in(mail)}
    )
    shown = await (await visit.call("GET", ME, token)).text()

    assert (refused.status, problem["code"], problem["length"]) == (403, "verification_required", 6)
    assert problem["sent_to"] == "l•••@e•••.org"
    assert "li.next@example.org" not in unchanged
    assert "Li Nana" not in unchanged
    assert mail["To"] == "li.next@example.org"
    assert (confirmed.status, (await confirmed.json())["token"]) == (200, token)
    assert "li.next@example.org" in shown
    assert "Li Nana" in shown


async def test_what_was_withdrawn_meanwhile_is_not_let_in(visit: Visit, box: MailBox) -> None:
    """S5: also a code in time keeps nothing without consent."""
    await visit.consulted()
    token = await entered(visit, box)
    problem = await (await visit.call("PATCH", ME, token, json={"email": "li.next@example.org"})).json()
    code = code_in(await delivered(visit.desk, box))
    await visit.call("POST", f"{ME}/withdraw", token, json={"purposes": ["contact"]})

    answer = await visit.call("POST", CONFIRM, token, json={"challenge": problem["challenge"], "code": code})

    assert (answer.status, (await answer.json())["code"]) == (403, "consent_required")


async def test_the_chat_sees_what_was_corrected_outside(visit: Visit, box: MailBox) -> None:
    """The conversation is told, and its own page stays as it is trusted."""
    page = await visit.consulted()
    token = await entered(visit, box)

    await visit.call("PATCH", ME, token, json={"phone": "+86 139 0000 0000"})

    said = (await (await visit.call("GET", "/api/v1/messages", page)).json())["messages"]
    assert any("is corrected" in one["text"] for one in said)
    assert (await (await visit.call("GET", ME, page)).json())["masked"] is False


async def test_no_code_or_address_stands_in_a_file(visit: Visit, box: MailBox, tmp_path: Path) -> None:
    """S10: asked for, mailed, entered wrong and right."""
    await visit.consulted()
    token = await entered(visit, box)
    await asked(visit, email="unknown.canary@example.com")

    kept = everything_in(tmp_path)

    for secret in (token, code_in(box.got[-1]), "unknown.canary", EMAIL):
        assert secret.encode() not in kept
