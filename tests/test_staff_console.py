"""The console's leads: nothing is seen unmasked without a purpose, nothing changes unasked."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.desk import Desk
from bot.staff.talks import news
from intake.events import Picked, Said
from intake.masking import MASK
from tests.selling import LI_NA, NEED, Person, selling_desk
from tests.staff_browser import Browser, handled, served

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


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


async def test_the_list_is_masked(browser: Browser) -> None:
    """List and lead show names of details and a mask of one length, in the API and in HTML (S11)."""
    reference = await Person(browser.desk).sends("news")
    await browser.enters()

    status, listed = await browser.gets("/api/v1/staff/leads")
    _, one = await browser.gets(f"/api/v1/staff/leads/{reference}")
    _, pages = await browser.gets("/staff")
    _, pane = await browser.gets(f"/staff/leads/{reference}")

    assert status == 200
    assert listed == {"leads": [one], "cursor": None}
    assert (one["reference"], one["masked"], one["sensitive"], one["status"]) == (
        reference,
        True,
        True,
        "new",
    )
    assert one["purposes"] == ["contact", "news"]
    assert {field["value"] for field in one["fields"]} == {MASK}
    assert {field["field"] for field in one["fields"]} == {*LI_NA, "need"}
    for text in (pages, pane, repr(one)):
        assert not re.search("canary|138", text, re.IGNORECASE)
    assert reference in pages


async def test_opening_shows_what_was_asked_for(browser: Browser) -> None:
    """With a purpose the details that were asked for come, no others, and the person can see it (S11, S21)."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()

    status, opened = await browser.asks(
        "POST",
        f"/api/v1/staff/leads/{reference}/open",
        json={"purpose": "call_back", "fields": ["phone"]},
    )

    assert status == 200
    assert opened == {"reference": reference, "purpose": "call_back", "values": {"phone": LI_NA["phone"]}}
    record = await browser.desk.call(browser.desk.storage.store.record, person.subject, purpose="own_view")
    assert [(row["purpose"], tuple(row["fields"])) for row in record.opened_by] == [("call_back", ("phone",))]


async def test_opening_on_the_page(browser: Browser) -> None:
    """The ticked details stand in the page, read as people write them, and nothing may store that page."""
    reference = await Person(browser.desk).sends()
    await browser.enters()
    form = {"csrf": browser.csrf, "purpose": "call_back", "fields": "phone"}

    url = f"{browser.url}/staff/leads/{reference}/open"
    async with browser.http.post(url, data=form) as answer:
        page, headers = await answer.text(), answer.headers

    assert "+86 138 0000 0000" in page
    assert LI_NA["name"] not in page
    assert "logged" in page
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"purpose": "", "fields": ["phone"]}, 400, "purpose_required"),
        ({"purpose": "curiosity", "fields": ["phone"]}, 400, "purpose_required"),
        ({"purpose": "news", "fields": ["email"]}, 403, "consent_required"),
        ({"purpose": "call_back", "fields": ["gender"]}, 404, "not_found"),
        ({"purpose": "call_back", "fields": "phone"}, 400, "bad_request"),
        ({"purpose": "call_back", "fields": [1]}, 400, "bad_request"),
        ({"purpose": 1, "fields": ["phone"]}, 400, "bad_request"),
        (["phone"], 400, "bad_request"),
    ],
)
async def test_what_cannot_be_opened_says_why(
    browser: Browser, asked: object, status: int, code: str
) -> None:
    """Each refusal is a problem with a stable code and a sentence, and opens nothing."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()

    got, problem = await browser.asks("POST", f"/api/v1/staff/leads/{reference}/open", json=asked)

    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert problem["title"].endswith(".")
    record = await browser.desk.call(browser.desk.storage.store.record, person.subject, purpose="own_view")
    assert record.opened_by == ()


async def test_a_body_that_is_no_json_is_refused(browser: Browser) -> None:
    """What cannot be read changes nothing."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    path = f"/api/v1/staff/leads/{reference}"
    status, problem = await browser.asks("PATCH", path, data=b"{")
    headers = {"Content-Type": "application/json", "X-CSRF-Token": browser.csrf}
    broken, told = await browser.asks("PATCH", path, data=b"{", headers=headers)

    assert (status, problem["code"]) == (415, "bad_request")
    assert (broken, told["code"]) == (400, "bad_request")


async def test_withdrawal_shuts_an_open_console(browser: Browser) -> None:
    """A page that was open before the withdrawal opens nothing after it (L3)."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()
    await person.withdraws("contact")

    asked = {"purpose": "call_back", "fields": ["phone"]}
    status, problem = await browser.asks("POST", f"/api/v1/staff/leads/{reference}/open", json=asked)
    page_status, page = await browser.gets(f"/staff/leads/{reference}")

    assert (status, problem["code"]) == (403, "consent_required")
    assert (page_status, "withdrawn" in page) == (403, True)
    assert (await browser.gets("/api/v1/staff/leads"))[1]["leads"] == []


async def test_a_lead_is_taken_and_closed(browser: Browser) -> None:
    """Status and owner are set by API and by form, and only to what exists."""
    reference = await Person(browser.desk).sends()
    await browser.enters()
    path = f"/api/v1/staff/leads/{reference}"

    _, taken = await browser.asks("PATCH", path, json={"status": "open", "assignee": "me"})
    (colleague,) = await browser.desk.call(browser.desk.storage.staff.colleagues)
    assert (taken["status"], taken["assignee"], taken["reply_due"]) == ("open", colleague.id, None)

    form = {"csrf": browser.csrf, "status": "closed", "assignee": ""}
    status, page = await browser.asks("POST", f"/staff/leads/{reference}", data=form, headers={})
    assert (status, "Saved." in page) == (200, True)
    _, closed = await browser.gets(path)
    assert (closed["status"], closed["assignee"]) == ("closed", "")

    for wrong in ({"status": "withdrawn"}, {"assignee": "0" * 32}, {"status": 1}):
        assert (await browser.asks("PATCH", path, json=wrong))[0] == 400
    assert await handled(browser) == [("handled", colleague.actor)] * 2


async def test_a_reply_reaches_the_chat(browser: Browser) -> None:
    """What a colleague writes is a message of the person's conversation, from staff."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()
    path = f"/api/v1/staff/leads/{reference}/reply"

    status, sent = await browser.asks("POST", path, json={"text": "Good morning!"})

    assert status == 201
    transcript = await browser.desk.call(browser.desk.storage.store.transcript, person.conversation, 0)
    (message,) = [one for one in transcript.messages if one.sender == "staff"]
    frame = browser.desk.wording.frame(message, values={}, record=None)
    assert (frame["text"], frame["seq"], frame["from"]) == ("Good morning!", sent["seq"], "staff")
    for text, refused in (("  ", 400), ("x" * 4001, 413), (7, 400)):
        assert (await browser.asks("POST", path, json={"text": text}))[0] == refused
    (colleague,) = await browser.desk.call(browser.desk.storage.staff.colleagues)
    assert await handled(browser) == [("answered", colleague.actor)]


async def test_a_reply_by_form(browser: Browser) -> None:
    """The page's form sends, too, and says so."""
    person = Person(browser.desk)
    reference = await person.sends()
    await browser.enters()

    form = {"csrf": browser.csrf, "text": "Good morning!"}
    status, page = await browser.asks("POST", f"/staff/leads/{reference}/reply", data=form, headers={})

    assert (status, "Sent." in page) == (200, True)
    assert NEED not in page


async def test_what_was_said_since_is_opened_with_the_question(browser: Browser) -> None:
    """Words and replies since the sending, with the times' zone, behind a purpose; not what was before (S11)."""
    person = Person(browser.desk)
    reference = await person.sends()
    await person.does(Said("canary-later, please"))
    await person.does(Said("I want to talk to a human"))
    await browser.enters()

    _, masked = await browser.gets(f"/staff/leads/{reference}")
    form = {"csrf": browser.csrf, "purpose": "call_back", "fields": "need"}
    _, page = await browser.asks("POST", f"/staff/leads/{reference}/open", data=form, headers={})

    assert "canary-later" not in masked
    assert "wrote again" in masked
    assert "asks for a colleague" in masked
    talk = page.partition('<ol class="talk">')[2].partition("</ol>")[0]
    assert re.findall(r'class="words"[^>]*>([^<]*)<', talk) == [
        "canary-later, please",
        "I want to talk to a human",
    ]
    assert "UTC+0800" in talk
    record = await browser.desk.call(browser.desk.storage.store.record, person.subject, purpose="own_view")
    assert [tuple(row["fields"]) for row in record.opened_by] == [("need",)]


async def test_a_second_consultation_is_not_shown_with_the_first(browser: Browser) -> None:
    """What is said on the way to another lead belongs to that one."""
    person = Person(browser.desk)
    reference = await person.sends()
    await person.does(Said("new"))
    await person.does(Picked("topic:gateway"))
    await person.does(Said("canary-second"))
    await browser.enters()

    form = {"csrf": browser.csrf, "purpose": "call_back", "fields": "need"}
    _, page = await browser.asks("POST", f"/staff/leads/{reference}/open", data=form, headers={})

    assert "canary-second" not in page
    assert "wrote again" not in page


async def test_a_person_who_is_just_being_erased_has_said_nothing(browser: Browser) -> None:
    """Between the list and its marks an erasure may begin: then there is nothing to mark (S24)."""
    person = Person(browser.desk)
    reference = await person.sends()
    lead = await browser.desk.call(browser.desk.storage.leads.one, reference)
    await person.leaves_nothing()

    assert await browser.desk.call(news, browser.desk, lead) == []


async def test_a_search_stands_in_no_url(browser: Browser) -> None:
    """The page posts what is searched for; it finds exact addresses and references only."""
    reference = await Person(browser.desk).sends()
    other = await Person(browser.desk).sends()
    await browser.enters()

    async def found(query: str, **more: str) -> set[str]:
        form = {"csrf": browser.csrf, "q": query, **more}
        _, page = await browser.asks("POST", "/staff", data=form, headers={})
        return {one for one in (reference, other) if one in page}

    assert await found(reference) == {reference}
    assert await found(LI_NA["phone"]) == {reference, other}
    assert await found(LI_NA["phone"], status="closed") == set()
    assert await found("canary") == set()


async def test_the_api_pages_and_filters(browser: Browser) -> None:
    """`status`, `q` and `cursor` narrow the list; what they cannot mean is refused."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    assert (await browser.gets("/api/v1/staff/leads?status=closed"))[1]["leads"] == []
    assert len((await browser.gets(f"/api/v1/staff/leads?q={reference}"))[1]["leads"]) == 1
    for query in ("status=withdrawn", "cursor=yesterday"):
        assert (await browser.gets(f"/api/v1/staff/leads?{query}"))[0] == 400


async def test_the_console_speaks_chinese(browser: Browser) -> None:
    """A colleague whose browser asks for Chinese gets it, labels of details included."""
    reference = await Person(browser.desk).sends()
    await browser.enters()

    _, page = await browser.gets(f"/staff/leads/{reference}", **{"Accept-Language": "zh-CN,zh;q=0.9"})

    assert '<html lang="zh-CN">' in page
    assert browser.desk.rules.fields["phone"].label["zh-CN"] in page
