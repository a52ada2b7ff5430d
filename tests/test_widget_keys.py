"""The widget by keyboard: what is typed goes where it belongs, and no key does what nobody meant."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.chat_window import FOCUSED, Served, Window, window

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAWN, A_MOMENT = 100, 1_000  # ms: until the open question is drawn; until Enter is meant for it


KEYBOARD = {
    "en-GB": {
        "launcher": "Open the chat",
        "topic": "Gateways",
        "followup": "Yes, please",
        "agree": "Agree",
        "own": "My own",
        "skip": "Skip",
        "industry": "Water",
        "send": "Send",
        "sent": "Your reference is",
        "labels": ["Your question", "Name", "Company", "Mobile phone", "E-mail", "Position"],
    },
    "zh-CN": {
        "launcher": "打开咨询窗口",
        "topic": "网关产品",
        "followup": "需要",
        "agree": "同意",
        "own": "本人的",
        "skip": "跳过",
        "industry": "水务",
        "send": "发送",
        "sent": "编号",
        "labels": ["您的问题", "姓名", "公司名称", "手机号码", "电子邮箱", "职位"],
    },
}


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_the_keyboard_alone_is_enough(browser: Browser, served: Served, locale: str) -> None:
    """From the page to the sent consultation without a mouse, in both languages; the focus never falls to the body."""
    words = KEYBOARD[locale]
    answers = ["能接旧水泵吗？", "李娜", "示例水泵", "+86 138 0013 8000"]
    async with window(browser, f"{served.url}/", locale=locale) as seen:

        async def press(name: str) -> None:
            focused = str(await seen.page.evaluate(FOCUSED)).strip()
            if focused == name:  # given, not chosen: for a moment Enter is not meant for it
                await seen.page.keyboard.press("Shift+Tab")
            if focused != name or str(await seen.page.evaluate(FOCUSED)).strip() != name:
                await seen.tab_to(name)
            await seen.page.keyboard.press("Enter")

        await press(str(words["launcher"]))
        await seen.page.locator(".chip").first.wait_for()
        await press(str(words["topic"]))
        for label, answer in zip(words["labels"], answers, strict=False):
            await seen.asks(label)
            await expect(seen.answer).to_be_focused()
            await seen.page.keyboard.insert_text(answer)
            await seen.page.keyboard.press("Enter")
            if label == words["labels"][0]:
                for choice in (words["followup"], words["agree"], words["own"]):
                    await seen.dialog.get_by_role("button", name=str(choice), exact=True).wait_for()
                    await press(str(choice))
        for label in words["labels"][4:]:
            await seen.asks(label)
            await press(str(words["skip"]))
        await seen.dialog.get_by_role("button", name=str(words["industry"]), exact=True).wait_for()
        await press(str(words["industry"]))
        await seen.dialog.locator(".foot .filled").wait_for()
        await press(str(words["send"]))

        await seen.sees(str(words["sent"]))
        assert await seen.page.evaluate("document.activeElement.tagName") == "ASKFIRST-DESK"
        await seen.page.keyboard.press("Escape")
        await expect(seen.dialog).to_be_hidden()
        launcher = seen.page.locator("#launcher")  # it is told of the closing by an event, a moment later
        await expect(launcher).to_have_attribute("aria-label", str(words["launcher"]))
        await expect(launcher).to_be_focused()


async def test_who_types_goes_on_typing(chat: Window) -> None:
    """WCAG 2.4.3: the focus stays in the text box, so that the next answer is never swallowed by a button."""
    await chat.open()
    await chat.pick("Gateways")
    await chat.asks("Your question")
    await chat.say("Can your gateways read an old pump?")
    await chat.dialog.get_by_role("button", name="Yes, please", exact=True).wait_for()

    await expect(chat.answer).to_be_focused()
    await chat.page.keyboard.type("no")
    await chat.page.keyboard.press("Enter")

    await chat.sees("Should you wish to talk to us later")
    assert (await chat.dialog.locator(".visitor").all_inner_texts())[-1] == "No, thank you"


async def test_a_letter_goes_into_the_text_box(chat: Window) -> None:
    """Whatever has the focus, the heading after opening or a button, what is typed is not lost."""
    await chat.open()
    await expect(chat.page.locator(".title")).to_be_focused()
    await chat.page.keyboard.type("How")
    await expect(chat.answer).to_have_value("How")
    await chat.dialog.get_by_role("button", name="Gateways", exact=True).focus()

    await chat.page.keyboard.type(" much?")

    await expect(chat.answer).to_be_focused()
    await expect(chat.answer).to_have_value("Howmuch?")  # the space bar belongs to the button
    await expect(chat.dialog.locator(".visitor")).to_have_count(1)


async def test_enter_for_one_question_never_answers_the_next(chat: Window) -> None:
    """A button that the person did not turn to is not pressed by the Enter that was meant for the last one."""
    await chat.page.clock.install()
    await chat.open()
    await chat.to_consent()
    await chat.page.clock.pause_at(await chat.page.evaluate("Date.now() + 1000"))
    await chat.pick("Agree")
    await chat.sees("Are the details your own")
    await chat.page.clock.run_for(DRAWN)
    await expect(chat.dialog.get_by_role("button", name="My own", exact=True)).to_be_focused()

    await chat.page.keyboard.press("Enter")
    await expect(chat.dialog.locator(".visitor")).to_have_count(4)
    await chat.page.clock.run_for(A_MOMENT)
    await chat.page.keyboard.press("Enter")

    await expect(chat.dialog.locator(".visitor")).to_have_count(5)


async def test_an_empty_answer_is_told_kindly(chat: Window) -> None:
    """WCAG 3.3.1: Enter on nothing says what is missing; the words go as soon as something is sent."""
    await chat.open()
    await chat.answer.focus()
    await chat.page.keyboard.press("Enter")
    await expect(chat.dialog.locator("#fault")).to_contain_text("or press one of the buttons")
    assert await chat.answer.get_attribute("aria-invalid") == "true"

    await chat.say("What is your warranty?")

    await chat.sees("three years")


async def test_nothing_is_cut_off(chat: Window) -> None:
    """What is too long for a field stands there whole, is counted, and the desk says what was wrong with it."""
    long = "Li" * 60
    await chat.open()
    await chat.to_consent()
    await chat.pick("Agree")
    await chat.pick("My own")
    await chat.asks("Name")
    await chat.page.keyboard.insert_text(long)
    await expect(chat.dialog.locator(".count")).to_have_text("20 characters too many: at most 100 fit.")

    await chat.page.keyboard.press("Enter")

    await expect(chat.dialog.locator("#fault")).to_contain_text("at most 100 characters")
    await expect(chat.answer).to_have_value(long)
    await chat.answer.fill("x" * 4_001)
    await chat.page.keyboard.press("Enter")
    await expect(chat.dialog.locator("#fault")).to_contain_text("4,000")
    await chat.say("Li Na")
    await chat.asks("Company")


async def test_the_count_is_said_once_the_typing_pauses(chat: Window) -> None:
    """WCAG 4.1.3: the eye sees each character counted near the most that fits; a screen reader hears it at times."""
    await chat.page.clock.install()
    await chat.open()
    seen, heard = chat.dialog.locator(".count"), chat.dialog.locator(".composer [role=status]")
    await chat.answer.fill("x" * 3_000)
    await expect(heard).to_have_count(0)

    await chat.answer.fill("x" * 3_990)
    await chat.answer.press_sequentially("123")

    await expect(seen).to_have_text("3993 of 4000 characters")
    assert await seen.get_attribute("role") is None
    await expect(heard).to_be_empty()
    await chat.page.clock.fast_forward(1_100)
    await expect(heard).to_have_text("3993 of 4000 characters")
    await chat.answer.fill("x" * 3_000)
    await chat.page.clock.fast_forward(1_100)
    await expect(seen).to_be_hidden()
    await expect(heard).to_be_empty()


async def test_enter_that_ends_a_chinese_word_does_not_send(chat: Window) -> None:
    """Enter belongs to the input method while a word is being composed."""
    await chat.open()
    await chat.answer.fill("wang")

    await chat.answer.evaluate(
        "one => one.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))"
    )

    await expect(chat.answer).to_have_value("wang")
    await expect(chat.dialog.locator(".visitor")).to_have_count(0)
