"""Names of scopes: which data key a thing is sealed under. A name is never used twice for two keys."""

from __future__ import annotations

CONSENTS = "consents"  # the evidence of every decision; dies with the person only
CHAT = "chat"  # the Telegram chat id


def profile(number: int) -> str:
    """Return the scope of the person's details; every correction moves them to the next number."""
    return f"profile.{number}"


def visit(number: int) -> str:
    """Return the scope of the visit record."""
    return f"visit.{number}"


def conversation(current: str, short: str, of: str) -> str:
    """Return the scope that a conversation's state `short` (`s1`, `c2`) means, given the one now in use."""
    name = f"{short}.{of}"
    if current == name or current.startswith(f"{short}~"):
        return current
    return name


def next_number(scope: str) -> str:
    """Return the scope that a conversation's words move to when its question is corrected: `c1~2.<conversation>`."""
    short, _, of = scope.partition(".")
    prefix, _, number = short.partition("~")
    return f"{prefix}~{int(number or 1) + 1}.{of}"


def is_profile(scope: str) -> bool:
    """Tell the scope of a person's details."""
    return scope.startswith("profile.")


def is_visit(scope: str) -> bool:
    """Tell the scope of a visit record."""
    return scope.startswith("visit.")


def is_consultation(scope: str) -> bool:
    """Tell a consultation's scope from a session's before consent."""
    return scope.startswith("c") and "." in scope
