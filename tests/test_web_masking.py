"""What a remembered session sees and may do over HTTP and on a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.remembered_browser import Browser, hides, remembered
from tests.visiting import Visit, visiting

MESSAGES, ME = "/api/v1/messages", "/api/v1/me"


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


@pytest.fixture
def browser(visit: Visit) -> Browser:
    """A browser on a listed page."""
    return Browser(visit)


async def test_a_remembered_session_sees_masked_values_everywhere(browser: Browser) -> None:
    """S8: replayed messages, the record in the chat and over HTTP, and its own new answers; marked as masked."""
    visit = browser.visit
    await remembered(browser)
    token = await browser.returns()

    replayed = await (await visit.call("GET", MESSAGES, token)).text()
    shown = await visit.call("GET", ME, token)
    said = await visit.call("POST", MESSAGES, token, json={"type": "say", "id": "r1", "text": "Engineer Li"})
    viewed = await visit.call("POST", MESSAGES, token, json={"type": "say", "id": "r2", "text": "view"})
    talker = await visit.talker(token)

    answers = [replayed, await shown.text(), await said.text(), await viewed.text(), str(talker.seen)]
    assert all(map(hides, answers))
    assert (await shown.json())["masked"] is True
    own, *_ = (await said.json())["messages"]
    assert (own["text"], own["masked"]) == ("•••", True)
    (record,) = [
        one for one in (await viewed.json())["messages"] if one.get("expects", {}).get("kind") == "record"
    ]
    assert record["masked"] is record["expects"]["masked"] is True
    assert [one["masked"] for one in talker.seen if one.get("from") == "visitor"] == [True] * 11
    await talker.socket.close()


async def test_a_live_push_to_a_remembered_socket_is_masked(browser: Browser) -> None:
    """Of two tabs one is fresh and reads, the other is remembered and does not; each sees its own view of one turn."""
    visit = browser.visit
    page = await remembered(browser)
    fresh, other = await visit.talker(page), await visit.talker(await browser.returns())
    while not fresh.seen[-1]["text"].startswith("Welcome back"):
        await fresh.next()
    await fresh.next()

    answer = await fresh.ask(type="say", text="view")
    pushed = [await other.next() for _ in answer[1:]]

    assert not hides(str(answer))
    assert hides(str(pushed))
    assert [one["seq"] for one in pushed] == [one["seq"] for one in answer[1:]]
    await fresh.socket.close()
    await other.socket.close()


@pytest.mark.parametrize("path", [f"{ME}/export", f"{ME}/export?format=html", f"{ME}/receipts"])
async def test_a_copy_needs_more_than_a_cookie(path: str, browser: Browser) -> None:
    """S8: 403 with a stable code for what a remembered session may not have."""
    await remembered(browser)

    answer = await browser.visit.call("GET", path, await browser.returns())

    assert (answer.status, (await answer.json())["code"]) == (403, "verification_required")


async def test_a_remembered_session_may_withdraw_and_delete(browser: Browser) -> None:
    """S8, S24, L3: ending things needs no code; what is answered is masked."""
    visit = browser.visit
    await remembered(browser)
    token = await browser.returns()

    withdrawn = await visit.call("POST", f"{ME}/withdraw", token, json={"purposes": ["contact"]})
    erased = await visit.call("DELETE", ME, token, json={"scope": "all"})

    assert (withdrawn.status, erased.status) == (200, 200)
    assert hides(await withdrawn.text())
    assert (await erased.json())["scope"] == "all"


async def test_a_page_that_lay_idle_counts_as_remembered(tmp_path: Path) -> None:
    """S8: after an hour whoever sits there may be somebody else; use keeps it fresh, looking on does not."""
    times = {"now": datetime.now(UTC)}
    async with visiting(tmp_path, clock=lambda: times["now"]) as visit:
        token = await visit.consulted()
        times["now"] += timedelta(minutes=59)
        await visit.call("POST", MESSAGES, token, json={"type": "say", "id": "i1", "text": "Engineer"})
        times["now"] += timedelta(minutes=59)
        assert (await (await visit.call("GET", ME, token)).json())["masked"] is False

        await visit.call("GET", MESSAGES, token)
        times["now"] += timedelta(minutes=1)

        assert (await (await visit.call("GET", ME, token)).json())["masked"] is True
        assert hides(await (await visit.call("GET", MESSAGES, token)).text())
        talker = await visit.talker(token)
        answer = await talker.ask(type="say", text="view")
        assert hides(str(answer) + str(talker.seen))
        await talker.socket.close()
