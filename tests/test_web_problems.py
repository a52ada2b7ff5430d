"""Faults as problem documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from bot.web.problems import Problem, of_storage
from storage.errors import Conflict, ConsentRequired, KekAway, KeyLost, NotFound, StorageError, SubjectErased
from tests.visiting import Visit, visiting

CANARY = "canary-Li-Na"


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "not_found"), ("DELETE", "/healthz", 405, "method_not_allowed")],
)
async def test_what_does_not_exist_is_a_problem(
    method: str, path: str, status: int, code: str, visit: Visit
) -> None:
    """RFC 9457, with a stable code."""
    answer = await visit.call(method, path)
    problem = await answer.json(content_type="application/problem+json")

    assert (answer.status, problem["status"], problem["code"], problem["type"]) == (
        status,
        status,
        code,
        "about:blank",
    )


async def test_a_fault_of_ours_is_a_bare_500_with_an_id(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer and the log share an id; neither holds what the fault said, nor a traceback."""

    def fail(store: object, token: bytes, now: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr(type(visit.desk.storage.store), "session", fail)
    with structlog.testing.capture_logs() as logs:
        answer = await visit.call("GET", "/api/v1/me", "A" * 43)
    problem = await answer.json()

    assert (answer.status, problem["code"]) == (500, "internal")
    assert [log["incident"] for log in logs] == [problem["incident"]]
    assert logs[0]["error"] == "ValueError"
    assert CANARY not in f"{logs}{problem}"
    assert "Traceback" not in f"{logs}{problem}"


async def test_a_fault_on_a_socket_is_an_error_frame(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame says that nothing was kept; the socket lives, and the next frame is taken."""
    talker = await visit.talker(await visit.token())
    healthy = type(visit.desk.storage.store).turns

    def fail(store: object, batch: object, decide: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr(type(visit.desk.storage.store), "turns", fail)
    with structlog.testing.capture_logs() as logs:
        await talker.send(type="pick", id="a", value="topic:gateway")
        error = await talker.next()
    monkeypatch.setattr(type(visit.desk.storage.store), "turns", healthy)

    assert (error["type"], error["id"], error["code"]) == ("error", "a", "internal")
    assert CANARY not in f"{logs}{error}"
    assert (await talker.ask(type="pick", id="a", value="topic:gateway"))[0]["type"] == "ack"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (SubjectErased("s"), 410),
        (ConsentRequired("s"), 403),
        (NotFound("s"), 404),
        (Conflict("s"), 503),
        (KekAway("s"), 503),
    ],
)
def test_a_person_may_know_these_faults_of_storage(fault: StorageError, status: int) -> None:
    """They are told by a code of their own, without the fault's own words."""
    problem = of_storage(fault)

    assert problem is not None
    assert problem.status == status


def test_other_faults_of_storage_are_ours() -> None:
    """A lost key is nobody's business but the operator's."""
    assert of_storage(KeyLost("s")) is None


def test_a_redirect_is_no_fault() -> None:
    """A problem has a status of 400 and more."""
    assert Problem(404, "not_found", "Nothing.").response().status == 404
    assert web.HTTPFound("/").status < 400


async def test_every_answer_carries_what_keeps_browsers_safe(visit: Visit) -> None:
    """Headers on answers and problems alike; nothing tells which library serves."""
    for answer in (await visit.call("GET", "/healthz"), await visit.call("GET", "/api/v1/me")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Server"] == "askfirst"
    assert (await visit.call("GET", "/api/v1/me")).headers["Cache-Control"] == "no-store"


async def test_what_is_no_http_leaves_no_address_in_the_log(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """Garbage on the port: 400, a line with the class of the fault, no traceback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", visit.server.port)

    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: nonsense\r\n\r\n")
    answer = await reader.read(100)
    writer.close()

    assert b" 400 " in answer
    assert "Traceback" not in caplog.text
    assert "127.0.0.1" not in caplog.text
