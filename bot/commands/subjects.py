"""`subject find`, `export`, `correct`, `erase`: the officer's rights desk. `-` is standard input."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.commands.office import CommandRefused, Office, command
from bot.wording import Wording
from intake.answers import normalised, parse
from intake.engine import step
from intake.events import MESSAGE_MAX, Corrected
from intake.rejection import Rejected
from storage.evidence.audit import OFFICER
from storage.records import Turn, TurnDone, TurnFailed
from storage.storage import Storage

REQUEST = "rights_request"  # the purpose of opening values for the person who asked the officer
# A word or a file number: it stays in the audit after the person is gone, so no address and no list fits in.
_REASON = re.compile(r"[^\W_][\w ./:-]{0,63}")


def add(commands: Any) -> None:
    """Add `subject` and what it does to the command line."""
    parser = commands.add_parser(
        "subject", help="what a person asks the officer for: find, copy, correct, erase"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    finding = _action(
        actions, "find", "print the ids of the people who gave exactly this address or number; audited", _find
    )
    given = finding.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--email", metavar="E", help="the person's e-mail address; - reads it from standard input"
    )
    given.add_argument(
        "--phone", metavar="P", help="the person's phone number; - reads it from standard input"
    )
    finding.add_argument("--json", action="store_true", help="print JSON, for a program")
    exporting = _action(
        actions, "export", "print a copy of everything that is kept of one person, as JSON; audited", _export
    )
    correcting = _action(
        actions,
        "correct",
        "replace one value of a person; who received the old one is told; audited",
        _correct,
    )
    erasing = _action(
        actions,
        "erase",
        "erase everything of one person, for good, and print the certificate, as JSON",
        _erase,
    )
    for action in (exporting, correcting, erasing):
        action.add_argument("id", metavar="ID", help="the person's id, as `subject find` prints it")
    correcting.add_argument("field", metavar="FIELD", help="its name in intake.toml, such as phone")
    correcting.add_argument("value", metavar="VALUE", help="the new value; - reads it from standard input")
    erasing.add_argument(
        "--reason", required=True, help="a word or a file number for the audit, never a name"
    )


def _action(
    actions: Any, name: str, what: str, run: Callable[[argparse.Namespace, Office], int]
) -> argparse.ArgumentParser:
    parser = command(actions, name, what)
    parser.set_defaults(run=run)
    return parser


def _find(asked: argparse.Namespace, office: Office) -> int:
    field = "email" if asked.email is not None else "phone"
    value = _searched(office, field, office.given(asked.email if field == "email" else asked.phone))
    with office.storage() as storage:
        found = storage.thread.submit(storage.store.look_up, field, value).result()
    if not found:
        raise CommandRefused(f"nobody gave this {field}: ask for the one that they typed into the desk")
    if asked.json:
        office.show(found)
        return 0
    for subject in found:
        office.say(subject)
    return 0


def _searched(office: Office, name: str, typed: str) -> str:
    """Return what is looked up, in its one form. Raises CommandRefused."""
    rules = office.loaded.rules
    field = rules.fields.get(name)
    if field is None:
        raise CommandRefused(f"{name} is no field of intake.toml: look by the other one")
    value = parse(field.kind, typed, region=rules.company.country, max_length=field.max_length)
    if isinstance(value, Rejected):
        told = _wording(office).rejected(name, value.code, rules.default_locale, value.example)
        raise CommandRefused(f"--{name}: {' '.join(told.split())}")
    return normalised(field.kind, value)


def _export(asked: argparse.Namespace, office: Office) -> int:
    with office.storage() as storage:
        office.show(storage.thread.submit(_copy, office, storage, asked.id).result())
    return 0


def _copy(office: Office, storage: Storage, subject: str) -> dict[str, Any]:
    """Return the person's copy. Only the officer's opening is audited: the transcript shows what the record opened."""
    store = storage.store
    talk = store.conversation_of(subject)
    record = store.record(subject, purpose=REQUEST)
    transcript = replace(store.transcript(talk, 0, own_view=False, officer=True), record=record)
    return _wording(office).copy(transcript, record, store.receipts(subject), office.clock())


def _correct(asked: argparse.Namespace, office: Office) -> int:
    typed = office.given(asked.value)
    if len(typed) > MESSAGE_MAX:
        raise CommandRefused(f"VALUE is longer than {MESSAGE_MAX} characters")
    with office.storage() as storage:
        done = storage.thread.submit(_replaced, office, storage, asked.id, asked.field, typed).result()
    if done.refused:
        raise CommandRefused(f"{asked.field}: {_refusal(office, done.refused)}")
    office.say(f"corrected: {asked.field}")
    return 0


def _replaced(office: Office, storage: Storage, subject: str, field: str, value: str) -> TurnDone:
    turn = Turn(
        conversation=storage.store.conversation_of(subject),
        event=Corrected(((field, value),), officer=True),
        at=office.clock(),
        actor=OFFICER,
    )
    rules = office.loaded.rules
    [done] = storage.store.turns([turn], lambda one, state: step(state, one.event, one.at, rules))
    storage.store.destroy_left()
    if isinstance(done, TurnFailed):
        raise done.error
    return done


def _refusal(office: Office, code: str) -> str:
    """Return on one line why a value was not taken, in the words that the person would read."""
    wording, locale = _wording(office), office.loaded.rules.default_locale
    kind, _, what = code.partition("/")
    if kind != "rejected":
        return wording.say(f"error.{code}", locale)
    name, _, fault = what.rpartition("/")
    return " ".join(wording.rejected(name, fault, locale).split())


def _erase(asked: argparse.Namespace, office: Office) -> int:
    if not _REASON.fullmatch(asked.reason):
        raise CommandRefused(
            "--reason stays in the audit: give a word or a file number, such as 'letter 7/2026'"
        )
    with office.storage() as storage:
        office.show(storage.thread.submit(_erased, office, storage, asked.id, asked.reason).result())
    return 0


def _erased(office: Office, storage: Storage, subject: str, reason: str) -> dict[str, Any]:
    store = storage.store
    store.conversation_of(subject)  # says whether they are gone already
    return store.finish_erasure(store.begin_erasure(subject, office.clock(), reason=reason))


def _wording(office: Office) -> Wording:
    return Wording(office.loaded.rules, office.loaded.catalogues, office.settings.public_url)
