"""The documents say what is there: every setting, command, metric, address, module and proof, and nothing else."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from aiohttp import web

from bot import running
from bot.__main__ import parser
from bot.desk import Desk
from bot.metrics import Metrics
from bot.telegram_channel import TelegramChannel
from bot.web.app import make_app
from bot.web.openapi import document
from config.load import load
from config.settings import Settings
from storage.copies.backup import BACKED_UP
from storage.copies.restoring import RESTORED
from storage.evidence.audit import COMMAND, DESK, OFFICER, PERSON
from storage.rekeying.retiring import ATTESTED
from storage.rekeying.rotation import ROTATED
from storage.sales.leads import HANDLED
from storage.turn.saying import ANSWERED
from tests import house_rules
from tests.documents import (
    ROOT,
    Address,
    codes,
    commands,
    documents,
    labelled,
    page,
    rows,
    section,
    slug,
    sources,
    written,
)
from tests.house import CONFIG, settings

OBLIGATIONS = {f"S{n}" for n in range(1, 29)} | {f"L{n}" for n in range(1, 16)}


def test_every_setting_is_listed_with_its_default() -> None:
    """Each variable that settings.py reads stands in operations.md with its default, and no other does."""
    tree = ast.parse((ROOT / "config/settings.py").read_text("utf-8"))
    readers = {"_text", "_url", "_one_of"}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    names = (
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in readers
        and isinstance(call.args[0], ast.Constant)
    )
    read = Settings.from_environment({})
    field = {"ASKFIRST_VAR": "var", "ASKFIRST_ENV": "env", "ASKFIRST_CONFIG": "config_dir"}
    defaults = {str(name): getattr(read, field.get(str(name), str(name).lower())) for name in names}

    listed = {
        codes(name)[0]: "".join(codes(default))
        for name, default, _ in rows(section(page("operations.md"), "## Environment"))
    }

    assert listed == {name: str(int(one) if one in (True, False) else one) for name, one in defaults.items()}


def test_the_environment_is_read_in_one_place() -> None:
    """No other module looks into the environment, so that the list is whole."""
    looks = [
        path.relative_to(ROOT).as_posix()
        for room in house_rules.ROOMS
        for path, tree in sources(room)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    ]

    assert looks == ["bot/__main__.py"]


def test_every_command_is_listed_with_its_options() -> None:
    """Each command of the parser stands in operations.md with its options, and no other does."""
    listed = {}
    for command, does in rows(section(page("operations.md"), "## Commands")):
        words = re.match(r"[a-z]+(?: [a-z]+)*", codes(command)[0])
        assert words, command
        listed[words.group()] = set(re.findall(r"--[a-z-]+", f"{command} {does}"))

    assert listed == dict(commands(parser()))


def test_every_metric_is_listed() -> None:
    """What /metrics shows stands in operations.md and in the contract, with the same labels."""
    table = rows(section(page("operations.md"), "## Metrics"))
    families = Metrics().registry.collect()

    listed = {codes(name)[0]: tuple(codes(labels)) for name, labels, _ in table}

    assert set(listed) == {one.name + "_total" * (one.type == "counter") for one in families}
    assert listed == labelled(section(page("contract.md"), "## Metrics"))


def test_every_log_event_is_listed() -> None:
    """What an operator may find in a log is explained, with its level, and nothing that is never logged."""
    calls = (node for _, tree in sources("bot") for node in ast.walk(tree) if isinstance(node, ast.Call))
    logged = {
        (ast.literal_eval(call.args[0]), call.func.attr)
        for call in calls
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "_log"
    }

    listed = {(codes(event)[0], level) for event, level, _ in rows(section(page("operations.md"), "## Logs"))}

    assert listed == logged


@pytest.fixture
async def addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[Address]:
    """Method and path of everything that the web role answers, Telegram's webhook included."""
    made: list[web.Application] = []

    def noted(desk: Desk) -> web.Application:
        made.append(make_app(desk))
        return made[0]

    monkeypatch.setattr(running, "make_app", noted)
    telegram = {"TELEGRAM_BOT_TOKEN": "1:invented", "TELEGRAM_WEBHOOK": "1"}
    chosen = settings(tmp_path, f"sqlite:///{tmp_path}/d.db", f"sqlite:///{tmp_path}/keys/k.db", **telegram)
    async with running.open_desk(chosen, load(CONFIG), migrate=True) as desk:
        channel = TelegramChannel(desk)
        async with running.web_role(desk, channel, port=0):
            routes = [(one.method, one.resource.canonical) for one in made[0].router.routes() if one.resource]
        await channel.stop()
    return {(method, path) for method, path in routes if method != "HEAD"}


def test_every_address_is_in_the_contract(addresses: set[Address]) -> None:
    """What answers stands in docs/contract.md, or among what nobody may rely on; and nothing else stands there."""
    contract = page("contract.md")
    promised = written(contract, addresses, bare=False)
    promised |= written(section(contract, "## Other addresses"), addresses, bare=True)
    ours = written(
        section(page("architecture.md"), "## Addresses that nobody may rely on"), addresses, bare=False
    )

    assert promised | ours == addresses
    assert not promised & ours


def test_every_address_of_the_api_is_in_its_document(addresses: set[Address]) -> None:
    """/openapi.json describes each route of the API, and no other."""
    described = {(method.upper(), path) for path, calls in document()["paths"].items() for method in calls}

    assert {one for one in described if one[1].startswith("/api/")} == {
        one for one in addresses if one[1].startswith("/api/")
    }


@cache
def proofs() -> dict[str, str]:
    """Return the docstring of every test by file and name."""
    return {
        f"{path.name}::{node.name}": ast.get_docstring(node) or ""
        for path, tree in sources("tests")
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def ids(text: str) -> set[str]:
    """Return the obligations that a text names."""
    return set(re.findall(r"\b[SL][0-9]{1,2}\b", text))


def test_who_and_what_stands_in_the_audit_is_explained() -> None:
    """Every kind of actor, and every line that is about nobody."""
    told = section(page("audit.md"), "## What a row says")
    kinds = {codes(actor)[0] for actor, _ in rows(told) if codes(actor)}

    assert kinds == {PERSON, OFFICER, COMMAND, DESK, "staff:<id>", "recipient:<id>"}
    assert {ROTATED, ATTESTED, BACKED_UP, RESTORED, HANDLED, ANSWERED} <= {*codes(told)}


def test_every_obligation_is_listed() -> None:
    """Each ID once, in order, with a proof or the words "not yet"."""
    table = rows(page("obligations.md"))

    assert [row[0] for row in table] == sorted(OBLIGATIONS, key=lambda one: (one[0] == "L", int(one[1:])))
    for row in table:
        assert len(row) == 4, row[0]
        assert (row[3] == "not yet") != bool(codes(row[3])), row[0]
        assert row[3] != "not yet" or row[2].startswith("not yet"), row[0]


def test_every_proof_exists_and_carries_its_obligation() -> None:
    """A test that is named as a proof says in its docstring which obligation it proves."""
    for name, _, _, cell in rows(page("obligations.md")):
        for proof in codes(cell):
            assert name in ids(proofs().get(proof, "")), f"{name}: {proof}"


def test_every_test_that_a_document_names_exists() -> None:
    """The threat model says of each line which test shows it."""
    named = {
        one
        for path in documents()
        for one in re.findall(r"`(test_\w+\.py::test_\w+)`", path.read_text("utf-8"))
    }

    assert named - proofs().keys() == set()


def test_no_test_claims_an_obligation_that_is_none() -> None:
    """IDs in docstrings are IDs of the list."""
    assert {
        proof: ids(text) - OBLIGATIONS for proof, text in proofs().items() if ids(text) - OBLIGATIONS
    } == {}


def mapped() -> tuple[set[str], set[str]]:
    """Return the modules and the other folders on the map of architecture.md."""
    modules: set[str] = set()
    map_ = section(page("architecture.md"), "## The map")
    for folder in re.findall(r"^### `(.+/)`$", map_, flags=re.MULTILINE):
        modules |= {f"{folder}{codes(name)[0]}" for name, _ in rows(section(map_, f"### `{folder}`"))}
    return modules, {codes(name)[0] for name, _ in rows(section(map_, "### Folders without modules"))}


def test_every_module_is_on_the_map() -> None:
    """Each module and folder of the four rooms has its line, and each line its module or folder."""
    modules, folders = mapped()
    below = (path for room in house_rules.ROOMS for path in (ROOT / room).rglob("*.*") if path.is_file())
    files = {path.relative_to(ROOT).as_posix() for path in below if "__pycache__" not in path.parts}
    python = {name for name in files if name.endswith(".py") and not name.endswith("__init__.py")}
    packages = {f"{Path(name).parent}/" for name in files if name.endswith(".py")}

    assert modules == python
    for name in files - python:
        assert f"{Path(name).parent}/" in packages or any(name.startswith(one) for one in folders), name
    assert [one for one in folders if not any(name.startswith(one) for name in files)] == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link and picture of a document exists, its heading included."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = path.parent / name if name else path
        assert found.exists(), target
        headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), flags=re.MULTILINE) if anchor else []
        assert not anchor or anchor in map(slug, headings), target


def test_every_make_command_exists() -> None:
    """README's two commands, and whatever else a document tells to `make`, are targets of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    told = {
        path: re.findall(r"(?:`|^\$ )make ([a-z]+)", path.read_text("utf-8"), re.MULTILINE)
        for path in documents()
    }

    assert {"run", "test"} <= {*told[ROOT / "README.md"]}
    assert {one for names in told.values() for one in names} <= targets


def test_no_document_names_a_registry_or_a_machine() -> None:
    """Documents hold nothing of where they were written or fetched from."""
    faults = [
        fault
        for path in documents()
        for fault in house_rules.foreign_places(path.relative_to(ROOT), path.read_text("utf-8"))
    ]

    assert faults == []


def test_every_command_line_of_the_documents_is_understood() -> None:
    """What stands behind a prompt is a command with options that exist: nobody copies a line that is refused."""
    prompts = re.findall(r"^\$ askfirst (.+)$", page("operations.md"), flags=re.MULTILINE)

    assert prompts
    for line in prompts:
        parser().parse_args(shlex.split(line.partition(">")[0], comments=True))
