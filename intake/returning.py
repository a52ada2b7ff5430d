"""A remembered visitor comes back: welcomed once a day, and offered to use their earlier details again (S8)."""

from __future__ import annotations

from intake.asking import Given, asked_fields, open_question
from intake.conversation import Stage, altered
from intake.outcomes import Expects, Reply, Step
from intake.rules import CONTACT

NEW = "command:new"


def welcome_back(given: Given) -> Step:
    """Say that details are hidden here until a code is entered; then what is open, or a new consultation with them."""
    today, state = given.now.date().isoformat(), given.state
    if state.returned == today:
        return Step(state=state)
    over = state.stage in (Stage.SENT, Stage.ENDED) and not state.aside
    if over and CONTACT in state.agreed and set(asked_fields(given.rules)) & set(state.kept):
        offer = Expects(kind="choice", name="returned", options=(NEW,))
        key = "returned.details" if given.presence.mails else "returned.details.no_mail"
        replies: tuple[Reply, ...] = (Reply(key=key, expects=offer),)
    else:
        key = "returned" if given.presence.mails else "returned.no_mail"
        replies = (Reply(key=key), open_question(state, given.rules))
    return Step(state=altered(state, returned=today), replies=replies)
