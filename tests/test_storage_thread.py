"""The storage thread: calls one after another, whether or not they run under greenlets."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from storage.connecting import StorageThread


@pytest.fixture(params=[False, True], ids=["calls", "greenlets"])
def thread(request: pytest.FixtureRequest) -> Iterator[StorageThread]:
    """A thread of both kinds."""
    made = StorageThread("storage", greenlets=request.param)
    yield made
    made.close()


def test_calls_are_carried_out_in_order_in_one_thread(thread: StorageThread) -> None:
    """No two calls overlap, and all run in the thread of that name."""
    order: list[int] = []

    def note(number: int) -> str:
        order.append(number)
        return threading.current_thread().name

    waiting: list[Future[str]] = [thread.submit(note, number) for number in range(50)]
    names = {future.result(30) for future in waiting}

    assert order == list(range(50))
    assert len(names) == 1
    assert names.pop().startswith("storage")


def test_a_call_that_fails_fails_alone(thread: StorageThread) -> None:
    """The caller gets the error, the next call its answer."""

    def fail() -> None:
        raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        thread.submit(fail).result(30)
    assert thread.submit(len, "four").result(30) == 4


def test_a_closed_thread_finishes_what_waits_and_takes_nothing_more(thread: StorageThread) -> None:
    """Closing waits for queued calls; closing again is harmless."""
    waiting = [thread.submit(time.sleep, 0.01) for _ in range(5)]

    thread.close()
    thread.close()

    assert all(future.done() for future in waiting)
    with pytest.raises(RuntimeError):
        thread.submit(len, "late")
