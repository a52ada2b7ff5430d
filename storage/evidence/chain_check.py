"""Checks the audit against its chain, the chain against its signatures, and both against heads kept off the host.

It reads page by page, in short transactions: a million rows need no more memory than a thousand, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Engine, Row, and_, func, or_, select

from storage.audit_tables import audit, audit_chained, audit_heads, audit_sent
from storage.connecting import reading
from storage.evidence import proofs
from storage.evidence.chain import (
    BEFORE_THE_FIRST,
    FORMAT,
    Head,
    Run,
    heads_after,
    rows_of,
    unbroken,
    waiting,
)
from storage.evidence.row_encoding import digest
from storage.keys.keyring import Keyring

PAGE = 500  # heads, or rows, in one transaction
UNCHAINED_FOR = timedelta(minutes=5)  # the chainer comes every minute
TOLD_MAX = 20  # faults; who broke the chain once has broken it in many places


UNREADABLE = (TypeError, ValueError)  # what stands there is no time, or no text: SQLite takes anything
NUMBERS_END = 2**63  # of what a column can hold


class Kept(NamedTuple):
    """A line of a file of heads: its place there, and the batch that it is about; 0: it is no head."""

    place: int
    batch: int
    written: str


@dataclass(slots=True)
class Report:
    """What a check found. `faults` is empty when the audit is whole."""

    rows: int = 0  # chained
    batches: int = 0
    waiting: int = 0  # rows that the chainer has yet to take
    newest: Mapping[str, Any] | None = None  # head
    faults: list[str] = field(default_factory=list)
    heads_checked: int = 0  # of the file from off the host


class Check:
    """One check; its state is what a reader of the chain knows by now."""

    def __init__(self, engine: Engine, keyring: Keyring, now: datetime) -> None:
        self.report = Report()
        self._reading = reading(engine)
        self._keyring = keyring
        self._keys = keyring.public_keys()
        self._now = now
        self._before = BEFORE_THE_FIRST
        self._counted = 0  # tombstones, by the newest head
        self._reached: dict[str, int] = {}  # how far each writer's rows are chained
        self._readable = True  # a head that is not ours says nothing of what follows it

    def carry_out(self, kept: Iterable[str] = ()) -> Report:
        """Check everything; `kept` are the lines of a file of heads, oldest first."""
        for fault in self._faults(kept):
            self.report.faults.append(fault)
            if len(self.report.faults) == TOLD_MAX:
                break
        return self.report

    def _faults(self, kept: Iterable[str]) -> Iterator[str]:
        yield from self._keyring.signing.faults
        claims = self._claims()  # before the heads: whatever is chained while this runs only goes beyond them
        yield from self._heads()
        if self._readable:
            yield from self._tail(*claims)
            yield from self._unchained()
            yield from self._kept(kept)

    def _claims(self) -> tuple[int, dict[str, int]]:
        """Return how far heads were sent, and how far each writer's rows were chained, by the chainer's own notes."""
        with self._reading.begin() as connection:
            sent = connection.scalar(select(func.max(audit_sent.c.number))) or 0
            notes = connection.execute(select(audit_chained.c.writer, audit_chained.c.number))
            return sent, {row.writer: row.number for row in notes}

    def _heads(self) -> Iterator[str]:
        """Yield what is wrong with the heads and their rows, up to a head that is none of ours."""
        while page := self._page():
            for head in page:
                document = _document(head.body)
                if fault := self._signature(document):
                    self._readable = False
                    yield f"batch {head.number}: {fault}; nothing after it can be checked"
                    return
                yield from self._head(f"batch {head.number}", head, document)

    def _page(self) -> list[Head]:
        with self._reading.begin() as connection:
            return heads_after(connection, self._before.number, PAGE)

    def _head(self, here: str, head: Head, document: Mapping[str, Any]) -> Iterator[str]:
        yield from self._place(here, head, document)
        yield from self._rows(here, document)
        self.report.newest = document
        self.report.batches += 1
        self._before = head

    def _signature(self, document: Mapping[str, Any]) -> str:
        if document.get("format") != FORMAT:
            return "it is no head"
        return proofs.fault_of(self._keys, proofs.HEAD, document)

    def _place(self, here: str, head: Head, document: Mapping[str, Any]) -> Iterator[str]:
        """Yield why a signed head does not stand where it was signed for."""
        for missing in range(self._before.number + 1, head.number):
            yield f"batch {missing}: its head is missing"
        if document["batch"] != head.number:
            yield f"{here}: the head of batch {document['batch']} stands in its place"
        if document["previous"] != (self._before.sha256 if self._before.number else ""):
            yield f"{here}: it does not follow the batch before it"
        if document["tombstones"] < self._counted:
            yield f"{here}: it counts {document['tombstones']} tombstones, an earlier one {self._counted}"
        self._counted = max(self._counted, document["tombstones"])

    def _rows(self, here: str, document: Mapping[str, Any]) -> Iterator[str]:
        """Yield why the rows of a batch are not those that were hashed."""
        runs = [Run(**one) for one in document["ranges"]]
        for run in runs:
            reached = self._reached.get(run.writer, 0)
            if run.first != reached + 1:
                word = "again" if run.first <= reached else "too late"
                yield f"{here}: it has rows {run.first}–{run.last} of writer {run.writer} {word}, after {reached}"
            self._reached[run.writer] = max(reached, run.last)
        yield from (f"{here}: {fault}" for fault in self._differing(runs, document["sha256"]))
        self.report.rows += document["rows"]
        if document["total"] != self.report.rows:
            yield f"{here}: it counts {document['total']} rows in all, there are {self.report.rows}"

    def _differing(self, runs: Sequence[Run], sha256: str) -> Iterator[str]:
        try:
            rows = self._stored(runs)
            whole = digest(row for run in runs for row in rows.get(run.writer, ()))
        except UNREADABLE:
            yield f"a row cannot be read ({_named(runs)})"
            return
        gaps = [gap for run in runs for gap in _gaps(run, rows.get(run.writer, []))]
        yield from gaps
        if not gaps and whole != sha256:
            yield f"a row was changed ({_named(runs)})"

    def _stored(self, runs: Iterable[Run]) -> dict[str, list[Row[Any]]]:
        these = [
            and_(audit.c.writer == run.writer, audit.c.number.between(run.first, run.last)) for run in runs
        ]
        found: dict[str, list[Row[Any]]] = {}
        with self._reading.begin() as connection:
            for row in connection.execute(select(audit).where(or_(*these)).order_by(audit.c.number)):
                found.setdefault(row.writer, []).append(row)
        return found

    def _tail(self, sent: int, chained: Mapping[str, int]) -> Iterator[str]:
        """Yield what tells that heads were there which are gone, or that tombstones are."""
        newest = self._before.number
        if sent > newest:
            yield f"after batch {newest}: heads are missing, those up to {sent} went off this host"
        for writer, number in chained.items():
            if number > self._reached.get(writer, 0):
                yield f"after batch {newest}: heads are missing, rows of writer {writer} were chained up to {number}"
        tombstones = self._keyring.tombstones()
        if tombstones < self._counted:
            yield f"batch {newest}: it counts {self._counted} tombstones, the keyring has {tombstones}: an old keyring"

    def _unchained(self) -> Iterator[str]:
        """Yield what is wrong with rows that no batch has."""
        with self._reading.begin() as connection:
            runs = waiting(connection)
            strange = select(audit.c.writer, audit.c.number).where(audit.c.number < 1)
            for writer, number in connection.execute(strange):
                yield f"writer {writer}: row {number} was put in, numbers begin with 1"
        for run in runs:
            if run.first <= (reached := self._reached.get(run.writer, 0)):
                yield f"writer {run.writer}: rows from {run.first} on would be chained again, they are up to {reached}"
            else:
                yield from self._waiting(run)

    def _waiting(self, run: Run) -> Iterator[str]:
        """Yield a gap among the rows of a run, and the first row that waits too long."""
        told = False
        while run.first <= run.last:
            try:
                with self._reading.begin() as connection:
                    rows = rows_of(connection, run, PAGE)
            except UNREADABLE:
                yield f"writer {run.writer}: a row from {run.first} on cannot be read"
                return
            if len(unbroken(rows, run.first)) < len(rows):
                yield f"writer {run.writer}: a row is missing after {run.first - 1}, none of what follows is chained"
                return
            if not told and rows[0].at < self._now - UNCHAINED_FOR:
                told = True
                yield f"writer {run.writer}: row {run.first} of {rows[0].at:%Y-%m-%d %H:%M} UTC is not chained yet"
            self.report.waiting += len(rows)
            run = run._replace(first=run.first + len(rows))

    def _kept(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield why heads that were kept off the host are not those that stand here."""
        for page in _pages(lines):
            ours = self._bodies([kept.batch for kept in page])
            for kept in page:
                self.report.heads_checked += 1
                if ours.get(kept.batch) != kept.written:
                    yield f"line {kept.place} of the heads: {self._differs(kept, here=kept.batch in ours)}"

    def _bodies(self, numbers: list[int]) -> dict[int, str]:
        query = select(audit_heads.c.number, audit_heads.c.body).where(audit_heads.c.number.in_(numbers))
        with self._reading.begin() as connection:
            return {row.number: row.body for row in connection.execute(query)}

    def _differs(self, kept: Kept, *, here: bool) -> str:
        if fault := self._signature(_document(kept.written)):
            return fault
        return f"batch {kept.batch} {'has another head' if here else 'is missing'} here"


def _document(body: str) -> dict[str, Any]:
    """Return the document of a head, an empty one where it is not written as heads are."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) and proofs.canonical(found).decode() == body else {}


def _named(runs: Iterable[Run]) -> str:
    return ", ".join(f"writer {run.writer} rows {run.first}–{run.last}" for run in runs)


def _gaps(run: Run, rows: list[Row[Any]]) -> Iterator[str]:
    """Yield the first row of a run that is missing."""
    there = len(unbroken(rows, run.first))
    if there < run.last - run.first + 1:
        yield f"row {run.first + there} of writer {run.writer} is missing"


def _pages(lines: Iterable[str]) -> Iterator[list[Kept]]:
    """Yield lines in pages. A line that the next one begins with is passed over.

    It was torn by a power cut, and that head was sent again; or it came twice. So is an end without an end of line.
    """
    page: list[Kept] = []
    line = ""
    for place, line in enumerate(lines, 1):
        kept = _kept(place, line.rstrip("\n"))
        if page and kept.written.startswith(page[-1].written):
            page.pop()
        page.append(kept)
        if len(page) > PAGE:
            yield page[:-1]
            page = page[-1:]
    torn = page and not page[-1].batch and not line.endswith("\n")
    yield page[:-1] if torn else page


def _kept(place: int, written: str) -> Kept:
    batch = _document(written).get("batch")
    return Kept(place, batch if isinstance(batch, int) and 0 < batch < NUMBERS_END else 0, written)
