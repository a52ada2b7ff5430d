"""How far a session is trusted: a function of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intake.assurance import VERIFIED_FOR, Assurance, Trust

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
IDLE = timedelta(minutes=60)
SECOND = timedelta(seconds=1)


def test_a_page_is_fresh_for_an_idle_hour() -> None:
    """One second under the hour it is, at the hour it is no more."""
    opened = Trust(NOON + IDLE)

    assert opened.at(NOON) is Assurance.FRESH
    assert opened.at(NOON + IDLE - SECOND) is Assurance.FRESH
    assert opened.at(NOON + IDLE) is Assurance.REMEMBERED


def test_use_keeps_a_page_fresh() -> None:
    """The hour is counted from the last use."""
    used = Trust(NOON + IDLE).used(NOON + IDLE - SECOND, IDLE)

    assert used.at(NOON + 2 * IDLE - 2 * SECOND) is Assurance.FRESH
    assert used.at(NOON + 2 * IDLE - SECOND) is Assurance.REMEMBERED


def test_nothing_becomes_fresh_again() -> None:
    """Whoever comes to an idle page may be somebody else: typing there proves nothing."""
    idle = Trust(NOON + IDLE)

    assert idle.used(NOON + IDLE, IDLE) is idle
    assert Trust(NOON).used(NOON, IDLE).at(NOON) is Assurance.REMEMBERED


def test_use_within_the_same_second_is_not_noted() -> None:
    """What changes by less than a second is not worth a write."""
    opened = Trust(NOON + IDLE)

    assert opened.used(NOON + SECOND / 2, IDLE) is opened


@pytest.mark.parametrize("fresh_until", [NOON - IDLE, NOON + IDLE])
def test_a_code_verifies_for_ten_minutes(fresh_until: datetime) -> None:
    """Then it is again what it was; use does not lengthen it."""
    entered = Trust(fresh_until).verified(NOON)

    assert timedelta(minutes=10) == VERIFIED_FOR
    assert entered.at(NOON + VERIFIED_FOR - SECOND) is Assurance.VERIFIED
    assert entered.at(NOON + VERIFIED_FOR) is Trust(fresh_until).at(NOON + VERIFIED_FOR)
    assert entered.used(NOON + SECOND, IDLE).verified_until == entered.verified_until


def test_only_a_remembered_session_sees_masked_values() -> None:
    """Fresh and verified read; remembered recognises."""
    assert [one for one in Assurance if one.masked] == [Assurance.REMEMBERED]
