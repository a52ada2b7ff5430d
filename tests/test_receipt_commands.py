"""`receipt verify` at a terminal: what a person has in hand is checked without the desk; a changed byte is found."""

from __future__ import annotations

import io
import json
import random
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.commands.office import Office
from storage.evidence.proofs import RECEIPT, signed
from tests.house import CONFIG
from tests.test_command_line import Terminal
from tests.visiting import visiting

ME = "/api/v1/me"


@dataclass
class InHand:
    """Files as a person got them, and a terminal that knows no desk but has the configuration."""

    folder: Path
    terminal: Terminal

    def verify(self, name: str, *more: str) -> tuple[int, str, str]:
        """Verify a file with the published keys."""
        return self.terminal.run(
            "receipt", "verify", str(self.folder / name), "--keys", str(self.folder / "keys.json"), *more
        )

    def write(self, name: str, content: Any) -> str:
        """Write a file and return its name."""
        (self.folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return name

    def read(self, name: str) -> Any:
        """Return what a file holds."""
        return json.loads((self.folder / name).read_text())


@pytest.fixture
async def in_hand(tmp_path: Path) -> AsyncIterator[InHand]:
    """What a visitor took along: receipts, an export, the certificate of their erasure, the published keys."""
    async with visiting(tmp_path / "desk") as visit:
        token = await visit.consulted()
        hand = InHand(
            tmp_path, Terminal({"ASKFIRST_CONFIG": str(CONFIG), "ASKFIRST_VAR": str(tmp_path / "no")})
        )
        for name, path in (
            ("receipts.json", f"{ME}/receipts"),
            ("export.json", f"{ME}/export"),
            ("keys.json", "/.well-known/askfirst-keys.json"),
        ):
            hand.write(name, await (await visit.call("GET", path, token)).text())
        erased = await visit.call("DELETE", ME, token, json={"scope": "all"})
        hand.write("certificate.json", await erased.text())
        hand.terminal.environment |= {"DATABASE_URL": f"sqlite:///{tmp_path}/no/desk.db"}
        yield hand


def _terminal_of_the_desk(folder: Path) -> Terminal:
    urls = {
        "DATABASE_URL": f"sqlite:///{folder}/desk/desk.db",
        "KEYRING_URL": f"sqlite:///{folder}/desk/keys/keyring.db",
    }
    return Terminal({"ASKFIRST_VAR": str(folder / "desk" / "var"), "ASKFIRST_CONFIG": str(CONFIG), **urls})


async def test_whatever_a_person_has_in_hand_can_be_verified(in_hand: InHand) -> None:
    """L14: a receipt, several, an export, a certificate; one line each, without database, keyring or KEK."""
    receipts = in_hand.read("receipts.json")["receipts"]
    in_hand.write("one.json", receipts[0])
    in_hand.write("list.json", receipts)

    for name, count in (
        ("receipts.json", 5),
        ("list.json", 5),
        ("export.json", 5),
        ("one.json", 1),
        ("certificate.json", 1),
    ):
        code, out, errors = in_hand.verify(name)
        assert (code, errors) == (0, ""), name
        assert len(out.splitlines()) == count
        assert all(line.endswith(": holds") for line in out.splitlines())
    assert not (in_hand.folder / "no").exists()


async def test_one_changed_byte_is_found(in_hand: InHand) -> None:
    """L14: anywhere in a receipt or a certificate; JSON that is none any more is told as that."""
    dice = random.Random(14)
    for name in ("one.json", "certificate.json"):
        whole = in_hand.read("receipts.json")["receipts"][0] if name == "one.json" else in_hand.read(name)
        text = json.dumps(whole, ensure_ascii=False)
        for place in dice.sample(range(len(text)), 60):
            other = "x" if text[place] != "x" else "y"
            changed = text[:place] + other + text[place + 1 :]

            code, _, errors = in_hand.verify(in_hand.write("changed.json", changed))

            assert code == 1, changed
            assert errors.count("\n") == 1


async def test_what_does_not_hold_is_named(in_hand: InHand) -> None:
    """L14: each line says which and why; the others still hold; exit 1 says how many."""
    receipts = in_hand.read("receipts.json")["receipts"]
    evil = "\x1b[2J" + "9" * 500
    receipts[0] |= {"decision": "agreed" if receipts[0]["decision"] != "agreed" else "refused"}
    receipts[1] = {name: one for name, one in receipts[1].items() if name != "signature"}
    receipts[2] |= {"kid": "evidence-0123456789abcdef", "id": evil}
    receipts[3] |= {"signature": 5}

    code, out, errors = in_hand.verify(in_hand.write("some.json", {"receipts": receipts}))

    assert code == 1
    assert errors == "askfirst: 4 of 5 do not hold\n"
    lines = out.splitlines()
    assert "the signature does not hold" in lines[0]
    assert lines[1].endswith("it is not signed")
    assert lines[2].endswith("the key evidence-0123456789abcdef is not among the published ones")
    assert "\x1b" not in lines[2]
    assert len(lines[2]) < 250
    assert lines[3].endswith("it is not signed")
    assert lines[4].endswith("holds")


async def test_a_file_that_is_not_there_is_told(in_hand: InHand) -> None:
    """One line, without the system's numbers."""
    code, out, errors = in_hand.verify("nofile.json")

    assert (code, out) == (1, "")
    assert errors.endswith("/nofile.json cannot be read: No such file or directory\n")


async def test_a_certificate_is_no_receipt(in_hand: InHand) -> None:
    """A proof of one kind does not pass for another, though the same key signs both."""
    certificate = in_hand.read("certificate.json")
    bare = {name: one for name, one in certificate.items() if name != "destroyed"}
    as_receipt = in_hand.verify(in_hand.write("bare.json", bare))
    receipt = in_hand.read("receipts.json")["receipts"][0]
    as_certificate = in_hand.verify(in_hand.write("odd.json", {**receipt, "destroyed": []}))

    assert (as_receipt[0], as_certificate[0]) == (1, 1)
    assert as_receipt[1].startswith("receipt ")
    assert as_certificate[1].startswith("certificate ")


async def test_another_text_of_the_policy_is_found(in_hand: InHand) -> None:
    """L1, L14: the hash in the receipt is that of the text that was shown; a text that was edited since has another."""
    config = in_hand.folder / "config"
    shutil.copytree(CONFIG, config)
    in_hand.terminal.environment["ASKFIRST_CONFIG"] = str(config)
    for text in (config / "policy" / "2026-11").glob("*.md"):
        text.write_text(text.read_text().replace(".", "!", 1))

    code, out, _ = in_hand.verify("receipts.json")

    assert code == 1
    assert all("policy 2026-11 reads differently here" in line for line in out.splitlines())


async def test_where_the_policy_is_not_configured_that_is_said(in_hand: InHand) -> None:
    """A stranger has no configuration, or one of another version: all else is checked."""
    in_hand.terminal.environment["ASKFIRST_CONFIG"] = str(in_hand.folder / "none")

    code, out, _ = in_hand.verify("receipts.json")

    assert code == 0
    assert all("policy 2026-11 is not configured here" in line for line in out.splitlines())
    in_hand.terminal.environment["PORT"] = "nonsense"
    assert in_hand.verify("receipts.json")[0] == 0


async def test_the_shape_is_checked_too(in_hand: InHand, tmp_path: Path) -> None:
    """L14: what the desk itself signed must still fit the published schema, and the place that does not is named."""
    terminal = _terminal_of_the_desk(tmp_path)
    receipt = in_hand.read("receipts.json")["receipts"][0]
    bare = {name: one for name, one in receipt.items() if name not in ("kid", "signature")}
    bare["event"] = [{**bare["event"][0], "event_state": "dpv:ConsentUnknown"}]
    with Office(terminal.environment, io.StringIO(), io.StringIO()).storage() as storage:
        forged = storage.thread.submit(signed, storage.keyring, RECEIPT, bare).result()

    code, out, _ = in_hand.verify(in_hand.write("odd.json", forged))

    assert code == 1
    assert "it has not the shape of a receipt: $.event[0].event_state" in out


async def test_without_a_file_of_keys_the_desk_s_own_count(in_hand: InHand, tmp_path: Path) -> None:
    """On the desk's host nothing has to be fetched."""
    terminal = _terminal_of_the_desk(tmp_path)

    code, out, errors = terminal.run("receipt", "verify", str(tmp_path / "receipts.json"))

    assert (code, errors) == (0, "")
    assert out.count("holds") == 5


@pytest.mark.parametrize(
    "content", ['{"keys":[]', "[]", '{"keys":[{"kid":"a"}]}', '{"keys":[{"kid":"a","public":"AAAA"}]}']
)
async def test_a_file_of_keys_that_is_none_is_told(in_hand: InHand, content: str) -> None:
    """One line with the remedy."""
    in_hand.write("keys.json", content)

    code, out, errors = in_hand.verify("receipts.json")

    assert (code, out, errors.count("\n")) == (1, "", 1)
    assert "is no" in errors


@pytest.mark.parametrize("content", ["{", "[]", "5", '{"receipts":[]}'])
async def test_a_file_without_proofs_is_told(in_hand: InHand, content: str) -> None:
    """Nothing to check is not the same as nothing wrong."""
    code, out, errors = in_hand.verify(in_hand.write("odd.json", content))

    assert (code, out, errors.count("\n")) == (1, "", 1)
