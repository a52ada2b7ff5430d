"""Several commands of `askfirst`, one after the other in one process, as `python -m bot` would run each by itself.

Reads a line of JSON for each, its arguments and what is typed into it; answers with its exit code and what it printed.
"""

from __future__ import annotations

import json
import os
import sys
from io import StringIO

from bot.__main__ import leave_no_memory_behind, main
from bot.commands.office import Office


def run() -> None:
    """Carry out what is asked until nothing more is."""
    leave_no_memory_behind()
    for line in sys.stdin:
        arguments, typed = json.loads(line)
        printed = StringIO()
        code = main(arguments, Office(os.environ, printed, StringIO(f"{typed}\n")), sys.stderr)
        print(json.dumps([code, printed.getvalue()]), flush=True)


if __name__ == "__main__":
    run()
