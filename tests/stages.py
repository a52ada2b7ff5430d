"""A talk at every stage, for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.talk import Talk, rules, to_consent, to_fields, to_review, to_sent

STAGES: dict[str, Callable[[], Talk]] = {
    "topic": Talk,
    "need": lambda: Talk().pick("topic:gateway"),
    "followup": lambda: Talk().say("Which protocols?"),
    "abroad": lambda: Talk("telegram").say("Which protocols?").pick("followup:yes"),
    "consent": to_consent,
    "whose": lambda: to_consent().pick("consent:agree"),
    "authorised": lambda: to_consent().pick("consent:agree", "whose:other"),
    "separate": lambda: separately().pick("whose:own"),
    "field": to_fields,
    "review": to_review,
    "sent": to_sent,
    "ended": lambda: to_consent().pick("consent:refuse"),
}
FREE = {"sent", "ended"}


def separately() -> Talk:
    """Return a talk before `whose`, under rules whose first question needs a consent of its own."""
    fields = dict(rules().fields)
    fields["name"] = replace(fields["name"], separate_consent=True)
    return to_consent(under=replace(rules(), fields=fields)).pick("consent:agree")
