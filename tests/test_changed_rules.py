"""Conversations that began under other rules: a field or purpose that is configured no more stops nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from intake.asking import as_configured
from intake.conversation import Aside, Stage
from intake.rights import COMMANDS
from intake.rules import Rules
from tests.stages import separately
from tests.talk import Talk, rules, to_consent, to_fields, to_review, to_sent


def _without(*names: str) -> Rules:
    """Return the shipped rules without these fields and purposes."""
    fields = {name: one for name, one in rules().fields.items() if name not in names}
    purposes = {name: one for name, one in rules().purposes.items() if name not in names}
    return replace(rules(), fields=fields, purposes=purposes)


def _waiting_for(aside: Aside, name: str) -> Talk:
    talk = to_sent()
    talk.state = replace(talk.state, aside=aside, aside_field=name)
    return talk


WAITING: dict[str, Callable[[], Talk]] = {
    "field": to_fields,
    "separate": lambda: separately().pick("whose:own"),
    "changing": lambda: to_review().pick("review:change:name"),
    "correcting": lambda: to_sent().say("correct name"),
    "new address": lambda: _waiting_for(Aside.CODE, "address:name"),
}


@pytest.mark.parametrize("waiting", WAITING)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works_where_the_field_asked_for_is_gone(waiting: str, command: str) -> None:
    """S21: whoever stood at a field that an operator removed is answered like anybody."""
    talk = WAITING[waiting]()
    talk.rules = _without("name")

    talk.pick(f"command:{command}")

    assert talk.last.refused == ""
    assert talk.last.replies
    assert as_configured(talk.state, talk.rules) == talk.state, "the questions rely on it"


def test_a_field_that_is_gone_counts_as_answered() -> None:
    """The next field stands open, and what is typed answers that one."""
    talk = to_fields()
    talk.rules = _without("name")
    assert talk.expects.name == "company"

    talk.say("Example Valves Ltd")

    assert (talk.expects.name, talk.state.kept) == ("phone", ("need", "company"))


def test_a_change_of_a_field_that_is_gone_is_over() -> None:
    """The card stands open again."""
    talk = to_review().pick("review:change:company")
    talk.rules = _without("company")

    assert talk.say("hm").state.stage is Stage.REVIEW


def test_a_purpose_that_is_gone_is_no_more_offered_for_withdrawal() -> None:
    """What is configured no more cannot be named; the rest can be withdrawn still."""
    talk = to_consent().pick("consent:agree", purposes=("news",))
    talk.rules = _without("news")

    talk.say("withdraw")

    assert talk.expects.options == ("withdraw:contact", "command:cancel")
    assert talk.say("yes").keys == ["unexpected"]


def test_a_language_that_is_gone_gives_way_to_the_first() -> None:
    """Whoever chose it goes on in the language that there is."""
    talk = to_fields().say("中文")
    talk.rules = replace(rules(), locales={"en": rules().locales["en"]})

    assert talk.say("Li Na").state.locale == "en"
