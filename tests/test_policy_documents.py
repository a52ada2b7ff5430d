"""The shipped policy: the same facts in both languages, nothing configured left out, periods from the rules."""

import re
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from config.load import Loaded, load, spelt_duration

VERSION = "2026-11"


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    """The shipped configuration."""
    return load(Path("config"))


def outline(text: str) -> list[str]:
    """Return the levels and numbers of the headings."""
    return [" ".join(found) for found in re.findall(r"^(#+) ([\d.]*)", text, re.MULTILINE)]


def test_both_languages_have_the_same_outline(loaded: Loaded) -> None:
    """Headings, list entries and table rows correspond one to one."""
    english, chinese = loaded.policies[VERSION]["en"], loaded.policies[VERSION]["zh-CN"]

    assert outline(english) == outline(chinese)
    for mark in ("- ", "| ", *(f"{number}. " for number in range(1, 13))):
        assert len(re.findall(f"^{re.escape(mark)}", english, re.M)) == len(
            re.findall(f"^{re.escape(mark)}", chinese, re.M)
        )


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_everything_configured_is_told(loaded: Loaded, locale: str) -> None:
    """Every purpose with its period, every field and every item of the visit record is told (L1, S3, S4)."""
    rules, text = loaded.rules, loaded.policies[VERSION][locale].casefold()

    labels = [purpose.label[locale] for purpose in rules.purposes.values()]
    labels += [field.label[locale] for field in rules.fields.values()]
    labels += [label[locale] for label in rules.visit.values()]

    assert [label for label in labels if label.casefold() not in text] == []
    for purpose in rules.purposes.values():
        row = next(
            line for line in text.splitlines() if line.startswith(f"| {purpose.label[locale].casefold()}")
        )
        assert spelt_duration(purpose.keep, locale).casefold() in row


@pytest.mark.parametrize(
    ("locale", "told"), [("en", "these receive details: nobody\n"), ("zh-CN", "接收信息的有：无\n")]
)
def test_without_recipients_it_says_nobody(loaded: Loaded, locale: str, told: str) -> None:
    """L1: as shipped, nobody receives details, in words."""
    assert told in loaded.policies[VERSION][locale]


def test_that_it_is_nobody_is_said_in_the_operators_words(tmp_path: Path) -> None:
    """What the catalogue has for it stands in the policy, too: no word of either language is anywhere else."""
    folder = tmp_path / "config"
    shutil.copytree("config", folder)
    catalogue = folder / "wording" / "en" / "LC_MESSAGES" / "askfirst.po"
    words = catalogue.read_text("utf-8")
    catalogue.write_text(
        words.replace('"record.none"\nmsgstr "nobody"', '"record.none"\nmsgstr "no one"'), "utf-8"
    )

    assert "these receive details: no one\n" in load(folder).policies[VERSION]["en"]


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ("affiliates and partners", "merges", "court", "anonymous", "14", "15 working days", "30 days",
                "Global Privacy Control", "cookie", "authorised", "certificate", "complain", "abroad")),
        ("zh-CN", ("关联公司和合作伙伴", "合并", "法院", "匿名化", "14", "15 个工作日", "30 天",
                   "全球隐私控制", "Cookie", "授权", "凭证", "投诉", "境外")),
    ],
)  # fmt: skip
def test_obligations_are_told(loaded: Loaded, locale: str, words: tuple[str, ...]) -> None:
    """Recipients, transfer, authorities, children, deadlines and complaints are in both texts (S6–S28, L6, L7, L13)."""
    text = loaded.policies[VERSION][locale]

    assert [word for word in words if word not in text] == []


def test_company_comes_from_the_configuration(loaded: Loaded) -> None:
    """Name, address, officer and contact are configuration, not text, and the hash is of what is shown."""
    company, version = loaded.rules.company, loaded.rules.policies[VERSION]

    for locale, text in loaded.policies[VERSION].items():
        for told in (company.name[locale], company.address[locale], company.officer[locale], company.email):
            assert told in text
        assert version.notice_sha256[locale] == sha256(text.encode()).hexdigest()
    assert not re.search("Example Instruments|示例仪器|example\\.com", _source("en") + _source("zh-CN"))


def test_first_version_asks_nobody_again(loaded: Loaded) -> None:
    """The first version changes nothing major and reduces no rights (S26, S28)."""
    version = loaded.rules.policies[VERSION]

    assert (version.major, version.reduces_rights) == ((), False)


def _source(locale: str) -> str:
    return Path(f"config/policy/{VERSION}/{locale}.md").read_text(encoding="utf-8")
