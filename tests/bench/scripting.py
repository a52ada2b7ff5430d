"""What scripts take from the processor, read from a trace of Chromium.

`ScriptDuration`, which Chromium counts itself, leaves out what goes on after a promise: most of an opening.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CATEGORIES = ["devtools.timeline", "v8", "v8.execute", "blink.user_timing"]
SCRIPTS = {
    *("EvaluateScript", "v8.compile", "v8.compileModule", "v8.evaluateModule", "v8.callFunction"),
    *("FunctionCall", "EventDispatch", "TimerFire", "RunMicrotasks", "MinorGC", "MajorGC"),
}
# style and layout that a script asked for, as the page would have anyway
APART = {"UpdateLayoutTree", "Layout"}
BEGUN, DONE = "asked", "stands"  # marks that the page sets around what is measured

Event = Mapping[str, Any]


def traced_ms(events: Sequence[Event], loader: str) -> tuple[float, float]:
    """Return the processor's time of scripts, ms: of `loader` before the first mark, and of all between the marks."""
    marks = {one["name"]: one for one in events if one.get("name") in {BEGUN, DONE}}
    begun, done = marks[BEGUN], marks[DONE]
    thread = [
        one
        for one in events
        if one.get("ph") == "X" and (one["pid"], one["tid"]) == (begun["pid"], begun["tid"])
    ]
    before = [one for one in thread if one["ts"] < begun["ts"] and _file(one).endswith(loader)]
    between = [one for one in thread if begun["ts"] <= one["ts"] < done["ts"]]
    return _taken(before), _taken(between)


def _taken(events: Iterable[Event]) -> float:
    """Add up what is no part of another: scripts, less the style and layout within."""
    taken, script, apart = 0.0, 0, 0  # µs; when the one that runs ends
    for one in sorted(events, key=lambda one: (one["ts"], -one.get("dur", 0))):
        begins, ends = one["ts"], one["ts"] + one.get("dur", 0)
        if one["name"] in SCRIPTS and begins >= script:
            taken, script = taken + one.get("tdur", 0), ends
        elif one["name"] in APART and apart <= begins < script:
            taken, apart = taken - one.get("tdur", 0), ends
    return taken / 1000


def _file(event: Event) -> str:
    """Return the address of the file that an event is about."""
    args = event.get("args", {})
    return str(args.get("fileName") or (args.get("data") or {}).get("url") or "")
