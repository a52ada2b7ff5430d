"""A machine plays with two processes on one keyring: the erased never come back, nobody else is ever lost.

Epochs come and go meanwhile.
"""

import os
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storage.connecting import data_engine
from storage.errors import EpochNeeded, SubjectErased
from storage.evidence.audit import Writer
from storage.evidence.terms import in_every_language
from storage.keys.kek_file import FileProvider
from storage.keys.keyring import Keyring
from storage.keys.sealing import Place, seal, unseal
from storage.means import Means
from storage.rekeying.epoch_status import RETIRED
from storage.rekeying.rotation import Rotation
from tests import templates
from tests.house import shipped
from tests.rooms import Clock

Name = tuple[str, str]
subjects = st.sampled_from(["ada", "ben"])
scopes = st.sampled_from(["profile.1", "c1.x", "chat"])
sides = st.integers(0, 1)


class TwoProcesses(RuleBasedStateMachine):
    """`live` holds an envelope for every key version that should open; `barred` the names that should be refused."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        data_url, keyring_url = templates.files(Path(self.folder.name))
        self.engines = [data_engine(keyring_url) for _ in range(2)]
        provider = FileProvider(Path(self.folder.name) / "keys" / "kek.json", os.urandom)
        self.rings = [Keyring(each, provider, clock=self.clock, random=os.urandom) for each in self.engines]
        self.data = data_engine(data_url)
        for ring in self.rings:
            ring.open()
        rules = shipped().rules
        given: dict[str, Any] = {
            "engine": self.data,
            "rules": rules,
            "terms": in_every_language(rules, ""),
            "clock": self.clock,
            "random": os.urandom,
        }
        self.rotations = [
            Rotation(Means(keyring=ring, writer=Writer(str(side)), **given))
            for side, ring in enumerate(self.rings)
        ]
        self.live: dict[Name, dict[int, bytes]] = {}
        self.barred: set[Name] = set()

    def teardown(self) -> None:
        """End both processes."""
        for engine in (*self.engines, self.data):
            engine.dispose()
        self.folder.cleanup()

    def is_barred(self, name: Name) -> bool:
        """Say whether a tombstone stands against a name."""
        return bool(self.barred & {name, (name[0], "*")})

    @rule(side=sides, subject=subjects, scope=scopes)
    def create(self, side: int, subject: str, scope: str) -> None:
        """Make a key, unless its person or scope was erased."""
        name = subject, scope
        if self.is_barred(name):
            with pytest.raises(SubjectErased):
                self.rings[side].create([name])
            return
        key = self.rings[side].create([name])[name]
        assert key.version == max(self.live.get(name, {1: b""}))
        self.live.setdefault(name, {})[key.version] = seal(key, place(name), b"kept", os.urandom(12))

    @rule(side=sides, subject=subjects, scope=scopes, tombstone=st.booleans())
    def erase_a_scope(self, side: int, subject: str, scope: str, tombstone: bool) -> None:
        """Destroy the key of one scope."""
        self.rings[side].destroy(subject, [scope], tombstone=tombstone, at=self.clock.now)
        self.live.pop((subject, scope), None)
        if tombstone:
            self.barred.add((subject, scope))

    @rule(side=sides, subject=subjects)
    def erase_a_person(self, side: int, subject: str) -> None:
        """Destroy everything of a person for good."""
        self.rings[side].destroy(subject, None, tombstone=True, at=self.clock.now)
        self.live = {name: versions for name, versions in self.live.items() if name[0] != subject}
        self.barred.add((subject, "*"))

    @rule(side=sides)
    def rotate(self, side: int) -> None:
        """Begin an epoch; the other process learns of it when it meets a key of it, or looks."""
        self.rotations[side].rotate("command")

    @rule(side=sides)
    def look(self, side: int) -> None:
        """Open what the other process has begun."""
        self.rings[side].epochs.open()

    @rule(side=sides)
    def move(self, side: int) -> None:
        """Move keys under the newest epoch, if this process holds it."""
        while self.rotations[side].go_on():
            pass

    @rule(side=sides)
    def retire(self, side: int) -> None:
        """Retire the oldest epoch, unless something needs it."""
        rotation = self.rotations[side]
        oldest = next(one.epoch for one in rotation.status().epochs if one.state != RETIRED)
        with suppress(EpochNeeded):
            rotation.retire(oldest, "Robin Operator")
            rotation.destroy_kek(oldest)

    @rule(side=sides)
    def turn_over(self, side: int) -> None:
        """Rotate, wait as long as it takes, move, retire: the whole way, and the other process knows nothing of it."""
        self.rotate(side)
        self.clock.tick(minutes=3)
        self.move(side)
        self.retire(side)

    @rule(seconds=st.integers(1, 120))
    def wait(self, seconds: int) -> None:
        """Let time pass; keys in memory age."""
        self.clock.now += timedelta(seconds=seconds)

    @invariant()
    def every_process_reads_the_truth(self) -> None:
        """What is live opens, what is not is absent, once nothing is taken from memory."""
        for ring in self.rings:
            names = [
                (subject, scope) for subject in ("ada", "ben") for scope in ("profile.1", "c1.x", "chat")
            ]
            found = ring.keys(names, fresh=True)
            assert {name: set(versions) for name, versions in found.items()} == {
                name: set(versions) for name, versions in self.live.items()
            }
            for name, envelopes in self.live.items():
                assert {unseal(found[name], place(name), each) for each in envelopes.values()} == {b"kept"}


def place(name: Name) -> Place:
    """Where a name's envelope stands."""
    return Place(name[0], "fields", "sealed_value", name[1], 1)


TestTwoProcesses = TwoProcesses.TestCase
TestTwoProcesses.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
