"""Commands are whole phrases of either language, and never a word inside a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import commands
from intake.commands import Command

CORPUS = Path(__file__).parent / "corpus" / "commands.tsv"

FIELDS = {
    "name": ("full name", "姓名", "名字"),
    "company": ("company name", "公司", "公司名称"),
    "phone": ("mobile", "phone number", "number", "手机", "手机号", "手机号码", "电话"),
    "email": ("E-mail", "mail", "email address", "邮箱", "电子邮箱"),
    "address": ("postal address", "地址"),
}
PURPOSES = {
    "contact": ("call back", "联系"),
    "news": ("newsletter", "product news", "资讯", "产品资讯"),
    "affiliates": ("sharing", "共享", "关联公司"),
}
LOCALES = {"en": ("English", "英文", "英语"), "zh-CN": ("Chinese", "中文", "简体中文")}


def recognise(text: str) -> Command | None:
    """Recognise with the fields, purposes and languages of these tests."""
    return commands.recognise(text, fields=FIELDS, purposes=PURPOSES, locales=LOCALES)


def _corpus() -> Iterator[tuple[str, str, str]]:
    for line in CORPUS.read_text(encoding="utf-8").splitlines()[1:]:
        expected, language, phrase = line.split("\t")
        yield expected, language, phrase


def _written(command: Command | None) -> str:
    if command is None:
        return "-"
    return f"{command.name}:{command.argument}" if command.argument else command.name


def test_the_corpus_is_large_and_bilingual() -> None:
    """At least 100 commands and 100 sentences that are none, in English and in Chinese."""
    kinds = [(expected == "-", language) for expected, language, _ in _corpus()]

    for none, language in ((True, "en"), (True, "zh"), (False, "en"), (False, "zh")):
        assert kinds.count((none, language)) >= 100, (none, language)
    assert {expected.split(":")[0] for expected, _, _ in _corpus()} == {"-", *commands.NAMES}


def test_every_phrase_of_the_corpus_is_understood() -> None:
    """Whole phrases are the command with its argument, sentences that hold the same words are not (S21)."""
    wrong = [
        (phrase, expected) for expected, _, phrase in _corpus() if _written(recognise(phrase)) != expected
    ]

    assert wrong == []


@pytest.mark.parametrize("name", commands.NAMES)
def test_every_command_has_a_slash_form(name: str) -> None:
    """Each name works bare, with a slash, with a bot's name behind it, and in capitals."""
    assert {recognise(f) for f in (name, f"/{name}", f"/{name}@AskfirstBot", name.upper())} == {Command(name)}


def test_the_names_are_those_of_the_design() -> None:
    """The eleven commands of the design, a code by mail, and a new consultation."""
    assert commands.NAMES == (
        "help", "view", "correct", "delete", "withdraw", "export", "policy", "receipts", "verify", "language", "human",
        "cancel", "new",
    )  # fmt: skip


def test_arguments_are_only_what_the_configuration_knows() -> None:
    """A field, purpose or language that nobody configured names nothing."""
    nothing: dict[str, dict[str, tuple[str, ...]]] = {"fields": {}, "purposes": {}, "locales": {}}

    assert commands.recognise("correct phone", **nothing) is None
    assert commands.recognise("withdraw news", **nothing) is None
    assert commands.recognise("English", **nothing) is None
    assert commands.recognise("/correct phone", **nothing) == Command("correct")


def test_long_messages_are_no_commands() -> None:
    """A message longer than any phrase is not looked at."""
    assert recognise("view" + " " * 100) is None
    assert recognise("please " * 600 + "view") is None


def test_job_titles_are_no_cry_for_a_human() -> None:
    """Answers to "your position?" and topics stay answers, though "talk to sales" is a command."""
    for answer in ("Sales", "Support", "Consultant", "Operator", "销售", "顾问"):
        assert recognise(answer) is None


@pytest.mark.parametrize(
    "word", ["yes", "Yes!", "YES", "ok", "Sure.", "yes please", "是", "是的。", "好的", "可以", "没问题"]
)
def test_yes_in_both_languages(word: str) -> None:
    """Words of assent are a yes, no no and no skip."""
    assert commands.is_yes(word)
    assert not commands.is_no(word)
    assert not commands.is_skip(word)


@pytest.mark.parametrize(
    "word", ["no", "No.", "nope", "No thanks!", "not now", "不", "不是", "不用了", "不需要", "否"]
)
def test_no_in_both_languages(word: str) -> None:
    """Words of refusal are a no, no yes and no skip."""
    assert commands.is_no(word)
    assert not commands.is_yes(word)
    assert not commands.is_skip(word)


@pytest.mark.parametrize(
    "word", ["skip", "Skip!", "skip this", "prefer not to say", "n/a", "跳过", "不填", "略过", "不想说"]
)
def test_skip_in_both_languages(word: str) -> None:
    """Words that pass a question over are a skip, no yes and no no."""
    assert commands.is_skip(word)
    assert not commands.is_yes(word)
    assert not commands.is_no(word)


@pytest.mark.parametrize(
    "sentence", ["yes, but not by phone", "no idea", "skip the first part", "是不是支持", "不知道", ""]
)
def test_sentences_are_neither_yes_nor_no_nor_skip(sentence: str) -> None:
    """Only the exact words count."""
    assert not commands.is_yes(sentence)
    assert not commands.is_no(sentence)
    assert not commands.is_skip(sentence)


@given(st.text(max_size=100))
def test_whatever_is_typed_is_a_command_or_none(text: str) -> None:
    """Recognising never raises, and never invents a name."""
    command = recognise(text)

    assert command is None or command.name in commands.NAMES


@given(
    st.lists(
        st.sampled_from(["请", "我想", "我要", "my ", "please ", "更正", "的", "信息", "吗", "delete "]),
        max_size=40,
    )
)
def test_words_in_any_number_and_order_are_read_at_once(words: list[str]) -> None:
    """Command words heaped up end in an answer: no phrase backtracks without end."""
    command = recognise("".join(words)[:80])

    assert command is None or command.name in commands.NAMES
