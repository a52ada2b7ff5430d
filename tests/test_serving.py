"""Who uses the data database: many processes together, or a restore alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import sqlalchemy as sa

from storage import in_use
from storage.connecting import StorageThread, data_engine, is_async
from storage.errors import RestoreRefused

Run = Callable[..., Any]


@pytest.fixture
def process(data_url: str) -> Iterator[Callable[[], tuple[sa.Engine, Run]]]:
    """Return what starts one more process on the database: an engine, and how to call something in its thread."""
    with ExitStack() as stack:

        def start() -> tuple[sa.Engine, Run]:
            thread, engine = StorageThread("test", greenlets=is_async(data_url)), data_engine(data_url)

            def run(call: Callable[..., Any], *given: Any) -> Any:
                return thread.submit(call, *given).result()

            stack.callback(thread.close)
            stack.callback(run, engine.dispose)
            return engine, run

        yield start


def _looks(engine: sa.Engine) -> int:
    with engine.begin() as connection:
        return int(connection.scalar(sa.text("SELECT 1")) or 0)


def _alone(engine: sa.Engine, meanwhile: Callable[[], object]) -> None:
    with in_use.alone(engine):
        meanwhile()


def test_processes_share_the_database(process: Callable[[], tuple[sa.Engine, Run]]) -> None:
    """As many as there are, with as many connections."""
    for _ in range(3):
        engine, run = process()
        in_use.share(engine)
        assert [run(_looks, engine) for _ in range(2)] == [1, 1]


def test_nobody_is_alone_beside_a_process(process: Callable[[], tuple[sa.Engine, Run]]) -> None:
    """Refused while one serves, also when it does nothing at the moment; not any more when it has ended."""
    (serves, run), (restores, run_alone) = process(), process()
    in_use.share(serves)
    run(_looks, serves)

    with pytest.raises(RestoreRefused, match="stop every process"):
        run_alone(_alone, restores, list)
    run(serves.dispose)
    run_alone(_alone, restores, list)


def test_nobody_comes_while_one_is_alone(process: Callable[[], tuple[sa.Engine, Run]]) -> None:
    """Neither a process that would serve nor a second restore; afterwards they may."""
    (restores, run_alone), (serves, run), (again, run_again) = process(), process(), process()
    in_use.share(serves)
    refused = []

    def others_try() -> None:
        for call, given in ((run, (_looks, serves)), (run_again, (_alone, again, list))):
            with pytest.raises(RestoreRefused) as refusal:
                call(*given)
            refused.append(str(refusal.value))

    run_alone(_alone, restores, others_try)

    assert ["under way" in line for line in refused] == [True, False]
    assert run(_looks, serves) == 1
