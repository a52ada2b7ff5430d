"""Opened data keys, kept for a minute at most, so that a destroyed key dies in every process within that minute."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from storage.keys.sealing import DataKey

MAX_AGE = timedelta(seconds=60)  # absolute, from before the key was read; being used does not prolong it
MAX_SUBJECTS = 10_000  # people; 1-5 kB each

Name = tuple[str, str]  # (subject, scope)
Versions = Mapping[int, DataKey]


class _Entry(NamedTuple):
    read_at: datetime
    versions: Versions


class KeyCache:
    """The person whose keys were used least recently goes first. Safe for several threads."""

    def __init__(self, *, max_subjects: int = MAX_SUBJECTS) -> None:
        self.hits = 0
        self._max_subjects = max_subjects
        self._subjects: OrderedDict[str, dict[str, _Entry]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Name, now: datetime) -> Versions | None:
        """Return the versions of a scope's key, or None when they are not here or, `now`, too old."""
        subject, scope = name
        with self._lock:
            scopes = self._subjects.get(subject, {})
            entry = scopes.get(scope)
            if entry is None:
                return None
            if not timedelta(0) <= now - entry.read_at < MAX_AGE:
                del scopes[scope]
                return None
            self._subjects.move_to_end(subject)
            self.hits += 1
            return entry.versions

    def put(self, name: Name, versions: Versions, read_at: datetime) -> None:
        """Keep what was read at this time. The time is taken before reading, never after."""
        subject, scope = name
        with self._lock:
            self._subjects.setdefault(subject, {})[scope] = _Entry(read_at, versions)
            self._subjects.move_to_end(subject)
            while len(self._subjects) > self._max_subjects:
                self._subjects.popitem(last=False)

    def drop(self, subject: str) -> None:
        """Forget every key of a person at once."""
        with self._lock:
            self._subjects.pop(subject, None)

    def drop_scope(self, subject: str, scope: str) -> None:
        """Forget the key of one scope of a person at once."""
        with self._lock:
            self._subjects.get(subject, {}).pop(scope, None)
