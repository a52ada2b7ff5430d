"""The benchmarks of sealing run, and measure what they say; how fast it is, `make bench` tells."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.connecting import data_engine
from storage.tables import metadata
from tests.bench import lookup, scripting, sealing
from tests.bench.load import ANSWERS
from tests.bench.recorded import consultation, together


def test_sealing_is_measured_beside_everybody() -> None:
    """The desk, the bare cipher, Fernet and every engine of sqlalchemy-utils: each opens what it has sealed."""
    found = sealing.measure(rounds=1)

    assert {sealing.OURS, sealing.BARE} < set(found)
    assert len(found) == 6
    assert all(0 < one.sealing < float("inf") and 0 < one.opening < float("inf") for one in found.values())


def test_look_ups_are_measured_beside_a_plain_column(capsys: pytest.CaptureFixture[str]) -> None:
    """Both find the same person among many, by real rows."""
    lookup.report(count=300, times=20)

    assert "times the plain column" in capsys.readouterr().out


def test_the_floor_of_a_turn_writes_the_rows_that_the_desk_wrote(tmp_path: Path) -> None:
    """Several people's consultations, turn by turn, leave the messages, values and decisions of each."""
    turns = consultation()
    people = ["a" * 32, "b" * 32]
    engine = data_engine(f"sqlite:///{tmp_path / 'floor.db'}")
    metadata.create_all(engine)

    written = 0
    for writes in turns:
        changes = together([writes] * len(people), people, written)
        written += sum(map(len, changes.values()))
        with engine.begin() as connection:
            for statement, rows in changes.items():
                connection.exec_driver_sql(statement, rows)

    with engine.connect() as connection:
        found = {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in metadata.sorted_tables
        }
    engine.dispose()
    assert len(turns) == 1 + len(ANSWERS)
    assert found["messages"] == len(people) * (1 + 2 * len(ANSWERS))
    assert found["conversations"] == found["leads"] == len(people)
    assert found["fields"] == len(people) * 7
    assert (found["consents"] or 0) > len(people)


def test_what_scripts_take_is_counted_once_and_without_layout() -> None:
    """Of a trace: the loader before the first mark, scripts until the last; none twice, no style, no other thread."""

    def event(name: str, begins: int, lasts: int, tid: int = 1, **args: str) -> scripting.Event:
        return {
            "name": name,
            "ph": "X",
            "pid": 1,
            "tid": tid,
            "ts": begins,
            "dur": lasts,
            "tdur": lasts,
            "args": args,
        }

    traced = [
        event("EvaluateScript", 0, 700, fileName="https://desk.example.com/widget.js"),
        event("EvaluateScript", 1_000, 5_000, fileName="https://host.example.com/page.js"),
        {**event(scripting.BEGUN, 10_000, 0), "ph": "R"},
        event("EventDispatch", 10_000, 4_000),
        event("FunctionCall", 10_100, 3_000),  # within the one above
        event("Layout", 11_000, 1_000),
        event("RunMicrotasks", 20_000, 2_000),
        event("Layout", 23_000, 9_000),  # of the next frame
        event("v8.compileModule", 20_000, 8_000, tid=2),
        {**event(scripting.DONE, 40_000, 0), "ph": "R"},
        event("TimerFire", 41_000, 900),
    ]

    assert scripting.traced_ms(traced, "/widget.js") == (0.7, 5.0)
