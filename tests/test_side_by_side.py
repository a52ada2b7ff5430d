"""How several processes are ended: in order, and none of them is waited for without limit."""

from __future__ import annotations

import signal
import sys
from subprocess import PIPE, Popen

from bot.side_by_side import end


def test_one_that_hangs_is_killed() -> None:
    """It does not hear the stop signal: it has its time, and no more."""
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with Popen([sys.executable, "-c", deaf], stdin=PIPE, stdout=PIPE) as child:
        assert child.stdout
        child.stdout.readline()

        end([child], 0.1)

    assert child.returncode == -signal.SIGKILL
