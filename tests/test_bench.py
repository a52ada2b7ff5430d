"""The benchmarks of sealing run, and measure what they say; how fast it is, `make bench` tells."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.connecting import data_engine
from storage.tables import metadata
from tests.bench import lookup, sealing
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
