"""A policy that changed while people talked: a major version, and one that is still to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from intake.outcomes import KeepField
from intake.rules import PolicyVersion
from tests.talk import Talk, rules

OLD = rules().policies["2026-11"]
MAJOR = replace(
    OLD, version="next", published_on=date(2026, 11, 20), effective_on=date(2026, 11, 22), major=("use",)
)
LATER = replace(MAJOR, effective_on=date(2026, 12, 24))


def changed(talk: Talk, *versions: PolicyVersion) -> Talk:
    """Go on after these versions were published."""
    return talk.with_policies({one.version: one for one in (OLD, *(versions or (MAJOR,)))})


def kept(talk: Talk) -> list[str]:
    """Return the details that were kept so far."""
    return [one.name for one in talk.did(KeepField) if one.name != "need"]
