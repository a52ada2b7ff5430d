"""`staff add|list|disable|link`: who may use the console. `-` reads the e-mail address from standard input."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from bot.commands.office import CommandRefused, Office, command
from intake.answers import parse
from storage.sales.staff import LINK_LIFE, ROLES, Colleague

EMAIL_MAX = 254  # characters; RFC 5321 §4.5.3.1.3


def add(commands: Any) -> None:
    """Add `staff` and what it does to the command line."""
    parser = commands.add_parser("staff", help="colleagues who may use the staff console")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    adding = _action(actions, "add", "add a colleague and print their one-time link", _add)
    adding.add_argument(
        "--role",
        required=True,
        choices=ROLES,
        help="sales works on leads and answers, privacy only opens details, admin sees no person",
    )
    listing = command(actions, "list", "list all colleagues with role and state, disabled ones too")
    listing.add_argument("--json", action="store_true", help="print JSON, for a program")
    listing.set_defaults(run=_list)
    _action(
        actions,
        "disable",
        "end a colleague's sessions and links at once; what they did stays in the audit",
        _disable,
    )
    _action(actions, "link", "print a fresh one-time link of a colleague; earlier ones are void", _link)


def one_time_url(public_url: str, token: str) -> str:
    """Return the URL of a one-time link. The secret stands after the "#": no server or log on the way sees it."""
    return f"{public_url}/staff/enter#{token}"


def _action(
    actions: Any, name: str, what: str, run: Callable[[argparse.Namespace, Office], int]
) -> argparse.ArgumentParser:
    minutes = int(LINK_LIFE.total_seconds() // 60)
    epilog = f"A link works once, within {minutes} minutes."
    parser = command(actions, name, what, epilog=epilog)
    parser.add_argument(
        "email", metavar="EMAIL", help="the colleague's address; - reads it from standard input"
    )
    parser.set_defaults(run=run)
    return parser


def _add(asked: argparse.Namespace, office: Office) -> int:
    email = _email(asked, office)
    with office.storage() as storage:
        storage.thread.submit(storage.staff.add, email, asked.role, office.clock()).result()
        token = storage.thread.submit(storage.staff.link, email, office.clock()).result()
    office.say(one_time_url(office.settings.public_url, token))
    return 0


def _list(asked: argparse.Namespace, office: Office) -> int:
    with office.storage() as storage:
        listed = storage.thread.submit(storage.staff.colleagues).result()
    if asked.json:
        office.show([_entry(one) for one in listed])
        return 0
    for one in listed:
        state = f"disabled {one.disabled_at.isoformat()}" if one.disabled_at else "active"
        known = one.email or f"(cannot be opened: {one.id})"
        office.say(f"{known:<40} {one.role:<8} {state}")
    return 0


def _disable(asked: argparse.Namespace, office: Office) -> int:
    email = _email(asked, office)
    with office.storage() as storage:
        storage.thread.submit(storage.staff.disable, email, office.clock()).result()
    office.say("disabled: sessions and links are void")
    return 0


def _link(asked: argparse.Namespace, office: Office) -> int:
    email = _email(asked, office)
    with office.storage() as storage:
        token = storage.thread.submit(storage.staff.link, email, office.clock()).result()
    office.say(one_time_url(office.settings.public_url, token))
    return 0


def _email(asked: argparse.Namespace, office: Office) -> str:
    region = office.loaded.rules.company.country
    email = parse("email", office.given(asked.email), region=region, max_length=EMAIL_MAX)
    if not isinstance(email, str):
        raise CommandRefused("EMAIL is no e-mail address: give one like name@example.com")
    return email


def _entry(one: Colleague) -> dict[str, str | None]:
    return {
        "email": one.email,
        "role": one.role,
        "created_at": one.created_at.isoformat(),
        "disabled_at": one.disabled_at.isoformat() if one.disabled_at else None,
    }
