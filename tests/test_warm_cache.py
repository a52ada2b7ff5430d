"""A second process whose cache is warm opens nothing of who was erased: every load and save looks at their row."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from config.load import load
from storage.storage import Storage
from tests.envelopes import envelopes
from tests.house import CONFIG
from tests.remembering import DETAILS, Memory, Visitor, remembering
from tests.warm_process import FINDINGS, READINGS


class Neighbour:
    """The other process: it is asked, and answers."""

    def __init__(self, child: Popen[str], of: Mapping[str, Any]) -> None:
        """Ask about one person."""
        self._child, self._of = child, of

    def does(self, name: str) -> dict[str, Any]:
        """Return what came of a question: `got` or `fault`."""
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(json.dumps({"do": name, "of": self._of}) + "\n")
        self._child.stdin.flush()
        answer: dict[str, Any] = json.loads(self._child.stdout.readline())
        return answer


@contextmanager
def neighbour(of: Mapping[str, Any], *addresses: str) -> Iterator[Neighbour]:
    """Yield a process of its own on the same databases, and end it."""
    command = [sys.executable, "-m", "tests.warm_process", *addresses]
    with Popen(command, cwd=CONFIG.parent, stdin=PIPE, stdout=PIPE, text=True) as child:
        try:
            yield Neighbour(child, of)
        finally:
            child.kill()


@pytest.fixture
def memory(data_url: str, keyring_url: str, tmp_path: Path) -> Iterator[Memory]:
    """An empty store, migrated, so that a real process takes it."""
    kek = f"file:{tmp_path}/keys/kek.json"
    Storage.open(data_url, keyring_url, kek, load(CONFIG).rules, migrate=True).close()
    with remembering(data_url, keyring_url, tmp_path) as made:
        yield made


def _phone(memory: Memory, subject: str) -> dict[str, Any]:
    """Return the envelope of a person's phone number, as an old copy of the data has it."""

    def read() -> dict[str, Any]:
        with memory.rooms.engine.connect() as connection:
            found = next(
                one
                for one in envelopes(connection)
                if one.subject == subject and one.place.table == "fields" and one.place.row.endswith("/phone")
            )
        return {"scope": found.scope, "place": [*found.place], "sealed": found.sealed.hex()}

    return dict(memory.run(read))


def test_a_warm_process_opens_nothing_of_who_is_erased(
    memory: Memory, data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """S24: from the first step's commit on every way in is shut, though the key is still in the other's memory."""
    visitor = Visitor(memory)
    reference = visitor.sends()
    whose = {"subject": visitor.subject, "conversation": visitor.conversation, "reference": reference}
    of = {**whose, "phone": DETAILS["phone"], **_phone(memory, visitor.subject)}
    with neighbour(of, data_url, keyring_url, f"file:{tmp_path}/keys/kek.json") as other:
        for name in (*READINGS, *FINDINGS):
            assert other.does(name).get("got"), name
        assert other.does("kept") == {"got": DETAILS["phone"]}

        erasure = memory.run(memory.store.begin_erasure, visitor.subject, memory.now(), reason="officer")
        begun = {name: other.does(name) for name in (*READINGS, *FINDINGS)}
        still_warm = other.does("kept")
        memory.run(memory.store.finish_erasure, erasure)
        finished = {name: other.does(name) for name in (*READINGS, *FINDINGS)}

    lost = {name: {"fault": "SubjectErased"} for name in READINGS}
    lost["lead"] = {"fault": "NotFound"}  # a lead of nobody is no lead
    nothing = {name: {"got": list[str]()} for name in FINDINGS}
    assert begun == {**lost, **nothing}
    assert still_warm == {"got": DETAILS["phone"]}, "the cache was cold: this proves nothing"
    gone = {name: answer.get("fault") for name, answer in finished.items() if name in READINGS}
    assert {*gone.values()} <= {"SubjectErased", "NotFound"}
    assert {name: finished[name] for name in FINDINGS} == nothing
