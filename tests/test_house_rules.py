"""The house keeps its own rules, and each rule notices when it is broken."""

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from tests import house_rules as rules

T = TypeVar("T", str, ast.Module)
ROOT = Path(__file__).parent.parent
PIN = "aiohttp==3.14.5 \\\n    --hash=sha256:" + "0" * 64


def _sources(*rooms: str, ending: str = ".py") -> Iterator[tuple[Path, str]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob(f"*{ending}")):
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def _trees(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    for path, source in _sources(*rooms):
        yield path, _tree(source)


@cache  # every rule reads every file
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


def _tracked() -> Iterator[tuple[Path, str]]:
    """Return every text file that belongs to the project: what git knows, or all of an unpacked archive."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split("\0") if listed.returncode == 0 else [str(path) for path in ROOT.rglob("*.*")]
    for name in filter(None, names):
        path = ROOT / name
        if path.is_file() and b"\0" not in (body := path.read_bytes()):
            yield Path(name), body.decode("utf-8", "replace")


def _faults(rule: Callable[[Path, T], Iterable[str]], files: Iterable[tuple[Path, T]]) -> list[str]:
    return [fault for path, content in files for fault in rule(path, content)]


def test_names_say_what_a_thing_is_for() -> None:
    """No module, folder or class is called utils, helpers, manager, base or common."""
    assert _faults(rules.vague_names, _trees(*rules.ROOMS, "tests")) == []


def test_no_file_outgrows_three_hundred_lines() -> None:
    """Files stop at 300 lines, one turn of a conversation at 100; migrations and vendored files are exempt."""
    written = [
        *_sources(*rules.ROOMS, "tests"),
        *_sources("bot", ending=".js"),
        *_sources("bot", ending=".css"),
    ]

    assert (
        _faults(rules.long_files, (one for one in written if not {"migrations", "vendor"} & {*one[0].parts}))
        == []
    )


def test_no_line_of_the_widget_is_squeezed() -> None:
    """Lines stop at 120 characters, as in Python: a file under 300 lines is one that can be read."""
    found = [
        f"{path.name}:{number}"
        for path in sorted((ROOT / "bot" / "widget").glob("*.js"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > 120
    ]

    assert found == []


def test_no_function_outgrows_forty_lines() -> None:
    """Functions of the four rooms stop at 40 lines; migrations, which are lists of columns, are exempt."""
    written = (one for one in _trees(*rules.ROOMS) if "migrations" not in one[0].parts)

    assert _faults(rules.long_functions, written) == []


def test_every_test_states_its_fact() -> None:
    """Every test has a docstring."""
    assert _faults(rules.silent_tests, _trees("tests")) == []


def test_the_intake_only_thinks() -> None:
    """Nothing in intake/ imports or calls a clock, randomness, logging, asyncio or I/O."""
    assert _faults(rules.impure_thoughts, _trees("intake")) == []


def test_channels_do_not_meet() -> None:
    """Web, Telegram, delivery and the staff console import nothing of each other."""
    assert _faults(rules.meeting_channels, _trees("bot")) == []


def test_the_intake_is_frozen() -> None:
    """Every dataclass of intake/ is frozen and has slots."""
    assert _faults(rules.mutable_thoughts, _trees("intake")) == []


def test_nothing_happens_at_import() -> None:
    """No module of the four rooms runs anything when it is imported; alembic's own env.py is run, not imported."""
    imported = (one for one in _trees(*rules.ROOMS) if one[0].name not in {"__main__.py", "env.py"})

    assert _faults(rules.work_at_import, imported) == []


def test_records_do_not_print_what_a_person_said() -> None:
    """Personal fields of dataclasses are repr=False; the company's own address in intake/rules.py is public."""
    personal = (one for one in _trees(*rules.ROOMS) if one[0].as_posix() != "intake/rules.py")

    assert _faults(rules.talkative_records, personal) == []


def test_nothing_is_left_for_later() -> None:
    """No file of the project is unfinished, and checkers are silenced only with a reason."""
    assert _faults(rules.unfinished, _sources(*rules.ROOMS, "tests")) == []


def test_no_file_names_a_registry_or_a_machine() -> None:
    """No tracked file holds a package registry's host or a path of the machine it was written on."""
    assert _faults(rules.foreign_places, _tracked()) == []


def test_locks_pin_every_package_by_hash() -> None:
    """Each lock names packages, versions and hashes, and no place to fetch them from."""
    assert _faults(rules.loose_locks, _sources("requirements", ending=".txt")) == []
    assert _faults(rules.loose_parts, _sources("requirements", ending="-lock.json")) == []


def test_locks_hold_what_the_project_asks_for() -> None:
    """Both locks cover pyproject.toml, and what runs in production is what was tested."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    run = rules.locked((ROOT / "requirements/run.txt").read_text(encoding="utf-8"))
    dev = rules.locked((ROOT / "requirements/dev.txt").read_text(encoding="utf-8"))

    assert rules.wanted(pyproject) <= {pin.split("==")[0] for pin in run}
    assert rules.wanted(pyproject, "test", "check") <= {pin.split("==")[0] for pin in dev}
    assert run <= dev


@pytest.mark.parametrize(
    ("rule", "path", "broken"),
    [
        (rules.vague_names, "bot/utils.py", ""),
        (rules.vague_names, "storage/common/keys.py", ""),
        (rules.vague_names, "bot/desk.py", "class DeskManager: pass"),
        (rules.long_functions, "bot/desk.py", "def talk():\n" + "    pass\n" * 40),
        (rules.silent_tests, "tests/test_desk.py", "async def test_forgetting(): assert True"),
        (rules.impure_thoughts, "intake/engine.py", "import random"),
        (rules.impure_thoughts, "intake/engine.py", "from sqlalchemy import select"),
        (rules.impure_thoughts, "intake/engine.py", "from storage.records import Turn"),
        (rules.impure_thoughts, "intake/engine.py", "def step(): return datetime.now(UTC)"),
        (rules.meeting_channels, "bot/web/chat.py", "from bot.telegram_channel import send"),
        (rules.meeting_channels, "bot/staff/inbox.py", "from bot import delivery"),
        (rules.meeting_channels, "bot/staff/inbox.py", "from ..web import pages"),
        (rules.mutable_thoughts, "intake/events.py", "@dataclass(frozen=True)\nclass Said: pass"),
        (rules.mutable_thoughts, "intake/events.py", "@dataclass\nclass Said: pass"),
        (rules.work_at_import, "bot/desk.py", "configure_logging()"),
        (rules.talkative_records, "bot/desk.py", "@dataclass\nclass Lead:\n    phone: str"),
        (
            rules.talkative_records,
            "bot/desk.py",
            "@dataclass\nclass Lead:\n    phone: str = field(default='')",
        ),
    ],
)
def test_a_rule_notices_a_module_that_breaks_it(
    rule: Callable[[Path, ast.Module], Iterable[str]], path: str, broken: str
) -> None:
    """Each rule about code finds exactly one fault in the smallest module that breaks it."""
    assert len(list(rule(Path(path), ast.parse(broken)))) == 1


@pytest.mark.parametrize(
    ("rule", "path", "broken"),
    [
        (rules.long_files, "bot/desk.py", "pass\n" * 301),
        (rules.long_files, "bot/turn.py", "pass\n" * 101),
        (rules.unfinished, "bot/desk.py", "pass  # TO" + "DO: later"),
        (rules.unfinished, "bot/desk.py", "pass  # no" + "qa: E501"),
        (rules.unfinished, "bot/desk.py", "pass  # type: " + "ignore[arg-type]"),
        (rules.foreign_places, "README.md", "see https://pypi" + ".org/"),
        (rules.foreign_places, "Makefile", "cd /home" + "/somebody/askfirst"),
        (rules.loose_locks, "requirements/run.txt", "--index-url https://example.com/simple\n" + PIN),
        (rules.loose_locks, "requirements/run.txt", "-e .\n" + PIN),
        (rules.loose_locks, "requirements/run.txt", "aiohttp==3.14.5\n" + PIN),
        (rules.loose_locks, "requirements/run.txt", PIN.replace("==", ">=")),
        (rules.loose_locks, "requirements/run.txt", PIN.replace("==3.14.5", " @ file:///srv/aiohttp.whl")),
        (rules.loose_parts, "requirements/package-lock.json", '{"packages": {"node_modules/x": {}}}'),
        (
            rules.loose_parts,
            "requirements/package-lock.json",
            '{"packages": {"node_modules/x": {"resolved": "https://example.com/x", "integrity": "sha512-x"}}}',
        ),
    ],
)
def test_a_rule_notices_a_file_that_breaks_it(
    rule: Callable[[Path, str], Iterable[str]], path: str, broken: str
) -> None:
    """Each rule about text finds exactly one fault in the smallest file that breaks it."""
    assert len(list(rule(Path(path), broken))) == 1


def test_rules_let_good_code_pass() -> None:
    """What the rules ask for is accepted: purity, frozen records, silence about persons, a reasoned exception."""
    good = (
        '"""Think."""\nfrom datetime import datetime\nimport phonenumbers\nfrom intake.events import Said\n'
        "@dataclass(frozen=True, slots=True)\nclass Heard:\n    text: str = field(default='', repr=False)\n"
    )
    tree = ast.parse(good)
    checks = (rules.impure_thoughts, rules.mutable_thoughts, rules.work_at_import, rules.talkative_records)

    assert [fault for check in checks for fault in check(Path("intake/heard.py"), tree)] == []
    assert (
        list(rules.unfinished(Path("bot/desk.py"), "pass  # type: " + "ignore[misc]  # untyped library"))
        == []
    )
    assert list(rules.loose_locks(Path("requirements/run.txt"), PIN)) == []
