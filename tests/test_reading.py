"""Reading the rules: every fault is told with file, key and remedy, and all of them together."""

from datetime import time, timedelta
from typing import Any

import pytest

from intake.reading import PolicySource
from tests.changed_rules import POLICY, Change, entry, faults, with_recipient

FAULTS: list[tuple[str, Change, str, str]] = [
    ("unknown key", lambda raw: raw.update(colour="red"), "colour", "remove it"),
    ("unknown key inside", entry("fields", "phone", colour=1), "fields[phone].colour", "remove it"),
    ("missing key", lambda raw: raw["company"].pop("email"), "company.email", "add it"),
    ("missing section", lambda raw: raw.pop("hours"), "hours", "add it"),
    ("section of another type", lambda raw: raw.update(topics="none"), "topics", "correct the value"),
    ("entry of another type", lambda raw: raw.update(topics=["none"]), "topics[1]", "correct the value"),
    ("empty section", lambda raw: raw.update(topics=[]), "topics", "add at least one"),
    ("a word for a yes", entry("fields", "phone", asked="yes"), "fields[phone].asked", "correct the value"),
    ("no translation", entry("topics", "other", label={"en": "x"}), "topics[other].label", "write it"),
    (
        "empty translation",
        entry("topics", "other", label={"en": "x", "zh-CN": " "}),
        "topics[other].label",
        "write it",
    ),
    (
        "stray language",
        entry("topics", "other", label={"en": "x", "zh-CN": "x", "fr": "x"}),
        "topics[other].label",
        "remove it",
    ),
    ("bad name", entry("topics", "other", id="Oth er"), "topics[Oth er].id", "use small Latin letters"),
    ("used twice", entry("topics", "other", id="service"), "topics[service]", "rename"),
    (
        "bad origin",
        entry("sites", "default", origins=["example.com"]),
        "sites[default].origins[1]",
        "scheme and host",
    ),
    (
        "odd scheme",
        entry("sites", "default", origins=["app://localhost"]),
        "sites[default].origins[1]",
        "scheme and host",
    ),
    (
        "usual port",
        entry("sites", "default", origins=["https://www.example.com:443"]),
        "sites[default].origins[1]",
        "leave the port out",
    ),
    (
        "no port",
        entry("sites", "default", origins=["http://www.example.com:65536"]),
        "sites[default].origins[1]",
        "leave the port out",
    ),
    ("unknown kind", entry("fields", "phone", kind="fax"), "fields[phone].kind", "one of the values"),
    ("unknown purpose", entry("fields", "phone", purpose="fun"), "fields[phone].purpose", "[[purposes]]"),
    (
        "uncovered field",
        entry("purposes", "contact", fields=["name"]),
        "fields[phone].purpose",
        "add it to that one",
    ),
    ("no warning", lambda raw: raw["fields"][2].pop("warning"), "fields[phone]", "S7"),
    ("idle warning", entry("fields", "phone", sensitive=False), "fields[phone]", "sensitive = true"),
    ("choices missing", entry("fields", "industry", choices=[]), "fields[industry]", "choices"),
    ("reserved name", entry("fields", "phone", name="need"), "fields[need]", "another name"),
    (
        "unknown field of purpose",
        entry("purposes", "news", fields=["fax"]),
        "purposes[news].fields[1]",
        "[[visit]]",
    ),
    (
        "unknown contact field",
        lambda raw: raw.update(contact_fields=["fax"]),
        "contact_fields[1]",
        "[[fields]]",
    ),
    ("contact not asked", entry("fields", "phone", asked=False), "contact_fields", "asked = true"),
    ("no contact purpose", entry("purposes", "contact", required=False), "purposes", "required = true"),
    ("forced marketing", entry("purposes", "news", required=True), "purposes[news]", "required = false"),
    (
        "abroad unassessed",
        entry("purposes", "telegram_abroad", assessment=""),
        "purposes[telegram_abroad]",
        "L9",
    ),
    (
        "abroad, assessed by a blank",
        entry("purposes", "telegram_abroad", assessment=" "),
        "purposes[telegram_abroad]",
        "L9",
    ),
    ("bad length of time", entry("purposes", "news", keep="soon"), "purposes[news].keep", "180 days"),
    ("no length of time", entry("purposes", "news", keep="0 days"), "purposes[news].keep", "180 days"),
    ("for ever", entry("purposes", "news", keep="101 years"), "purposes[news].keep", "at most 100 years"),
    (
        "one text for all",
        lambda raw: raw["fields"][2].update(label="Phone"),
        "fields[phone].label",
        "each language",
    ),
    (
        "a word for two",
        lambda raw: raw["fields"][4].update(words=["Handy ", "MOBILE"]),
        "fields[position].words",
        "one of them",
    ),
    ("bad zone", lambda raw: raw["hours"].update(zone="Mars/Base"), "hours.zone", "IANA"),
    (
        "bad weekday",
        lambda raw: raw["hours"].update(weekdays=["Mo"]),
        "hours.weekdays[1]",
        "one of the values",
    ),
    ("closes too early", lambda raw: raw["hours"].update(opens=time(19)), "hours", "one day"),
    ("bad address", lambda raw: raw["company"].update(email="office"), "company.email", "office@example.com"),
    (
        "bad country",
        lambda raw: raw["company"].update(country="China"),
        "company.country",
        "two capital letters",
    ),
    (
        "an empty word",
        lambda raw: raw["faq"][0]["asks"].update(en=[" "]),
        "faq[protocols].asks.en[1]",
        "write the word",
    ),
    ("no language", lambda raw: raw.update(languages={}), "languages", "add at least one"),
    (
        "lone brace",
        lambda raw: raw["faq"][0]["answer"].update(en="{"),
        "faq[protocols].answer.en",
        "{{ for a brace",
    ),
    (
        "idle placeholder",
        lambda raw: raw["fields"][2]["why"].update(en="{price}"),
        "fields[phone].why.en",
        "use only {address}",
    ),
    ("no agreement", with_recipient(agreement=" "), "recipients[crm]", "S11"),
    ("abroad, no assessment", with_recipient(country="US"), "recipients[crm]", "L9"),
    ("no https", with_recipient(address="http://crm.example.com"), "recipients[crm]", "https://"),
    ("no secret", with_recipient(secret_env=""), "recipients[crm]", "secret_env"),
    ("no mail address", with_recipient(kind="mail"), "recipients[crm]", "office@example.com"),
    ("too much", with_recipient(fields=["name", "position"]), "recipients[crm].fields", "remove it"),
]


@pytest.mark.parametrize(
    ("change", "key", "remedy"), [fault[1:] for fault in FAULTS], ids=[one[0] for one in FAULTS]
)
def test_each_fault_names_its_key_and_remedy(change: Change, key: str, remedy: str) -> None:
    """A fault in the file is told with the key where an operator finds it and with what to do (S11, S7, L9)."""
    found = faults(change)

    assert [one for one in found if one.file == "intake.toml" and one.key == key and remedy in one.remedy], (
        found
    )


def test_all_faults_come_together() -> None:
    """Three faults in three places are told in one go, broken entries and comparisons alike."""

    def change(raw: dict[str, Any]) -> None:
        raw["hours"]["zone"] = "Mars/Base"
        entry("topics", "other", id="service")(raw)
        entry("fields", "phone", asked=False)(raw)

    found = faults(change)

    assert {one.key for one in found} == {"hours.zone", "topics[service]", "contact_fields"}


BETWEEN: list[tuple[Change, set[str]]] = [
    (with_recipient(colour=1, agreement="", secret_env=""), {"recipients[crm].colour", "recipients[crm]"}),
    (with_recipient(address=5, agreement=""), {"recipients[crm].address", "recipients[crm]"}),
    (with_recipient(kind="fax", agreement=""), {"recipients[crm].kind", "recipients[crm]"}),
    (entry("fields", "phone", colour=1, sensitive=False), {"fields[phone].colour", "fields[phone]"}),
    (entry("purposes", "news", keep="soon", required=True), {"purposes[news].keep", "purposes[news]"}),
    (lambda raw: raw["hours"].update(zone="Mars/Base", opens=time(19)), {"hours.zone", "hours"}),
]


@pytest.mark.parametrize(("change", "keys"), BETWEEN)
def test_a_fault_of_one_value_hides_none_between_others(change: Change, keys: set[str]) -> None:
    """Also within one entry all is told in one go, and nothing of a value that is none."""
    assert {one.key for one in faults(change)} == keys


def test_a_policy_version_is_told_all_its_faults_at_once() -> None:
    """Its dates are held against each other, whatever else is wrong."""
    wrong = {"effective_on": POLICY["published_on"] - timedelta(days=1), "major": ["colour"]}
    found = faults(policies={"2026-11": PolicySource(POLICY | wrong, {"en": "Policy", "zh-CN": "政策"})})

    assert {one.key for one in found} == {"(the file)", "major[1]"}


def test_a_fault_reads_as_one_line() -> None:
    """What is printed for an operator is file, key, fault and remedy."""
    fault = faults(lambda raw: raw["company"].pop("email"))[0]

    assert str(fault) == "intake.toml: company.email: missing; add it"


def test_without_a_policy_nothing_starts() -> None:
    """No policy version is a fault: consent needs a text to agree to (L1)."""
    found = faults(policies={})

    assert [one.file for one in found] == ["policy"]


def test_a_policy_must_stand_in_every_language() -> None:
    """A policy without its Chinese text is refused, with the name of the missing file (S26)."""
    found = faults(policies={"2026-11": PolicySource(POLICY, {"en": "Policy"})})

    assert [one.file for one in found] == ["policy/2026-11/zh-CN.md"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"version": "2026-12"}, "version"),
        ({"version": "a b"}, "version"),
        ({"effective_on": POLICY["published_on"] - timedelta(days=1)}, "(the file)"),
        ({"major": ["colour"]}, "major[1]"),
    ],
)
def test_a_policy_version_is_checked(changes: dict[str, Any], key: str) -> None:
    """Version, dates and the named major changes are held against the rules (S27, S28)."""
    found = faults(policies={"2026-11": PolicySource(POLICY | changes, {"en": "Policy", "zh-CN": "政策"})})

    assert [(one.file, one.key) for one in found] == [("policy/2026-11/policy.toml", key)]


def test_a_policy_text_may_only_name_what_is_configured() -> None:
    """A placeholder that nothing fills is a fault of that document."""
    found = faults(policies={"2026-11": PolicySource(POLICY, {"en": "{price}", "zh-CN": "政策"})})

    assert [one.file for one in found] == ["policy/2026-11/en.md"]
