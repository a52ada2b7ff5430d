"""The person's rights in the widget: view, correct, copy, delete, another language, one or two presses away."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import Download, Response, expect

from storage.evidence.proofs import CERTIFICATE, fault_of
from tests.chat_window import IN_ROOT, PATIENCE, Served, Window

ELEMENTS_MOST = 95  # the panel, the thirty lines of a whole consultation, and one record

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_everything_can_be_erased_and_is_certified(chat: Window) -> None:
    """S24: delete from the foot of the chat; the certificate says what went, what stays and why."""
    await chat.open()
    await chat.to_review()
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.sees("Li Na")

    await chat.pick("Delete my data")
    await chat.pick("Everything about me")

    await chat.sees("What went")
    await chat.sees("Certificate:")
    await chat.sees("Copies in backups: unreadable from")
    await expect(chat.dialog.locator(".title.ok")).to_be_in_viewport()  # read from its beginning
    await expect(chat.dialog.locator(".said")).to_have_count(0)
    assert "Li Na" not in await chat.dialog.inner_text()
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await expect(chat.dialog.locator(".status")).to_contain_text("nothing is kept here any more")
    await chat.pick("Start again")
    await chat.page.locator(".chip").first.wait_for()


async def test_the_certificate_can_be_taken_along(chat: Window, served: Served) -> None:
    """S24: as a file that proves the erasure to whoever has the desk's public keys."""
    await chat.open()
    await chat.to_review()
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.pick("Delete my data")
    await chat.pick("Everything about me")
    await chat.sees("What went")

    async with chat.page.expect_download() as waiting:
        await chat.pick("Save the certificate (JSON)")
    certificate = json.loads(await _read(await waiting.value))

    keys = await served.desk.call(served.desk.storage.keyring.public_keys)
    assert fault_of(keys, CERTIFICATE, certificate) == ""
    assert certificate["backups"]["due"]


@pytest.mark.parametrize(
    ("word", "names"),
    [("export", ("Download a copy", "Copy for machines (JSON)")), ("receipts", ("Consent receipts",))],
)
async def test_a_word_that_promises_a_copy_delivers_it(
    chat: Window, word: str, names: tuple[str, ...]
) -> None:
    """S15: typed in the conversation, it puts the downloads under the answer until the conversation goes on."""
    await chat.open()
    await chat.to_review()
    await chat.pick("Send")
    await chat.sees("Your reference is")

    await chat.say(word)

    for name in names:
        async with chat.page.expect_download() as waiting:
            await chat.pick(name)
        assert "Li Na" in await _read(await waiting.value) or word == "receipts"
    await chat.say("Thank you")
    await expect(chat.dialog.locator(".handed")).to_have_count(0)


async def test_one_consultation_can_be_erased(chat: Window) -> None:
    """S23: after it the chat goes on; what had been said there is gone from the screen."""
    await chat.open()
    await chat.to_review()
    await chat.pick("Stop and erase")

    await chat.sees("What stays, and why")

    await expect(chat.dialog.get_by_role("button", name="Save the certificate (JSON)")).to_be_visible()
    await expect(chat.dialog.get_by_text("Li Na", exact=True)).to_have_count(0)
    await expect(chat.answer).to_be_visible()


async def test_a_detail_is_corrected_from_my_data(chat: Window) -> None:
    """S21: one button beside each detail; afterwards the open question is asked again."""
    await chat.open()
    await chat.to_review()
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()

    await chat.dialog.locator(".view").get_by_role("button", name="Correct: Company").click()
    await chat.asks("Company")
    await chat.say("Sample Valves")

    await chat.sees("is corrected")
    await expect(chat.dialog.locator(".card .rows")).to_contain_text("Sample Valves")


async def test_nothing_is_corrected_after_withdrawal(chat: Window) -> None:
    """L3: the details have no button any more, and it is said that nobody may use them."""
    await chat.open()
    await chat.to_review()
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    view = chat.dialog.locator(".view")
    await view.get_by_role("button", name="Correct: Name").wait_for()
    given = await view.locator(".hint", has_text="given on").all_inner_texts()
    assert given[0].startswith("Your question: given on ")
    assert given[1].startswith("Name, Company, Mobile phone, Industry: given on ")
    assert given[1].endswith(", Privacy policy 2026-11")
    assert len(given) == 2
    await view.get_by_role("button", name="Withdraw: Answer this consultation").click()
    await chat.sees("From now on nobody here may use your details")
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()

    await chat.sees("nobody here may use these details any more")

    await expect(view.get_by_role("button", name="Correct")).to_have_count(1)
    await view.get_by_role("button", name="Correct: Your question").wait_for()


async def test_what_was_skipped_is_added_on_the_review_card(chat: Window) -> None:
    """S21: a detail that was passed over has its button too; once given it stands among the others."""
    await chat.open()
    await chat.to_review()
    await expect(chat.dialog.locator(".card .asides button")).to_have_text(["Add: E-mail", "Add: Position"])

    await chat.pick("Add: Position")
    await chat.asks("Position")
    await chat.say("Head of maintenance")

    await chat.sees("Check before you send")
    await expect(chat.dialog.locator(".card .asides button")).to_have_text(["Add: E-mail"])
    await chat.dialog.get_by_role("button", name="Correct: Position").wait_for()


async def test_a_copy_can_be_downloaded(chat: Window) -> None:
    """S15: readable and machine-readable copies and the receipts arrive as files."""
    await chat.open()
    await chat.to_review()
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    names = ("Download a copy", "Copy for machines (JSON)", "Consent receipts")

    saved = []
    for name in names:
        async with chat.page.expect_download() as waiting:
            await chat.pick(name)
        saved.append(await _read(await waiting.value))

    assert "Li Na" in saved[0]
    assert "Li Na" in json.dumps(json.loads(saved[1]), ensure_ascii=False)
    assert json.loads(saved[2])


async def _read(download: Download) -> str:
    path = await download.path()
    return await asyncio.to_thread(path.read_text, encoding="utf-8")


async def test_the_language_can_be_changed_at_any_time(chat: Window, served: Served) -> None:
    """S21: the header's button changes the desk's language and the widget's own words."""
    await chat.open()
    await chat.pick("Gateways")
    await chat.asks("Your question")

    await chat.dialog.locator(".language").click()

    await chat.asks("您的问题")
    assert await chat.dialog.get_attribute("lang") == "zh-CN"
    await expect(chat.dialog.get_by_role("button", name="隐私与我的信息")).to_be_visible()
    await expect(chat.dialog.locator("#title")).to_have_text(f"咨询{served.desk.rules.company.name['zh-CN']}")


async def test_the_visit_is_told_only_when_its_box_was_ticked(chat: Window) -> None:
    """S3: nothing before the card is agreed to with the box ticked; then it stands in the record to view."""
    await chat.open()
    await chat.to_consent()
    await chat.dialog.get_by_label("Visit record").check()
    assert told(chat) == []

    async with chat.page.expect_response(_is_visit, timeout=PATIENCE) as kept:
        await chat.pick("Agree")
    assert (await kept.value).status == 204
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()

    view = chat.dialog.locator(".view")
    for item in ("Browser", "Pages visited", "Shortened IP address"):
        await expect(view).to_contain_text(item)
    await expect(view).to_contain_text("Chrome")
    await expect(view).to_contain_text("Visit record: kept until")
    buttons = view.get_by_role("button", name="Correct")  # of the question alone: nobody corrects a visit
    assert [await one.get_attribute("aria-label") for one in await buttons.all()] == [
        "Correct: Your question"
    ]
    assert len(told(chat)) == 1


@pytest.mark.parametrize("choice", ["Agree", "Refuse"])
async def test_no_visit_is_told_without_its_box(chat: Window, choice: str) -> None:
    """S3: agreeing without the box, and refusing with it ticked, tell nothing."""
    await chat.open()
    await chat.to_consent()
    if choice == "Refuse":
        await chat.dialog.get_by_label("Visit record").check()

    await chat.pick(choice)
    await expect(chat.dialog.get_by_label("Visit record")).to_have_count(0)
    await chat.dialog.get_by_role("button", name="Privacy and my data").click()
    await chat.dialog.locator(".view .title").wait_for()

    assert told(chat) == []


async def test_who_refused_is_told_once_what_is_kept(chat: Window) -> None:
    """S21: no details, only the decisions: one sentence, and the decisions under it."""
    await chat.open()
    await chat.to_consent()
    await chat.pick("Refuse")

    await chat.say("view")

    await chat.sees("We keep no details about you, only your decisions.")
    await expect(chat.dialog.locator(".log").get_by_text("We keep no details about you")).to_have_count(1)
    await expect(chat.dialog.locator(".log .record")).to_contain_text("Answer this consultation: refused")


def told(chat: Window) -> list[str]:
    """Return the requests that told of the visit."""
    return [url for url in chat.requests if url.endswith("/api/v1/visit")]


def _is_visit(answer: Response) -> bool:
    return answer.url.endswith("/api/v1/visit")


async def test_only_the_newest_answer_to_view_keeps_its_rows(chat: Window) -> None:
    """S21: what an older one showed may not hold any more; its sentence says where the newer one is."""
    await chat.open()
    await chat.to_review()
    await chat.pick("Send")
    await chat.sees("Your reference is")
    record = chat.dialog.locator(".log .record")
    asked = chat.dialog.get_by_text("view", exact=True)
    for times in (1, 2):
        await chat.answer.evaluate("(field) => { field.dataset.before = ''; }")
        await chat.say("view")
        await expect(asked).to_have_count(times)
        await expect(
            chat.dialog.locator("#answer:not([data-before])")
        ).to_be_visible()  # all is answered, and drawn

    await expect(record).to_have_count(1)
    await expect(chat.dialog.locator(".bubble[data-newer]")).to_have_count(1)
    elements = await chat.page.evaluate(f"{IN_ROOT}.querySelectorAll('*').length")
    assert elements <= ELEMENTS_MOST
    assert await chat.axe() == []
