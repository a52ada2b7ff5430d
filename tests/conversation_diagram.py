"""Draw `docs/conversation.md` from the engine's table: `python -m tests.conversation_diagram` writes it anew."""

from __future__ import annotations

from pathlib import Path

from intake.codes import COMMANDS
from intake.conversation import Stage
from intake.engine import ASIDES, TABLE

PAGE = Path(__file__).parent.parent / "docs" / "conversation.md"

_HEAD = """# The conversation

Made from the transition table in `intake/engine.py`; a test compares. To write it anew:
`python -m tests.conversation_diagram`.

An arrow says: at this stage, on this trigger, the conversation may go there. What has no arrow is "unexpected": it is
explained, and the open question is asked again. Where a major version of the policy outdated the consent, its card
stands before whatever collects, and leads back (`intake/asking_again.py`).

```mermaid
stateDiagram-v2
    [*] --> topic
"""

_TAIL = """```

These words work at every stage, in every language: {commands}. Some open a question of their own, which stands before
the open one until it is answered or left with `cancel`:

| pending | is answered by |
|---|---|
{asides}
"""


def drawn() -> str:
    """Return the page."""
    arrows = [
        f"    {stage} --> {to}: {trigger}\n"
        for (stage, trigger), row in TABLE.items()
        for to in sorted(row.to, key=list(Stage).index)
    ]
    commands = ", ".join(f"`{name}`" for name in COMMANDS)
    asides = "\n".join(f"| {aside} | {trigger} |" for aside, trigger in ASIDES)
    return _HEAD + "".join(arrows) + _TAIL.format(commands=commands, asides=asides)


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")
