"""Reading the rules: what is configured arrives frozen, and every fault names its file, key and remedy."""

import tomllib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import FrozenInstanceError
from datetime import time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from config.load import spelt_duration, spelt_list
from intake.reading import Fault, PolicySource, RulesInvalid, Spelling, read_rules
from intake.rules import Rules

SHIPPED = tomllib.loads(Path("config/intake.toml").read_text(encoding="utf-8"))
POLICY: dict[str, Any] = tomllib.loads(Path("config/policy/2026-11/policy.toml").read_text(encoding="utf-8"))
RECIPIENT = {
    "id": "crm",
    "name": {"en": "CRM", "zh-CN": "客户系统"},
    "kind": "webhook",
    "address": "https://crm.example.com/hooks",
    "purpose": "affiliates",
    "fields": ["name", "email"],
    "agreement": "DPA-1",
    "country": "CN",
    "secret_env": "CRM_SECRET",
}

Change = Callable[[dict[str, Any]], object]


def read(change: Change = lambda raw: None, *, policies: dict[str, PolicySource] | None = None) -> Rules:
    """Read the shipped rules after `change`."""
    raw = deepcopy(SHIPPED)
    change(raw)
    if policies is None:
        policies = {
            "2026-11": PolicySource(POLICY, {"en": "Policy of {company}", "zh-CN": "{company}的政策"})
        }
    rules, _ = read_rules(raw, policies, Spelling(spelt_duration, spelt_list))
    return rules


def faults(change: Change = lambda raw: None, **more: Any) -> tuple[Fault, ...]:
    """Return the faults of the shipped rules after `change`."""
    with pytest.raises(RulesInvalid) as refused:
        read(change, **more)
    return refused.value.faults


def with_recipient(**changes: Any) -> Change:
    """Add a recipient that is right except for `changes`."""
    return lambda raw: raw.update(recipients=[RECIPIENT | changes])


def entry(section: str, of: str, /, **changes: Any) -> Change:
    """Change one entry of a section."""

    def change(raw: dict[str, Any]) -> None:
        found = next(one for one in raw[section] if of in (one.get("id"), one.get("name")))
        found.update(changes)

    return change


def test_the_contract_s_names_are_what_ships() -> None:
    """Fields, their order, and the purposes bear the names that clients rely on (S4)."""
    rules = read()

    assert [name for name, field in rules.fields.items() if field.asked] == [
        "name", "company", "phone", "email", "position", "industry",
    ]  # fmt: skip
    assert [name for name, field in rules.fields.items() if not field.asked] == [
        "gender",
        "address",
        "credit_code",
    ]
    assert list(rules.purposes) == [
        "contact",
        "keep_longer",
        "news",
        "affiliates",
        "visit",
        "telegram_abroad",
    ]
    assert [purpose.id for purpose in rules.purposes.values() if purpose.required] == ["contact"]
    assert [purpose.id for purpose in rules.purposes.values() if purpose.question] == ["telegram_abroad"]


def test_what_is_sensitive_has_its_warning_in_every_language() -> None:
    """Name, company, credit code and every contact detail are warned about, and the hash is of that text (S7)."""
    rules = read()

    sensitive = {name for name, field in rules.fields.items() if field.sensitive}

    assert sensitive == {"name", "company", "phone", "email", "address", "credit_code"}
    for name in sensitive:
        for locale, warning in rules.fields[name].warning.items():
            assert rules.fields[name].warning_sha256[locale] == sha256(warning.encode()).hexdigest()
            assert spelt_duration(rules.purposes["contact"].keep, locale) in warning


def test_a_warning_says_how_to_skip_where_skipping_is_possible() -> None:
    """Whoever may skip a sensitive question is told so in its warning (S7)."""
    fields = [field for field in read().fields.values() if field.sensitive]

    for field in fields:
        assert ("skip" in field.warning["en"]) is not field.required
        assert ("跳过" in field.warning["zh-CN"]) is not field.required


def test_visit_record_has_the_items_of_the_policy() -> None:
    """The visit record consists of the nine items of the policy and its purpose covers them all (S3)."""
    rules = read()

    assert len(rules.visit) == 9
    assert set(rules.purposes["visit"].fields) == set(rules.visit)


def test_values_arrive_as_what_they_mean() -> None:
    """Lengths of time, weekdays and times of day are no strings any more."""
    rules = read()

    assert rules.purposes["keep_longer"].keep == timedelta(days=730)
    assert rules.retention.draft == timedelta(hours=24)
    assert rules.hours.weekdays == (0, 1, 2, 3, 4)
    assert (rules.hours.opens, rules.hours.closes) == (time(9), time(18))
    assert rules.default_locale == "en"


def test_placeholders_are_filled_from_what_is_configured() -> None:
    """A notice cannot drift from the rules: change the period and the text follows (L1)."""

    def shorter(raw: dict[str, Any]) -> None:
        entry("purposes", "contact", keep="7 days")(raw)

    rules = read(shorter)

    assert "7 days" in rules.purposes["contact"].text["en"]
    assert "7天" in rules.fields["phone"].warning["zh-CN"]
    assert "Gender" not in rules.purposes["contact"].text["en"]


def test_policy_hash_is_of_the_text_that_is_shown() -> None:
    """The hash in consent records is of the document with the placeholders filled in (L1)."""
    rules = read()

    expected = sha256(b"Policy of Example Instruments").hexdigest()

    assert rules.policies["2026-11"].notice_sha256["en"] == expected


def test_rules_cannot_be_changed() -> None:
    """Neither a rule nor a mapping of rules can be changed after reading."""
    rules = read()

    with pytest.raises(FrozenInstanceError):
        rules.need_max = 1  # type: ignore[misc] # the point of the test
    with pytest.raises(TypeError):
        rules.fields["phone"] = rules.fields["name"]  # type: ignore[index] # the point of the test


def test_a_recipient_with_an_agreement_may_receive() -> None:
    """A recipient is read with the fields that it may get and no others (S16)."""
    rules = read(with_recipient())

    assert rules.recipients["crm"].fields == ("name", "email")


def test_a_mail_recipient_needs_no_secret() -> None:
    """Mail goes to an address; only webhooks are signed."""
    rules = read(with_recipient(kind="mail", address="crm@example.com", secret_env=""))

    assert rules.recipients["crm"].address == "crm@example.com"


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
    ("bad length of time", entry("purposes", "news", keep="soon"), "purposes[news].keep", "180 days"),
    ("no length of time", entry("purposes", "news", keep="0 days"), "purposes[news].keep", "180 days"),
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


def test_a_fault_reads_as_one_line() -> None:
    """What is printed for an operator is file, key, fault and remedy."""
    fault = faults(lambda raw: raw["company"].pop("email"))[0]

    assert str(fault) == "intake.toml: company.email: Field required; add it"


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
