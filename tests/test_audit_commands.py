"""`audit verify` and `audit export` at a terminal: exit codes, where it broke, and a copy that a stranger can check."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.commands.office import Office
from storage.audit_tables import audit_heads
from storage.evidence.chain import Head, Run, heads_after, rows_of
from storage.evidence.proofs import HEAD, canonical, fault_of
from storage.evidence.proofs import encoded as encoded_signature
from storage.evidence.row_encoding import PARTS, digest, encoded
from storage.keyring_tables import signing_keys
from storage.keys.signatures import kid_of
from storage.storage import Storage
from storage.tables import audit
from tests.documents import page
from tests.house import CONFIG
from tests.second_sealing import framed as plainly_framed
from tests.second_sealing import number
from tests.selling import LI_NA, NEED, Person, selling_desk
from tests.test_command_line import Terminal


@pytest.fixture
async def terminal(data_url: str, keyring_url: str, tmp_path: Path) -> Terminal:
    """A terminal of a desk where two people came in two batches."""
    async with selling_desk(tmp_path, data_url, keyring_url) as desk:
        for _ in range(2):
            person = Person(desk)
            await person.sends("news")
            while await desk.call(desk.storage.chain.append, desk.clock()):
                pass
    urls = {"DATABASE_URL": data_url, "KEYRING_URL": keyring_url}
    return Terminal({"ASKFIRST_VAR": str(tmp_path), "ASKFIRST_CONFIG": str(CONFIG), **urls})


@contextmanager
def _storage(terminal: Terminal) -> Iterator[Storage]:
    with Office(terminal.environment, sys.stdout, sys.stdin).storage() as storage:
        yield storage


def _change(terminal: Terminal, statement: sa.Executable) -> None:
    with _storage(terminal) as storage:

        def change() -> None:
            with storage.engine.begin() as connection:
                connection.execute(statement)

        storage.thread.submit(change).result()


def _heads(terminal: Terminal, file: Path) -> Path:
    _, out, _ = terminal.run("audit", "export", "--since", "2026-01-01")
    heads = [json.loads(line)["head"] for line in out.splitlines() if line.startswith('{"head"')]
    written = (json.dumps(one, sort_keys=True, separators=(",", ":")) for one in heads)
    file.write_text("".join(f"{line}\n" for line in written))
    return file


async def test_a_whole_audit_is_verified(terminal: Terminal, tmp_path: Path) -> None:
    """L9: exit 0 says how many rows and batches, the newest head, and that the heads from elsewhere are here."""
    code, out, errors = terminal.run("audit", "verify", "--heads", str(_heads(terminal, tmp_path / "heads")))

    assert (code, errors) == (0, "")
    assert re.match(r"whole: \d+ rows in 2 batches, 0 waiting to be chained\n", out)
    assert re.search(r"newest head: batch 2 of 2\S+Z, audit-[0-9a-f]{16}\n", out)
    assert "2 heads from off this host are here" in out


async def test_a_broken_audit_is_told_with_its_place(terminal: Terminal) -> None:
    """L9: exit 1 and one line for each fault; the same as JSON for a program."""
    _change(terminal, audit.update().where(audit.c.action == "submitted").values(actor="staff:2"))

    code, out, errors = terminal.run("audit", "verify")
    json_code, told, silent = terminal.run("audit", "verify", "--json")

    assert (code, out) == (1, "")
    lines = errors.splitlines()
    assert len(lines) == 2
    assert all(re.match(r"askfirst: batch [12]: a row was changed \(writer ", line) for line in lines)
    report = json.loads(told)
    assert (json_code, silent, report["whole"], report["batches"]) == (1, "", False, 2)
    assert [f"askfirst: {fault}" for fault in report["faults"]] == lines


def _planted(storage: Storage) -> Ed25519PrivateKey:
    """Put a key of one's own into the keyring, as somebody would who may write there and does not hold the KEK."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    with storage.keyring_engine.begin() as connection:
        first = connection.execute(sa.select(signing_keys)).first()
        assert first
        row = {"kid": kid_of("audit", public), "use": "audit", "public": public, "kek": first.kek}
        made = {"wrapped": bytes(60), "created_at": first.created_at - timedelta(days=1)}
        connection.execute(signing_keys.insert().values(**row, **made))
    return key


def _rewritten(storage: Storage) -> str:
    """Change a row of the audit and sign every head anew by a planted key; return its kid."""
    key = _planted(storage)
    kid = kid_of("audit", key.public_key().public_bytes_raw())
    previous = ""
    with storage.engine.begin() as connection:
        connection.execute(audit.update().where(audit.c.action == "submitted").values(actor="staff:2"))
        for head in heads_after(connection, 0, 9):
            document = head.document
            runs = [Run(**one) for one in document["ranges"]]
            rows = [row for run in runs for row in rows_of(connection, run, 500)]
            changed = {**document, "sha256": digest(rows), "previous": previous}
            rest = {name: changed[name] for name in changed if name not in ("kid", "signature")}
            signature = encoded_signature(key.sign(plainly_framed(b"audit head", canonical(rest))))
            body = canonical({**rest, "kid": kid, "signature": signature})
            mine = audit_heads.c.number == head.number
            connection.execute(audit_heads.update().where(mine).values(body=body.decode()))
            previous = hashlib.sha256(body).hexdigest()
    return kid


async def test_an_audit_that_was_signed_anew_by_a_planted_key_is_found(terminal: Terminal) -> None:
    """L9: write access to both databases, without the KEK, rewrites nothing unseen; the planted key is named."""
    with _storage(terminal) as storage:
        kid = storage.thread.submit(_rewritten, storage).result()

    code, _, errors = terminal.run("audit", "verify")

    assert code == 1
    lines = errors.splitlines()
    assert f"signing key {kid}" in lines[0]
    assert f"batch 1: the key {kid} is not among the published ones" in lines[1]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_new_desk_has_nothing_to_verify(terminal: Terminal, tmp_path: Path) -> None:
    """Nothing noted yet: whole, without a newest head."""
    fresh = Terminal({"ASKFIRST_VAR": str(tmp_path / "fresh"), "ASKFIRST_CONFIG": str(CONFIG)})
    assert fresh.run("db", "upgrade")[0] == 0

    code, out, _ = fresh.run("audit", "verify")

    assert (code, out) == (0, "whole: 0 rows in 0 batches, 0 waiting to be chained\n")
    assert json.loads(fresh.run("audit", "verify", "--json")[1])["whole"] is True


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_file_of_heads_must_hold_some(terminal: Terminal, tmp_path: Path) -> None:
    """An empty file proves nothing, and a missing one is named."""
    (tmp_path / "heads").write_text("")

    assert "holds no head" in terminal.refusal("audit", "verify", "--heads", str(tmp_path / "heads"))
    assert "No such file" in terminal.refusal("audit", "verify", "--heads", str(tmp_path / "none"))


async def test_an_export_holds_names_and_no_values(terminal: Terminal) -> None:
    """L9: each batch is its head and its rows; not a single detail that the people gave is among them."""
    code, out, errors = terminal.run("audit", "export", "--since", "2026-01-01")

    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, errors) == (0, "")
    heads = [line["head"] for line in lines if "head" in line]
    assert [head["batch"] for head in heads] == [1, 2]
    assert sum(head["rows"] for head in heads) == sum("row" in line for line in lines)
    assert {row["action"] for line in lines if (row := line.get("row"))} >= {"agreed", "refused", "submitted"}
    for value in (*LI_NA.values(), NEED, "canary"):
        assert value.casefold() not in out.casefold()


async def test_an_export_can_be_taken_up_where_it_ended(terminal: Terminal) -> None:
    """After a batch, or from a day on; the rest follows without a gap, and a day to come has nothing."""
    _, whole, _ = terminal.run("audit", "export", "--since", "2026-01-01")
    _, rest, _ = terminal.run("audit", "export", "--since", "2026-01-01", "--after", "1")
    _, nothing, _ = terminal.run("audit", "export", "--since", "2999-01-01")

    assert whole.endswith(rest)
    assert json.loads(rest.splitlines()[0])["head"]["batch"] == 2
    assert nothing == ""


async def test_a_day_must_be_one(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is told with an example."""
    with pytest.raises(SystemExit, match="2"):
        terminal.run("audit", "export", "--since", "yesterday")

    assert "2026-11-30" in capsys.readouterr().err


def _published(terminal: Terminal, file: Path) -> Path:
    with _storage(terminal) as storage:
        keys = storage.thread.submit(storage.keyring.public_keys).result()
    listed = [
        {"kid": kid, "public": base64.urlsafe_b64encode(key).rstrip(b"=").decode()}
        for kid, key in keys.items()
    ]
    file.write_text(json.dumps({"keys": listed}))
    return file


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_stranger_checks_an_export_with_the_page_alone(terminal: Terminal, tmp_path: Path) -> None:
    """L9: the lines that docs/audit.md gives, with nothing of this project, hold a copy and find every change in it."""
    [lines] = re.findall(r"^```python$(.+?)^```$", page("audit.md"), flags=re.DOTALL | re.MULTILINE)
    _, export, _ = terminal.run("audit", "export", "--since", "2026-01-01")
    keys = _published(terminal, tmp_path / "keys.json")

    def check(copy: str) -> str:
        (tmp_path / "audit.jsonl").write_text(copy)
        command = [sys.executable, "-I", "-c", lines, str(tmp_path / "audit.jsonl"), str(keys)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]

    written = export.splitlines(keepends=True)
    second = next(n for n, line in enumerate(written) if line.startswith('{"head"') and n)

    assert re.fullmatch(r"whole: \d+ rows, batches 1 to 2\n", check(export))
    for copy in (
        export.replace('"submitted"', '"withdrawn"', 1),
        export.replace('"tombstones":0', '"tombstones":1', 1),
        "".join(written[:3] + written[4:]),
        "".join([*written[:2], written[3], written[2], *written[4:]]),
        "".join(written[second:] + written[:second]),
        "".join(written[:-1]),
    ):
        assert check(copy).startswith("AssertionError")


@pytest.fixture(scope="module")
def vectors() -> dict[str, str]:
    """Every line of the vector in docs/audit.md."""
    (block,) = re.findall(r"```vector\n(.*?)```", page("audit.md"), re.DOTALL)
    lines = [line.partition("=") for line in block.splitlines()]
    return {name.strip(): value.strip() for name, _, value in lines}


def test_the_published_row_and_head_are_what_the_code_makes(vectors: dict[str, str]) -> None:
    """The vector of docs/audit.md: an encoded row, its hash, the signed head and the head's hash."""
    at = datetime.fromisoformat(vectors["at"])
    given = {name: vectors[name] for name in PARTS}
    row: Any = tuple({**given, "number": int(given["number"]), "at": at}.values())
    head = Head(1, vectors["head"])
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vectors["private key"])).public_key()

    assert encoded(row).hex() == vectors["encoded row"]
    assert digest([row]) == head.document["sha256"]
    assert head.sha256 == vectors["head sha256"]
    assert canonical(head.document).decode() == head.body
    assert fault_of({head.document["kid"]: key.public_bytes_raw()}, HEAD, head.document) == ""


def test_the_published_row_and_head_follow_from_the_page_alone(vectors: dict[str, str]) -> None:
    """A plain second implementation, written from the page, arrives at the same bytes."""
    names = ("actor", "action", "subject", "purpose", "fields", "policy", "records")
    first = (b"askfirst audit row 1", vectors["writer"].encode(), number(int(vectors["number"])))
    row = plainly_framed(*first, vectors["at"].encode(), *(vectors[name].encode() for name in names))
    head = json.loads(vectors["head"])
    signature = head.pop("signature")
    kid = head.pop("kid")
    plain = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vectors["private key"]))

    assert row.hex() == vectors["encoded row"]
    assert hashlib.sha256(row).hexdigest() == head["sha256"]
    assert kid == f"audit-{hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]}"
    signed = base64.urlsafe_b64encode(key.sign(plainly_framed(b"audit head", plain)))
    assert signed.rstrip(b"=").decode() == signature
