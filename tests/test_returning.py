"""A remembered visitor comes back, as the engine decides on it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from intake.events import Returned
from tests.stages import STAGES
from tests.talk import to_sent


@pytest.mark.parametrize("stage", sorted(set(STAGES) - {"sent", "ended", "abroad"}))
def test_who_returns_finds_the_open_question(stage: str) -> None:
    """S8: welcomed, and asked what was open."""
    talk = STAGES[stage]()
    asked = talk.expects

    talk.meet(Returned())

    assert (talk.keys[0], len(talk.keys), talk.expects) == ("returned", 2, asked)
    assert talk.last.replies[-1].expects == asked


def test_who_returns_after_a_consultation_is_offered_their_details() -> None:
    """S8: a new consultation with what is kept is one pick away, and nothing is asked twice."""
    talk = to_sent().meet(Returned())
    (offer,) = talk.last.replies

    assert (offer.key, offer.expects.options) == ("returned.details", ("command:new",))
    talk.pick("command:new").say("And which protocols?").pick("followup:yes")
    assert talk.keys == ["new.reuse", "review.ask"]


def test_nothing_is_offered_to_who_left_nothing() -> None:
    """After a refusal there are no details, and nobody is asked for any (L5)."""
    talk = STAGES["ended"]().meet(Returned())

    assert talk.keys == ["returned", "ended.ask"]


def test_no_code_is_promised_where_no_mail_can_be_sent() -> None:
    """S8: the welcome says how hidden details can be read instead."""
    assert to_sent().there(mails=False).meet(Returned()).keys == ["returned.details.no_mail"]
    assert STAGES["ended"]().there(mails=False).meet(Returned()).keys == ["returned.no_mail", "ended.ask"]


def test_an_open_command_is_asked_again() -> None:
    """Who left in the middle of "delete" finds that question, not an offer."""
    talk = to_sent().say("delete").meet(Returned())

    assert talk.keys == ["returned", "delete.ask"]


def test_a_visitor_is_welcomed_once_a_day() -> None:
    """Who opens the chat ten times a day is not greeted ten times."""
    talk = to_sent().meet(Returned())
    before = talk.state

    assert talk.meet(Returned()).last == type(talk.last)(state=before)
    talk.now += timedelta(days=1)
    assert talk.meet(Returned()).keys == ["returned.details"]
