"""The published transcripts: `python -m tests.transcripts` writes `docs/transcripts/*.jsonl` anew.

Every journey is held over the web socket, in English, by a desk whose clock stands still and whose ids and randomness
are drawn from a count, so that the frames come out the same every time. One line is one frame: `{"to": "server" or
"client", "frame": …}`. Journeys that Telegram alone has are not there.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import UTC, datetime
from hashlib import shake_256
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from storage.sources import Sources
from tests.house import House, settings
from tests.journey import Journey, Telling, journeys
from tests.mailing import NO_SERVER
from tests.templates import files
from tests.voices import SocketVoice

FOLDER = Path(__file__).parent.parent / "docs" / "transcripts"
STILL = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, noon in the demo company's zone


def sources() -> Sources:
    """Return a clock that stands still, and counted ids and randomness."""
    numbers, draws = count(1), count(1)
    return Sources(
        clock=lambda: STILL,
        new_id=lambda: f"{next(numbers):032x}",
        random=lambda size: shake_256(str(next(draws)).encode()).digest(size),
    )


class Scribe(SocketVoice):
    """Publishes what it writes down."""

    def note(self, to: str, frame: dict[str, Any]) -> None:
        """Write a frame down without its token, which is a secret even here."""
        super().note(to, {**frame, "token": "…"} if "token" in frame else frame)


def web_journeys() -> list[Journey]:
    """Return the journeys that the web has."""
    return [one for one in journeys().values() if any(line.channel in ("", "web") for line in one.lines)]


async def written(journey: Journey, var: Path) -> str:
    """Return the transcript of a journey."""
    chosen = settings(var, *files(var), PORT="8080", SMTP_URL=NO_SERVER)
    house = House(chosen, sources=sources())
    await house.start()
    try:
        async with ClientSession() as client:
            scribe = Scribe(house, client)
            await Telling(scribe, "en", house.loaded.catalogues).tell(journey)
    finally:
        await house.stop()
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in scribe.frames)


async def main() -> None:
    """Write every transcript."""
    FOLDER.mkdir(exist_ok=True)
    for journey in web_journeys():
        with tempfile.TemporaryDirectory() as var:
            text = await written(journey, Path(var))
        (FOLDER / f"{journey.name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
