"""References: what a person reads aloud to the company."""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO

from storage.references import LETTERS, REFERENCE, SIGNS, new_reference


def test_a_reference_is_read_aloud_without_a_doubt() -> None:
    """Two groups of four signs, none of which is taken for another: 0 and O, 1 and I are not among them."""
    drawn = new_reference(lambda size: bytes(range(size)))

    assert re.fullmatch("AF-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", drawn)
    assert REFERENCE.fullmatch(drawn)


def test_every_sign_is_as_likely_as_another() -> None:
    """Each of the 32 stands for eight of the 256 bytes that can be drawn: 40 bits in eight signs."""
    drawn = BytesIO(bytes(range(256)))

    pieces = [new_reference(drawn.read) for _ in range(256 // SIGNS)]

    counted = Counter("".join(pieces).replace("AF-", "").replace("-", ""))
    assert counted == dict.fromkeys(LETTERS, 8)
