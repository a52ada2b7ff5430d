"""Assembling the rules: what is configured arrives frozen, with every placeholder filled in."""

from dataclasses import FrozenInstanceError
from datetime import time, timedelta
from hashlib import sha256
from typing import Any

import pytest

from config.load import spelt_duration
from tests.changed_rules import entry, read, with_recipient


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
    assert "7 天" in rules.fields["phone"].warning["zh-CN"]
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
