"""`audit verify` and `audit export`: that nobody changed or cut what was noted, and a copy to check it by."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.commands.office import CommandRefused, Office, command, day, number
from storage.evidence.chain_check import Report


def add(commands: Any) -> None:
    """Add `audit` and what it does to the command line."""
    parser = commands.add_parser("audit", help="who did what to whom: check it, copy it")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    checking = command(
        actions,
        "verify",
        "check every row, batch and signature; leave with 1, and say where, if anything was changed",
    )
    checking.add_argument(
        "--heads", metavar="FILE", help="also compare with the heads that went off this host, one a line"
    )
    checking.add_argument("--json", action="store_true", help="print JSON, for a program")
    checking.set_defaults(run=_verify)
    copying = command(
        actions, "export", "write the audit with its proofs to standard output, a batch a line, as JSON"
    )
    copying.add_argument(
        "--since", type=day, required=True, metavar="DATE", help="batches from this day (UTC) on: 2026-11-30"
    )
    copying.add_argument(
        "--after",
        type=number,
        default=0,
        metavar="BATCH",
        help="go on after the batch of this number, where an export ended",
    )
    copying.set_defaults(run=_export)


def _verify(asked: argparse.Namespace, office: Office) -> int:
    with _lines(asked.heads) as kept, office.storage() as storage:
        report = storage.thread.submit(storage.chain.check, office.clock(), kept).result()
    if asked.heads and not report.faults and not report.heads_checked:
        report.faults.append(f"{asked.heads} holds no head")
    if asked.json:
        office.show({"whole": not report.faults, **asdict(report)})
        return int(bool(report.faults))
    if report.faults:
        raise CommandRefused("\n".join(report.faults))
    for line in _told(report):
        office.say(line)
    return 0


@contextmanager
def _lines(file: str | None) -> Iterator[Iterable[str]]:
    if file is None:
        yield ()
        return
    with Path(file).open(encoding="utf-8", errors="replace") as lines:
        yield lines


def _told(report: Report) -> list[str]:
    lines = [f"whole: {report.rows} rows in {report.batches} batches, {report.waiting} waiting to be chained"]
    if report.newest:
        lines.append(
            f"newest head: batch {report.newest['batch']} of {report.newest['at']}, {report.newest['kid']}"
        )
    if report.heads_checked:
        lines.append(f"{report.heads_checked} heads from off this host are here")
    return lines


def _export(asked: argparse.Namespace, office: Office) -> int:
    after = asked.after
    with office.storage() as storage:
        while batch := storage.thread.submit(storage.chain.exported, after, asked.since).result():
            after, lines = batch
            for line in lines:
                office.say(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
    return 0
