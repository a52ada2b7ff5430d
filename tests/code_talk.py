"""Talks of people who came back by a cookie, at the points where codes matter."""

from __future__ import annotations

from dataclasses import replace

from intake.assurance import Assurance
from tests.talk import Talk, to_sent

REMEMBERED = Assurance.REMEMBERED


def remembered(talk: Talk | None = None, **known: object) -> Talk:
    """Return a talk whose visitor came back by a cookie; a lead was sent unless told otherwise."""
    return (talk or to_sent()).there(assurance=REMEMBERED, **known)


def asked(talk: Talk, **known: object) -> Talk:
    """Go on as the store tells it once a code was sent: it is open, with all its tries."""
    given = {"assurance": REMEMBERED, "open": "c1", "tries": 5, **known}
    return talk.there(**given)


def proven(talk: Talk) -> Talk:
    """Go on with an address that answered a code."""
    talk.state = replace(talk.state, proven=("email",))
    return talk
