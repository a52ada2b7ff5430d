"""Who received and who opened details is told in words: no id of a colleague, a command or a file is shown (S21)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.wording import Wording
from intake.rules import Recipient
from storage.records import KeptField, Record
from tests.drawn_frames import loaded, rules, wording

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
OPENERS = ("staff:b923fd90", "officer", "command", "recipient:sales", "recipient:gone")


def told(locale: str) -> dict[str, Any]:
    """Return what is told of details that everybody there is has opened, and that were exported."""
    names = {"en": "Our service", "zh-CN": "售后部"}
    sales = Recipient(
        id="sales",
        name=names,
        kind="mail",
        address="sales@example.com",
        purpose="contact",
        fields=(),
        agreement="",
        country="CN",
        secret_env="",
    )
    worded = Wording(
        replace(rules(), recipients={"sales": sales}), loaded().catalogues, "https://desk.example.com"
    )
    openings = [{"by": by, "at": NOW, "purpose": "call_back", "fields": ("name", "phone")} for by in OPENERS]
    export = {"recipient": "export", "at": NOW, "event": "leads.export", "fields": ("name",)}
    record = Record(
        fields=(), consents=(), recipients=(export,), opened_by=(*openings,), keeps_until=None, lead=""
    )
    return worded.record(record, locale)


def kept(days_left: int) -> dict[str, Any]:
    """Return what is told of a name and a visit of now, where everything goes in so many days."""
    record = Record(
        fields=tuple(
            KeptField(name=name, value="Li Na", given_at=at, policy="2026-11")
            for name, at in (("name", NOW), ("ip", NOW - timedelta(hours=1)), ("browser", NOW))
        ),
        consents=(),
        recipients=(),
        opened_by=(),
        keeps_until=NOW + timedelta(days=days_left),
        lead="",
    )
    return wording().record(record, "en")


@pytest.mark.parametrize(("days_left", "visit_day"), [(180, "2026-12-23"), (1, "2026-11-24")])
def test_the_visit_record_has_an_end_of_its_own(days_left: int, visit_day: str) -> None:
    """S12: thirty days after the visit, or with the rest before that; a detail has none but the record's."""
    name, *visit = kept(days_left)["fields"]

    assert "keeps_until" not in name
    assert {one["keeps_until"][:10] for one in visit} == {visit_day}


def decided(*decisions: str) -> dict[str, Any]:
    """Return what is told of a name, two questions and a visit after these decisions on the consultation."""
    names = ("name", "need", "need:1", "browser")
    record = Record(
        fields=tuple(KeptField(name=name, value="Li Na", given_at=NOW, policy="2026-11") for name in names),
        consents=tuple(
            {"purpose": "contact", "decision": one, "policy": "2026-11", "at": NOW} for one in decisions
        ),
        recipients=(),
        opened_by=(),
        keeps_until=None,
        lead="",
    )
    return wording().record(record, "en")


@pytest.mark.parametrize("decisions", [("agreed",), ("withdrawn", "agreed")])
def test_what_may_be_used_may_be_corrected(decisions: tuple[str, ...]) -> None:
    """S22: a detail and the question in use; an earlier question and the visit record are told, never corrected."""
    shown = decided(*decisions)

    correctable = {one["field"] for one in shown["fields"] if one["correctable"]}
    assert (correctable, shown["unusable"]) == ({"name", "need"}, "")


def test_without_a_decision_nothing_was_withdrawn_nor_can_be_corrected() -> None:
    """S5: no detail is replaced without a live consent, and nobody is told to have withdrawn who never agreed."""
    shown = decided()

    correctable = {one["field"] for one in shown["fields"] if one["correctable"]}
    assert (correctable, shown["unusable"]) == ({"need"}, "")


@pytest.mark.parametrize(("own", "correctable"), [("agreed", True), ("withdrawn", False), ("", False)])
def test_a_field_with_a_consent_of_its_own_is_corrected_under_that_too(own: str, correctable: bool) -> None:
    """L2: the consultation's consent alone does not let a postal address be replaced."""
    address = replace(rules().fields["address"], asked=True, separate_consent=True)
    asking = replace(rules(), fields={**rules().fields, "address": address})
    given = [("contact", "agreed"), *([("field:address", own)] if own else [])]
    record = Record(
        fields=(KeptField(name="address", value="1 Example Road", given_at=NOW, policy="2026-11"),),
        consents=tuple({"purpose": one, "decision": to, "policy": "2026-11", "at": NOW} for one, to in given),
        recipients=(),
        opened_by=(),
        keeps_until=None,
        lead="",
    )

    [shown] = Wording(asking, loaded().catalogues, "https://desk.example.com").record(record, "en")["fields"]

    assert shown["correctable"] is correctable


@pytest.mark.parametrize("last", ["withdrawn", "refused"])
def test_details_that_nobody_may_use_are_told_as_such(last: str) -> None:
    """L3: after the consent has ended the record says so itself, and offers to correct the question alone."""
    shown = decided("agreed", last)

    correctable = {one["field"] for one in shown["fields"] if one["correctable"]}
    assert correctable == {"need"}
    assert shown["unusable"] == "You withdrew: nobody here may use these details any more."


@pytest.mark.parametrize(
    ("locale", "names", "about"),
    [
        (
            "en",
            ["a colleague", "the privacy officer", "Example Instruments (export)"],
            "Call back (Name, Mobile phone)",
        ),
        ("zh-CN", ["同事", "个人信息保护负责人", "示例仪器（导出）"], "回电（姓名、手机号码）"),
    ],
)
def test_openings_are_told_in_words(locale: str, names: list[str], about: str) -> None:
    """A colleague, the officer, an export: who it was, what for, and which details; the ids stay beside them."""
    rows = told(locale)["opened_by"]

    assert [row["name"] for row in rows[:3]] == names
    assert {row["about"] for row in rows} == {about}
    assert [row["by"] for row in rows] == list(OPENERS)
    assert told(locale)["recipients"][0]["name"] == names[2]


def test_a_recipient_that_opened_details_has_its_name() -> None:
    """By what it is configured as; one that is configured no more by its id, as in the list of recipients."""
    assert [row["name"] for row in told("en")["opened_by"][3:]] == ["Our service", "recipient:gone"]
