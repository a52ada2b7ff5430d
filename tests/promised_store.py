"""The real store with the real engine, in this thread: groups of turns go in, every result is checked."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, namedtuple
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from intake.conversation import Conversation
from intake.engine import step
from intake.outcomes import Step
from intake.rules import Rules
from storage import codec, tables
from storage.records import Turn, TurnDone, TurnFailed
from storage.sources import Sources
from storage.storage import Storage
from tests.canaries import written
from tests.envelopes import SEALED
from tests.random_visitors import Visitor
from tests.rooms import Clock
from tests.selling import recipient
from tests.talk import rules as shipped


class Overheard(logging.Handler):
    """Keeps every line of every logger."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


class PromisedStore:
    """One storage for many examples, each with people of its own. `tally` counts what was done."""

    def __init__(self, storage: Storage, rules: Rules, clock: Clock, overheard: Overheard) -> None:
        """Hold this storage to its promises."""
        self.storage, self.rules, self.clock, self.overheard = storage, rules, clock, overheard
        self._data, self._keys = map(_looking_into, (storage.engine, storage.keyring_engine))
        self.numbers = 0  # of visitors and events; none is used twice
        self.tally: Counter[str] = Counter()

    def number(self) -> int:
        """Return a number that was never returned before."""
        self.numbers += 1
        return self.numbers

    @property
    def now(self) -> datetime:
        """The time."""
        return self.clock.now

    def tick(self) -> datetime:
        """Let the time between two turns pass; return the time."""
        return self.clock.tick(seconds=3)

    def decide(self, turn: Turn, state: Conversation) -> Step:
        """Return the engine's step, taken twice: it must be the same."""
        first = step(state, turn.event, turn.at, self.rules, turn.presence)
        assert first == step(state, turn.event, turn.at, self.rules, turn.presence), (
            "step is not deterministic"
        )
        return first

    def carry_out(self, visitors: Sequence[Visitor], turns: Sequence[Turn]) -> None:
        """Have a group of turns carried out, one of each visitor, and check what became of each."""
        results = self.storage.store.turns(turns, self.decide)
        self.storage.store.destroy_left()
        for visitor, turn, done in zip(visitors, turns, results, strict=True):
            assert isinstance(done, TurnDone), (turn.event, done)
            self._met(visitor, turn, done)

    def _met(self, visitor: Visitor, turn: Turn, done: TurnDone) -> None:
        self.tally["turns"] += 1
        shown = repr((turn, done, turn.event))
        assert not any(way in shown for value in visitor.typed for way in written(value)), (
            "an answer in a repr"
        )
        numbers = [message.seq for message in done.messages]
        assert numbers == list(range(visitor.last + 1, done.last + 1))
        if done.refused:
            self.tally[f"refused {done.refused.partition('/')[0]}"] += 1
            assert done.messages or done.state == visitor.state
        elif turn.key and done.messages:
            visitor.sent.append((turn, done))
        visitor.state, visitor.last, visitor.erasure = done.state, done.last, self._begun(done)
        visitor.consented = visitor.consented or "contact" in done.state.agreed

    def _begun(self, done: TurnDone) -> str:
        """Finish the erasure of a part; return the id of a whole person's: the caller decides when that is finished."""
        if done.erasure:
            self.tally[f"erased {done.scope}"] += 1
        if done.erasure and done.scope != "all":
            assert self.storage.store.finish_erasure(done.erasure)["scope"] == done.scope
            return ""
        return done.erasure

    def again(self, turns: Sequence[Turn]) -> list[TurnDone | TurnFailed]:
        """Have turns carried out that were before: nothing may change (the audit notes who reads)."""
        before = self.everything()
        results = self.storage.store.turns(turns, self.decide)
        self.storage.store.destroy_left()
        assert self.everything() == before, "a repeated event changed something"
        return results

    def everything(self) -> Mapping[str, list[Any]]:
        """Return every row of the data database but the audit's."""
        names = [name for name in tables.metadata.tables if name != "audit"]
        return {name: sorted(self._data.execute(f"SELECT * FROM {name}"), key=str) for name in names}

    def rows(self, table: str, people: Collection[str]) -> list[Any]:
        """Return the rows of these people."""
        return _of(self._data, table, people)

    def keys(self, table: str, people: Collection[str]) -> list[Any]:
        """Return the rows of these people in the keyring's database."""
        return _of(self._keys, table, people)

    def opened(self, table: str, column: str, row: Any) -> bytes:
        """Return what an envelope of this row holds."""
        return SEALED[table, column](row).opened(self.storage.keyring, fresh=False)

    def stored_state(self, talk: Any) -> Conversation:
        """Return the state in the row of a conversation."""
        return codec.decode_state(self.opened("conversations", "sealed_state", talk))

    def clear(self) -> None:
        """Remove everybody, as no desk can: the next example begins with an empty house."""
        for name in tables.metadata.tables:
            self._data.execute(f"DELETE FROM {name}")
        self._keys.execute("DELETE FROM scope_keys")

    def close(self) -> None:
        """Close the databases."""
        self._data.close()
        self._keys.close()
        self.storage.close()


def _looking_into(engine: sa.Engine) -> sqlite3.Connection:
    """Return a connection beside the storage's own: reads ten times as fast, and sees only what is committed."""
    connection = sqlite3.connect(str(engine.url.database), isolation_level=None)
    connection.row_factory = _row
    return connection


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Any:
    return _shape(tuple(column[0] for column in cursor.description))._make(values)


@cache
def _shape(columns: tuple[str, ...]) -> Any:
    return namedtuple("Row", columns)  # the columns are known when the table is read


def _of(connection: sqlite3.Connection, table: str, people: Collection[str]) -> list[Any]:
    marks = ",".join("?" * len(people))
    return connection.execute(f"SELECT * FROM {table} WHERE subject IN ({marks})", list(people)).fetchall()


@contextmanager
def promised_store(folder: Path) -> Iterator[PromisedStore]:
    """Yield a storage on SQLite whose commits do not wait for the disk: a crash is not what is looked at here."""
    rules = _with_recipients()
    clock, overheard = Clock(), Overheard()
    storage = Storage.open(
        f"sqlite:///{folder}/desk.db",
        f"sqlite:///{folder}/keyring.db",
        f"file:{folder}/kek.json",
        rules,
        migrate=True,
        sources=Sources(clock=clock),
    )
    for engine in (storage.engine, storage.keyring_engine):
        sa.event.listen(engine, "connect", lambda raw, record: raw.execute("PRAGMA synchronous=OFF"))
        storage.thread.submit(engine.dispose).result()
    promised = PromisedStore(storage, rules, clock, overheard)
    logging.getLogger().addHandler(overheard)
    try:
        yield promised
    finally:
        logging.getLogger().removeHandler(overheard)
        promised.close()


def _with_recipients() -> Rules:
    sales = recipient("sales", "mail", "sales@example.com")
    crm = recipient(
        "crm", "webhook", "https://crm.example.com/hook", purpose="affiliates", fields=("name", "email")
    )
    return replace(shipped(), recipients={"sales": sales, "crm": crm})
