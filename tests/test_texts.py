"""Texts: complete in every language, calm, and saying what the obligations ask for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import pytest

from bot.wording import Wording
from config.load import placeholders
from intake import commands
from intake.codes import FAULTS
from intake.outcomes import Expects, Reply
from intake.rejection import REJECTION_CODES
from tests.drawn_frames import LOCALES, PHONE, catalogue, drawn, loaded, rules, wording

COMMANDS = commands.NAMES


def said_keys() -> Iterator[str]:
    """Yield every wording key that stands in the code of the project as a plain string."""
    for room in ("intake", "bot"):
        for path in Path(room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield from _keys(node)
        for path in Path(room).rglob("*.html"):
            yield from re.findall(r"""\bsay\(["']([\w.:-]+)["'][,)]""", path.read_text(encoding="utf-8"))


def _keys(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    given = [call.args[0]] if name in ("say", "_say", "_tell", "_choice") and call.args else []
    given += [word.value for word in call.keywords if word.arg == "key" and name == "Reply"]
    yield from (one.value for one in given if isinstance(one, ast.Constant) and _is_key(one.value))


def _is_key(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[a-z][\w.:-]+", value) is not None


def test_every_key_in_the_code_has_its_text() -> None:
    """What the engine and the rooms of bot say stands in the catalogues."""
    keys = set(said_keys()) - {"faq"}

    assert len(keys) > 40
    assert sorted(keys - set(catalogue("en"))) == []


def test_both_catalogues_say_the_same_things() -> None:
    """Keys and placeholders are the same in every language."""
    english, chinese = (catalogue(locale) for locale in LOCALES)

    assert english.keys() == chinese.keys()
    assert [key for key in english if placeholders(english[key]) != placeholders(chinese[key])] == []


def test_chinese_is_chinese_and_english_is_english() -> None:
    """No text was left in the other language, but for names of things."""
    han, word = re.compile("[\u4e00-\u9fff]"), re.compile("[A-Za-z]{3}")

    english = {text for text in catalogue("en").values() if han.search(text)}
    chinese = {re.sub(r"\{\w+\}", "", text) for text in catalogue("zh-CN").values() if not han.search(text)}

    assert english <= {"中文"}
    assert {text for text in chinese if word.search(text)} <= {"English", "Telegram"}


def test_every_rejection_has_its_sentence() -> None:
    """Each rejection code says what was wrong, in both languages, and no text is left for a code that is gone."""
    ours = {"example", "required", "one_contact", "unexpected", "unknown_field", *FAULTS}
    ours |= {"phone.not_own", "phone.email_next"}

    for locale in LOCALES:
        for code in (*REJECTION_CODES, *FAULTS):
            assert len(wording().rejected("phone", code, locale)) > 5
    told = {key.removeprefix("rejected.") for key in catalogue("en") if key.startswith("rejected.")}
    assert told - ours == set(REJECTION_CODES) - ours


@pytest.mark.parametrize("locale", LOCALES)
def test_words_that_texts_recommend_are_understood(locale: str) -> None:
    """Every word in quotation marks in an answer is a command that works."""
    ended = ("ended.chat", "ended.ask", "withdrawn.contact", "correct.withdrawn")
    for key in ("consent.ask", *ended, "new.open", "unexpected", "help"):
        for word in re.findall("“([^”]+)”", wording().say(key, locale)):
            assert commands.recognise(word, fields={}, purposes={}, locales={}), (key, word)


def test_receipts_have_one_name_in_chinese() -> None:
    """L14: texts and policy call them what the command is called, and nothing else."""
    told = [*catalogue("zh-CN").values(), *(texts["zh-CN"] for texts in loaded().policies.values())]

    assert [text for text in told if re.search("同意记录|回执|(?<!同意)凭证", text)] == []
    assert commands.recognise("同意凭证", fields={}, purposes={}, locales={}) == commands.Command("receipts")


@pytest.mark.parametrize("locale", LOCALES)
def test_help_lists_every_command(locale: str) -> None:
    """Help names all words, each in the language of the conversation."""
    listed = re.split("[：:]|[。.] ?", wording().say("help", locale))[1]
    words = [word.strip() for word in re.split("[,、]", listed)]

    understood = [commands.recognise(word, fields={}, purposes={}, locales={}) for word in words]

    assert {one.name for one in understood if one} >= set(COMMANDS) - {"help"}
    assert None not in understood


@pytest.mark.parametrize("locale", LOCALES)
def test_commands_have_descriptions_that_telegram_takes(locale: str) -> None:
    """Each description has at most 256 characters (Bot API, BotCommand)."""
    for command in (*COMMANDS, "new"):
        assert 1 <= len(wording().say(f"command.{command}", locale)) <= 256


def test_greeting_says_that_it_is_a_machine() -> None:
    """The first message: automated, for whom, who reads it, what is masked and when it is gone (L15)."""
    reply = Reply(key="greeting", expects=Expects(kind="choice", name="topic", options=("topic:gateway",)))

    english, chinese = (drawn(reply, locale)["text"] for locale in LOCALES)

    for told in (
        "automated assistant of Example Instruments",
        "No person reads",
        "masked",
        "24 hours",
        "Choose a topic",
    ):
        assert told in english
    for told in ("示例仪器的自动助手", "不会有人查看", "遮盖", "24 小时", "选择一个主题"):
        assert told in chinese


def test_closed_hours_are_told_before_the_topics() -> None:
    """Who greets on a Saturday says that nobody is there and when a colleague answers, in the company's zone."""
    expects = Expects(kind="choice", name="topic", options=("topic:gateway",))
    reply = Reply(key="greeting", params={"answer_by": "2026-11-30T09:00:00+00:00"}, expects=expects)

    english, chinese = (drawn(reply, locale)["text"].split("\n\n") for locale in LOCALES)

    assert len(english) == len(chinese) == 2
    assert english[1].splitlines()[0] == (
        "Nobody is here right now. What you send is answered by Monday, November 30, 2026,"
        " 5:00\u202fPM (China Time)."
    )
    assert "2026年11月30日星期一 17:00" in chinese[1]


def test_a_version_to_come_is_told_with_its_date_and_where_it_is_read() -> None:
    """S27: what changes, from when, and a link; a version that was never published after all is not told of."""
    told = [drawn(Reply(key="policy", params={"coming": one}), "en")["text"] for one in ("2026-11", "gone")]

    assert (
        "On November 1, 2026 a new version of our privacy policy takes effect. The first version. Read it:"
        in told[0]
    )
    assert "/policy/2026-11?lang=en" in told[0]
    assert "\n" not in told[1]


def test_a_card_that_is_asked_again_tells_what_is_new() -> None:
    """S28: the changes since the version agreed to, and where the two are compared; of a lost one, the whole text."""
    asked = Expects(kind="consent", policy="2026-11", purposes=("contact",), since="2020-01")

    changed = drawn(Reply(key="consent.again", params={"policy": "2020-01"}, expects=asked), "en")["expects"][
        "policy"
    ]["changed"]

    assert changed["since"] == "2020-01"
    assert changed["changes"] == ["The first version."]
    assert changed["url"].endswith("/policy/2026-11?lang=en")


def test_consent_card_says_all_in_sixty_words() -> None:
    """Layer 1 tells who, why, which data, how long, who sees it, rights, withdrawal and age (L1, L6)."""
    english, chinese = (wording().say("consent.ask", locale) for locale in LOCALES)

    assert len(english.split()) <= 60
    for told in (
        "Example Instruments",
        "answer you",
        "Mobile phone",
        "180 days",
        "seen only by",
        "withdraw",
        "delete",
        "14",
    ):
        assert told in english
    for told in ("示例仪器", "答复您", "手机号码", "180 天", "仅负责答复的同事", "撤回", "删除", "14 周岁"):
        assert told in chinese


def test_no_text_presses_anybody() -> None:
    """No guilt, no countdown, no sales talk (visual brief, "Consent without tricks" 6)."""
    pushing = re.compile(
        "improve your experience|sorry to see|unfortunately|hurry|only today|are you sure|提升.*体验|遗憾|尽快",
        re.I,
    )

    texts = [text for catalogue in loaded().catalogues.values() for text in catalogue.values()]

    assert [text for text in texts if pushing.search(text)] == []


def test_sent_names_reference_due_and_the_three_words() -> None:
    """After sending: a reference, when to expect an answer in the company's zone, and view, correct, delete."""
    reply = Reply(key="sent", params={"reference": "A-2026", "due": "2026-11-24T07:00:00+00:00"})

    english, chinese = (drawn(reply, locale)["text"] for locale in LOCALES)

    assert "A-2026" in english
    assert "Tuesday, November 24, 2026, 3:00" in english
    assert all(word in english for word in ("view", "correct", "delete"))
    assert "2026年11月24日星期二 15:00（中国时间）" in chinese
    assert all(word in chinese for word in ("查看", "更正", "删除"))


def test_a_field_without_a_sentence_of_its_own_is_asked_by_its_label() -> None:
    """A field that an operator adds is asked without new wording."""
    text = wording().say("field.ask", "en", field="position")

    assert text == "Position, please."


def test_masked_notice_names_the_kinds() -> None:
    """The visitor is told what was masked, not its value (S17)."""
    reply = Reply(key="masked.notice", params={"found": "phone,id_number"})

    assert "电话号码、身份证件号码" in drawn(reply, "zh-CN")["text"]


def test_withdrawn_purposes_are_named() -> None:
    """Purposes in an answer appear by their labels."""
    reply = Reply(key="withdrawn", params={"purposes": "news,affiliates"})

    assert drawn(reply)["text"].startswith("Withdrawn: News, Affiliates.")


def test_an_unknown_key_is_our_own_mistake() -> None:
    """A key without text raises instead of showing a key to a person."""
    with pytest.raises(KeyError):
        wording().say("no.such.key", "en")


def test_policy_has_an_address() -> None:
    """The policy is linked in the reader's language, by version or as the one in force."""
    assert wording().policy_url("zh-CN") == "https://desk.example.com/policy?lang=zh-CN"
    assert wording().policy_url("en", "2026-11") == "https://desk.example.com/policy/2026-11?lang=en"


def test_labels_and_values_are_open_to_other_rooms() -> None:
    """Fields, items of the visit record and purposes can be named, values shown or masked."""
    names = ("phone", "need", "browser", "news", "field:gender", "attestation", "gone")

    assert [wording().label(name, "zh-CN") for name in names] == [
        "手机号码", "您的问题", "浏览器", "产品资讯", "性别", "经授权提供的他人信息", "gone",
    ]  # fmt: skip
    assert wording().shown("phone", PHONE, "en") == "+86 138 0000 0000"
    assert wording().shown("phone", PHONE, "en", masked=True) == "+86 ••• •••• 0000"


def test_braces_of_the_company_are_text() -> None:
    """A company's name with braces in it is never taken for a placeholder."""
    texts = {"a": "{company} {x}", "b": "{company}"}
    company = "Curly {Braces}"

    curly = replace(rules(), company=replace(rules().company, name=dict.fromkeys(LOCALES, company)))
    said = Wording(curly, dict.fromkeys(LOCALES, texts), "")

    assert (said.say("a", "en", x="1"), said.say("b", "en")) == (f"{company} 1", company)
