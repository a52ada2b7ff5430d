"""References of leads: what a person quotes to the company, drawn when a conversation needs its next one."""

from __future__ import annotations

import re
from collections.abc import Callable

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 signs that nobody confuses when reading aloud
SIGNS = 8  # 40 bits; a unique index catches what chance does not
# As they are drawn. Whatever else a colleague looks for is not asked of the database: its log would hold it.
REFERENCE = re.compile(r"AF-[0-9A-Z-]{1,20}")


def new_reference(random: Callable[[int], bytes]) -> str:
    """Return a fresh reference: eight signs in two groups."""
    signs = "".join(LETTERS[byte % len(LETTERS)] for byte in random(SIGNS))
    return f"AF-{signs[:4]}-{signs[4:]}"
