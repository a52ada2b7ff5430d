"""The published transcripts are what the desk says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journey import Journey
from tests.transcripts import FOLDER, web_journeys, written

JOURNEYS = {one.name: one for one in web_journeys()}


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS.keys())
async def test_a_transcript_holds_every_frame_of_its_journey(journey: Journey, tmp_path: Path) -> None:
    """Contract: `docs/transcripts/*.jsonl` are normative; `python -m tests.transcripts` writes them anew."""
    published = (FOLDER / f"{journey.name}.jsonl").read_text(encoding="utf-8")

    assert await written(journey, tmp_path) == published


def test_no_transcript_is_left_of_a_journey_that_is_gone() -> None:
    """Every published file has its journey, and the reverse."""
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == {*JOURNEYS}
