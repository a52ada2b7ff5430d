"""Loading the files that an operator edits: the shipped ones are right, and wrong ones are told all together."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from config.load import load, placeholders, spelt_duration, spelt_list
from intake.reading import Fault, RulesInvalid

ENGLISH = "wording/en/LC_MESSAGES/askfirst.po"
CHINESE = "wording/zh_CN/LC_MESSAGES/askfirst.po"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the shipped configuration, free to be broken."""
    return Path(
        shutil.copytree("config", tmp_path / "config", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    )


def faults(directory: Path) -> tuple[Fault, ...]:
    """Return what is wrong with the configuration."""
    with pytest.raises(RulesInvalid) as refused:
        load(directory)
    return refused.value.faults


def change(file: Path, old: str, new: str) -> None:
    """Replace a piece of a file that must be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_shipped_configuration_is_right() -> None:
    """What ships loads: rules, catalogues and policies of every language."""
    loaded = load(Path("config"))

    assert list(loaded.rules.locales) == ["en", "zh-CN"]
    assert set(loaded.catalogues) == set(loaded.policies["2026-11"]) == {"en", "zh-CN"}


def test_examples_in_the_comments_are_right(directory: Path) -> None:
    """The recipients that ship commented out load as they stand once the marks are removed (S11, S16)."""
    file = directory / "intake.toml"
    before, mark, after = file.read_text(encoding="utf-8").partition("# [[recipients]]\n")
    example, end, rest = (mark + after).partition("\n\n\n")
    uncommented = "\n".join(line.removeprefix("#").removeprefix(" ") for line in example.splitlines())
    file.write_text(before + uncommented + end + rest, encoding="utf-8")

    assert list(load(Path("config")).rules.recipients) == []
    assert list(load(directory).rules.recipients) == ["sales", "crm"]


def test_an_empty_folder_names_the_missing_file(tmp_path: Path) -> None:
    """Pointing the desk to a wrong folder is told as that, not as a hundred missing keys."""
    found = faults(tmp_path)

    assert [(fault.file, "ASKFIRST_CONFIG" in fault.remedy) for fault in found] == [("intake.toml", True)]


def test_faults_of_all_files_come_together(directory: Path) -> None:
    """Rules, wording and policy are judged in one go, each fault with its file."""
    change(directory / "intake.toml", 'zone = "Asia/Shanghai"', 'zone = "Mars/Base"')
    change(directory / CHINESE, 'msgid "help"', 'msgid "hulp"')
    (directory / "policy/2026-11/zh-CN.md").unlink()

    found = faults(directory)

    assert {(fault.file, fault.key) for fault in found} == {
        ("intake.toml", "hours.zone"),
        (CHINESE, "help"),
        (ENGLISH, "hulp"),
        ("policy/2026-11/zh-CN.md", "(the file)"),
    }


def test_wording_faults_alone_stop_the_start(directory: Path) -> None:
    """A text with another placeholder, an empty one and a lone brace are faults though the rules are right."""
    change(directory / CHINESE, "{reference}", "{referenz}")
    change(directory / CHINESE, 'msgid "skip"\nmsgstr "跳过"', 'msgid "skip"\nmsgstr ""')
    change(directory / CHINESE, 'msgid "view"\nmsgstr "', 'msgid "view"\nmsgstr "{')

    found = faults(directory)

    assert {(fault.file, fault.key) for fault in found} == {
        (CHINESE, "sent"),
        (CHINESE, "skip"),
        (CHINESE, "view"),
    }


def test_a_missing_catalogue_is_named(directory: Path) -> None:
    """A language without its catalogue is told with the file to write."""
    (directory / CHINESE).unlink()

    assert [(fault.file, fault.fault) for fault in faults(directory)] == [(CHINESE, "missing")]


def test_a_catalogue_that_cannot_be_read_is_named(directory: Path) -> None:
    """A slip in the catalogue's own syntax is told with its line."""
    change(directory / ENGLISH, 'msgid "view"', 'msgidd "view"')

    found = faults(directory)

    assert [fault.file for fault in found] == [ENGLISH]
    assert "cannot be read" in found[0].fault


def test_a_text_that_lost_its_quote_is_named(directory: Path) -> None:
    """The reader would take what is left of the line, and the desk would say it."""
    change(directory / ENGLISH, 'msgstr "Hello, ', "msgstr Hello, ")

    found = faults(directory)

    assert {fault.file for fault in found} == {ENGLISH}
    assert [fault.fault for fault in found if fault.key == "line 12"] == ["no text between quotes"]


def test_files_that_are_no_text_are_named(directory: Path) -> None:
    """Broken TOML and broken UTF-8 are told as what they are."""
    change(directory / "policy/2026-11/policy.toml", "major = []", "major = [")
    (directory / "policy/2026-11/en.md").write_bytes(b"\xff\xfe")

    found = {(fault.file, fault.fault.partition(":")[0]) for fault in faults(directory)}

    assert ("policy/2026-11/policy.toml", "not TOML") in found
    assert ("policy/2026-11/en.md", "not UTF-8") in found


@pytest.mark.parametrize("language", ['"not a language!"', "xx"])
def test_an_unknown_language_is_a_fault(directory: Path, language: str) -> None:
    """A locale that nobody knows is refused before texts are judged by it."""
    change(directory / "intake.toml", 'zh-CN = ["chinese"', f'{language} = ["chinese"')

    found = faults(directory)

    assert [fault.fault for fault in found] == ["no known language"]


def test_a_desk_without_languages_is_refused(directory: Path) -> None:
    """Without languages there is nothing to say."""
    change(directory / "intake.toml", "\n[languages]\n", "\n[tongues]\n")

    assert [(fault.key, fault.fault) for fault in faults(directory)] == [("languages", "no language")]


def test_policies_are_ordered_by_their_effect(directory: Path) -> None:
    """The rules hold the versions oldest first, whatever their folders are called (S27)."""
    older = Path(shutil.copytree(directory / "policy/2026-11", directory / "policy/zero"))
    change(older / "policy.toml", 'version = "2026-11"', 'version = "zero"')
    change(older / "policy.toml", "effective_on = 2026-11-01", "effective_on = 2025-01-01")
    change(older / "policy.toml", "published_on = 2026-11-01", "published_on = 2025-01-01")

    assert list(load(directory).rules.policies) == ["zero", "2026-11"]


@pytest.mark.parametrize(
    ("period", "english", "chinese"),
    [
        (timedelta(minutes=10), "10 minutes", "10 分钟"),
        (timedelta(minutes=90), "90 minutes", "90 分钟"),
        (timedelta(hours=1), "1 hour", "1 小时"),
        (timedelta(hours=72), "72 hours", "72 小时"),
        (timedelta(days=180), "180 days", "180 天"),
        (timedelta(days=730), "2 years", "2 年"),
    ],
)
def test_periods_are_spelt_as_people_say_them(period: timedelta, english: str, chinese: str) -> None:
    """Nobody reads "6 months" where 180 days are promised."""
    assert (spelt_duration(period, "en"), spelt_duration(period, "zh-CN")) == (english, chinese)


def test_lists_take_the_comma_of_their_language() -> None:
    """Chinese lists are written with its own comma."""
    assert spelt_list(["a", "b", "c"], "en") == "a, b, c"
    assert spelt_list(["甲", "乙"], "zh-CN") == "甲、乙"


def test_placeholders_are_names_in_braces() -> None:
    """Doubled braces are text, not placeholders."""
    assert placeholders("{a} {{b}} {c}") == {"a", "c"}
