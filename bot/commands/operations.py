"""Commands of the operator: check the configuration, migrate the database, sweep what is due."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from bot.commands.office import Office, command
from config.settings import FILE, Settings, SettingsInvalid
from intake.faults import Fault
from intake.rules import Rules
from storage.errors import UrlRefused
from storage.keys.kek_address import provider_for
from storage.sources import Sources


def add(commands: Any) -> None:
    """Add `check`, `db` and `retention` to the command line."""
    check = command(
        commands, "check", "read all of config/ and the environment and name every fault; changes nothing"
    )
    check.set_defaults(run=_check)
    db = commands.add_parser("db", help="the version of the data database").add_subparsers(
        metavar="COMMAND", required=True
    )
    command(db, "upgrade", "bring the data database up to this version of Askfirst").set_defaults(
        run=_upgrade
    )
    command(db, "current", "print the version of the data database").set_defaults(run=_current)
    retention = commands.add_parser("retention", help="what was kept as long as intake.toml allows goes")
    sweeps = retention.add_subparsers(metavar="COMMAND", required=True)
    run = command(
        sweeps, "run", "erase now what was kept long enough, of everybody; the worker does it every minute"
    )
    run.add_argument("--dry-run", action="store_true", help="only count what would go, and change nothing")
    run.set_defaults(run=_sweep)


def _check(asked: argparse.Namespace, office: Office) -> int:
    rules = office.loaded.rules
    if missing := _missing(rules, office.settings, office.environment):
        raise SettingsInvalid(missing)
    if not office.settings.smtp_url:
        office.say(str(_NO_CODES))
    if office.settings.production and rules.company.email.endswith(RESERVED):
        office.say(str(_SAMPLE))
    office.say(
        f"{office.settings.config_dir}: fields {len(rules.fields)}, purposes {len(rules.purposes)}, "
        f"policy versions {len(rules.policies)}, languages {len(rules.locales)}: no fault"
    )
    return 0


_NO_CODES = Fault(
    FILE,
    "SMTP_URL",
    "warning: no codes by mail, so nobody reads their details on a remembered device or the my-data page",
    "set it to smtp://user:pass@host:587?starttls=1",
)

RESERVED = ("@example.com", "@example.net", "@example.org", ".example", ".test", ".invalid")  # RFC 2606
_SAMPLE = Fault(
    "intake.toml",
    "company",
    "warning: the invented company of the sample; nobody reads its address",
    "put your own company, sites, recipients and impact assessments",
)


def _missing(rules: Rules, settings: Settings, environment: Mapping[str, str]) -> tuple[Fault, ...]:
    """Return what the configuration needs of the environment and does not find there."""
    faults = [
        Fault(FILE, one.secret_env, f"webhook {one.id} has no secret to sign with", "set it to whsec_…")
        for one in rules.recipients.values()
        if one.kind == "webhook" and not environment.get(one.secret_env, "").strip()
    ]
    mailboxes = [one.id for one in rules.recipients.values() if one.kind == "mail"]
    if mailboxes and not settings.smtp_url:
        remedy = "set it to smtp://user:pass@host:587?starttls=1"
        faults.append(Fault(FILE, "SMTP_URL", f"no mail reaches {', '.join(mailboxes)}", remedy))
    try:
        provider_for(settings.kek_url, random=Sources().random)
    except UrlRefused as refused:
        remedy = str(refused).removeprefix("KEK_URL: ")
        faults.append(Fault(FILE, "KEK_URL", "it names no holder of key-encryption keys", remedy))
    if settings.telegram_webhook and not settings.public_url.startswith("https:"):
        remedy = "set it to the https address of the desk, or TELEGRAM_WEBHOOK=0"
        faults.append(Fault(FILE, "PUBLIC_URL", "Telegram calls https addresses only", remedy))
    return tuple(faults)


def _upgrade(asked: argparse.Namespace, office: Office) -> int:
    with office.storage(migrate=True) as storage:
        office.say(f"the database is at version {storage.version}")
    return 0


def _current(asked: argparse.Namespace, office: Office) -> int:
    with office.storage() as storage:
        office.say(storage.version)
    return 0


def _sweep(asked: argparse.Namespace, office: Office) -> int:
    with office.storage() as storage:
        now = office.clock()
        if asked.dry_run:
            office.say(f"{len(storage.thread.submit(storage.store.due, now).result())} would go")
        else:
            office.say(f"{storage.thread.submit(storage.store.sweep, now).result()} gone")
    return 0
