"""`leads export`: the leads whose people agreed to a purpose, for a CRM or an address book; logged as a disclosure."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TextIO

from bot.commands.office import CommandRefused, Office, command, day
from intake.asking import NEED
from storage.errors import PurposeRequired
from storage.evidence.audit import COMMAND
from storage.sales.leads import Opened

LINE_OCTETS = 75  # RFC 6350 §3.2
_CARD = {"phone": "TEL;VALUE=text", "email": "EMAIL", "company": "ORG", "position": "TITLE"}  # RFC 6350
VCARD_FIELDS = ("name", *_CARD, NEED)  # what a card has a place for; nothing else is opened for it
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run these (OWASP, "CSV Injection")


def add(commands: Any) -> None:
    """Add `leads` and what it does to the command line."""
    parser = commands.add_parser("leads", help="leads, for sales")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    exporting = command(
        actions,
        "export",
        "write the leads of whoever agreed to standard output; each is logged as a disclosure",
    )
    exporting.add_argument("--format", required=True, choices=sorted(WRITERS), help="how they are written")
    exporting.add_argument(
        "--since", type=day, metavar="DATE", help="only leads sent on this day (UTC) or later: 2026-11-30"
    )
    exporting.add_argument(
        "--purpose", required=True, help="of intake.toml, such as contact: only who agreed to it is exported"
    )
    exporting.set_defaults(run=_export)


def _export(asked: argparse.Namespace, office: Office) -> int:
    rules = office.loaded.rules
    with office.storage() as storage:
        write, fields = WRITERS[asked.format], (NEED, *rules.fields)
        used = VCARD_FIELDS if write is write_vcard else fields
        if asked.purpose in rules.purposes and set(used).isdisjoint(storage.leads.covered(asked.purpose)):
            raise CommandRefused(
                f"--purpose {asked.purpose} covers nothing that is exported as {asked.format}"
            )
        given = (asked.purpose, asked.since, COMMAND, office.clock())
        exporting = partial(storage.leads.export, *given, only=used)
        try:
            opened = storage.thread.submit(exporting).result()
        except PurposeRequired:
            known = ", ".join(rules.purposes)
            raise CommandRefused(
                f"--purpose {asked.purpose} is not configured: choose one of {known}"
            ) from None
    write(opened, fields, office.out)
    return 0


def write_csv(opened: Sequence[Opened], fields: Sequence[str], out: TextIO) -> None:
    """Write a table with a heading; a cell that a spreadsheet would run is quoted by an apostrophe."""
    names = [name for name in fields if any(name in one.values for one in opened)]
    table = csv.writer(out, quoting=csv.QUOTE_ALL)  # whatever a spreadsheet splits on, a cell stays one
    table.writerow(["reference", "at", "topic", *names])
    for one in opened:
        values = [_inert(one.values.get(name, "")) for name in names]
        table.writerow([one.lead.reference, one.lead.at.isoformat(), one.lead.topic, *values])


def write_jsonl(opened: Sequence[Opened], fields: Sequence[str], out: TextIO) -> None:
    """Write one JSON object a line."""
    for one in opened:
        lead = {"reference": one.lead.reference, "at": one.lead.at.isoformat(), "topic": one.lead.topic}
        out.write(json.dumps({**lead, "fields": dict(one.values)}, ensure_ascii=False) + "\n")


def write_vcard(opened: Sequence[Opened], fields: Sequence[str], out: TextIO) -> None:
    """Write vCards of version 4.0, the question in the note."""
    for one in opened:
        name = one.values.get("name") or one.values.get("company") or one.lead.reference
        lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{_escaped(name)}"]
        lines += [
            f"{key}:{_escaped(one.values[field])}" for field, key in _CARD.items() if field in one.values
        ]
        note = "\n".join(filter(None, (one.lead.reference, one.values.get(NEED))))
        lines += [f"NOTE:{_escaped(note)}", "END:VCARD"]
        for line in lines:
            out.write(_folded(line))


WRITERS: Mapping[str, Callable[[Sequence[Opened], Sequence[str], TextIO], None]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "vcard": write_vcard,
}


def _inert(value: str) -> str:
    number = value.startswith("+") and value[1:].isdigit()  # a phone number is none of them
    return f"'{value}" if value.startswith(_FORMULA) and not number else value


def _escaped(value: str) -> str:
    for sign, written in (
        ("\\", "\\\\"),
        (",", "\\,"),
        (";", "\\;"),
        ("\r\n", "\\n"),
        ("\r", "\\n"),
        ("\n", "\\n"),
    ):
        value = value.replace(sign, written)
    return value


def _folded(line: str) -> str:
    """Return a line in pieces of at most 75 octets, never cutting a character in two (RFC 6350 §3.2)."""
    pieces, piece = [], ""
    for sign in line:
        if len((piece + sign).encode()) > LINE_OCTETS:
            pieces.append(piece)
            piece = " "
        piece += sign
    return "\r\n".join([*pieces, piece]) + "\r\n"
