"""What is wrong with the configuration, told so that an operator can put it right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that an operator must put right: where, what, and how."""

    file: str
    key: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.file}: {self.key}: {self.fault}; {self.remedy}"


class RulesInvalid(Exception):
    """The configuration has faults; `faults` holds all of them, in the order of the files."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)
