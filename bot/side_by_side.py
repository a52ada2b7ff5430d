"""Several processes of one role, side by side on one port: started together, ended together."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from subprocess import PIPE, Popen, TimeoutExpired
from time import monotonic

LEAVE_SECONDS = 25.0  # seconds that all have to end in order: open requests have ten; platforms kill after 30


def many(command: list[str], count: int) -> int:
    """Run `count` processes of `command` that share the port until one of them ends or this one is told to stop.

    Then all are ended; they end by themselves where this one is killed. Returns: 0 if this one was told to, 1 if one
    ended by itself: whoever watches starts all again.
    """
    children: list[Popen[bytes]] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as an interrupt from the keyboard
    try:
        children.extend(Popen([sys.executable, "-m", "bot", *command], stdin=PIPE) for _ in range(count))
        wait_for_any([child.pid for child in children])
    except KeyboardInterrupt:
        return 0
    finally:
        end(children, LEAVE_SECONDS)
    return 1


def wait_for_any(ours: Sequence[int]) -> None:
    """Return when one of our processes has ended; `Popen` is to fetch its code itself.

    Others may be this one's too: what ran before it under its id, or, where it is the first of a container, whatever
    lost its parent. They are nobody else's to bury, and no reason to stop.
    """
    while (ended := _ended()) not in ours:
        os.waitpid(ended, 0)


def _ended() -> int:
    found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    assert found, "it waits"
    return found.si_pid


def end(children: Sequence[Popen[bytes]], seconds: float) -> None:
    """Ask all to end, and end those that have not done so within that time."""
    until = monotonic() + seconds
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.communicate(timeout=max(0.0, until - monotonic()))  # closes its pipe too
        except TimeoutExpired:
            child.kill()
            child.communicate()
