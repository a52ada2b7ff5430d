"""The widget in Chinese: full-width marks beside Chinese words, on the cards, the questions and what is kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.chat_window import served_desk, window

pytestmark = pytest.mark.asyncio(loop_scope="session")

LATIN_MARK = re.compile(r"[\u4e00-\u9fff][ ]?[,.:;()][^\n]{0,8}|\([\u4e00-\u9fff]+")


async def test_chinese_has_chinese_marks(browser: Browser, tmp_path: Path) -> None:
    """L4: what is read in Chinese is punctuated in Chinese."""
    async with served_desk(tmp_path) as served, window(browser, f"{served.url}/", locale="zh-CN") as seen:
        await seen.open()
        await seen.pick("网关产品")
        await seen.asks("您的问题")
        await seen.say("你们的网关能连接旧水泵吗？")
        await seen.pick("需要")
        await seen.sees("由您选择")
        read = [await seen.dialog.inner_text()]
        await seen.pick("同意")
        await seen.pick("本人的")
        for label, text in (("姓名", "李娜"), ("公司名称", "示例水泵"), ("手机号码", "+86 138 0013 8000")):
            await seen.asks(label)
            await seen.say(text)
        await seen.asks("邮箱")
        await seen.pick("跳过")
        await seen.asks("职位（选填）")
        read.append(await seen.dialog.inner_text())
        await seen.dialog.get_by_role("button", name="隐私与我的信息").click()
        await seen.sees("谁查看过")
        await expect(seen.dialog.locator(".view")).to_contain_text("答复本次咨询：同意，")
        read.append(await seen.dialog.inner_text())

        assert [LATIN_MARK.findall(text) for text in read] == [[], [], []]
