"""The house rules that a program can check: each takes one file and returns its faults, so it can be shown to bite."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("bot", "config", "intake", "storage")
FILE_LINES = 300  # lines; design, "House rules" 6
FUNCTION_LINES = 40  # lines; design, "House rules" 6
TURN_LINES = 100  # lines of bot/turn.py, for ever; design, "Four rooms"
VAGUE_NAMES = frozenset(
    {"util", "utils", "helper", "helpers", "manager", "managers", "base", "common", "misc"}
)
CHANNELS = ("delivery", "staff", "telegram", "web")
VALIDATORS = frozenset({"phonenumbers", "email_validator", "stdnum", "pydantic", "pydantic_core"})
IMPURE = re.compile(
    r"""(?x)  # modules of the standard library that reach outside
    (?: _thread| asyncio| builtins| concurrent| ctypes| fileinput| ftplib| getpass| glob| http| imaplib|
        importlib| io| logging| multiprocessing| os| pathlib| platform| queue| random| runpy| sched|
        secrets| select| selectors| shelve| shutil| signal| smtplib| socket| socketserver| sqlite3| ssl|
        subprocess| sys| syslog| tempfile| threading| time| urllib\.request| uuid )(?:\.|$)"""
)
IMPURE_CALLS = frozenset(
    {"now", "utcnow", "today", "open", "input", "print", "uuid1", "uuid4", "__import__", "eval", "exec"}
)
PERSONAL = frozenset({"text", "phone", "email", "values", "answers", "token", "password", "secret"})
FOREIGN = re.compile(
    r"pypi\.(?:org|python)|python[h]osted|(?:npm|yarn)(?:js|pkg)\.(?:org|com)|deb\.debian\.|proxy\.golang\."
    r"|(?<![\w.$~])/(?:home|Users|root|work|tmp)/[\w.-]"
)
BARE_EXCUSE = re.compile(r"#\s*(?:type:\s*ignore|noqa)(?:\[[^\]]*\]|:\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?\s*$")
UNFINISHED = re.compile(r"\b(?:TO[D]O|FI[X]ME)\b|Not[I]mplementedError")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def vague_names(path: Path, tree: ast.Module) -> Iterator[str]:
    """Names say what a thing is for: no utils, helpers, manager, base or common (rule 1)."""
    for part in path.parts:
        if Path(part).stem.lower() in VAGUE_NAMES:
            yield f"{path}: `{part}` says nothing"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and re.search(r"(?:Manager|Helper|Utils?|Base)$", node.name):
            yield f"{path}:{node.lineno}: class `{node.name}` says nothing"


def long_files(path: Path, source: str) -> Iterator[str]:
    """No file is over 300 lines (rule 6), and one turn of a conversation fits on a page."""
    limit = TURN_LINES if path.as_posix() == "bot/turn.py" else FILE_LINES
    if (lines := len(source.splitlines())) > limit:
        yield f"{path}: {lines} lines, at most {limit}"


def long_functions(path: Path, tree: ast.Module) -> Iterator[str]:
    """No function is over 40 lines, its docstring and signature included (rule 6)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: `{node.name}` has {lines} lines, at most {FUNCTION_LINES}"


def silent_tests(path: Path, tree: ast.Module) -> Iterator[str]:
    """Every test states its fact in a docstring (rule 9)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        if not ast.get_docstring(node):
            yield f"{path}:{node.lineno}: `{node.name}` has no docstring"


def impure_thoughts(path: Path, tree: ast.Module) -> Iterator[str]:
    """The intake has no I/O, clock, randomness, logging or asyncio; time and ids come in as arguments (rule 2)."""
    for node in ast.walk(tree):
        for module in _imported(node, path):
            room = module.split(".")[0]
            known = room == "intake" or room in VALIDATORS or room in sys.stdlib_module_names
            if not known or IMPURE.match(module):
                yield f"{path}: imports {module}"
        if isinstance(node, ast.Call) and (name := _called(node)) in IMPURE_CALLS:
            yield f"{path}:{node.lineno}: calls {name}()"


def meeting_channels(path: Path, tree: ast.Module) -> Iterator[str]:
    """Channels never import each other; what two of them need lives beside them in bot/ (design, "Four rooms")."""
    own = _channel(path.with_suffix("").parts)
    for node in ast.walk(tree):
        for module in _imported(node, path):
            other = _channel(tuple(module.split(".")))
            if own and other and own != other:
                yield f"{path}: imports {module}"


def work_at_import(path: Path, tree: ast.Module) -> Iterator[str]:
    """Nothing happens at import: no bare call, loop or `with` at the top of a module (rule 8)."""
    for node in tree.body:
        bare_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await)
        if bare_call or isinstance(node, ast.For | ast.While | ast.With):
            yield f"{path}:{node.lineno}: runs at import"


def talkative_records(path: Path, tree: ast.Module) -> Iterator[str]:
    """A dataclass never prints what a person said: such fields are `repr=False` (rule 7)."""
    for record in _dataclasses(tree):
        if _keywords(record).get("repr") is False:
            continue
        for field in record.body:
            if not isinstance(field, ast.AnnAssign) or _says_repr_false(field.value):
                continue
            if (name := ast.unparse(field.target)) in PERSONAL:
                yield f"{path}:{field.lineno}: `{record.name}.{name}` is not repr=False"


def mutable_thoughts(path: Path, tree: ast.Module) -> Iterator[str]:
    """The intake's dataclasses are frozen and have slots (rule 7)."""
    for record in _dataclasses(tree):
        given = _keywords(record)
        if not (given.get("frozen") is True and given.get("slots") is True):
            yield f"{path}:{record.lineno}: dataclass `{record.name}` is not frozen with slots"


def unfinished(path: Path, source: str) -> Iterator[str]:
    """Nothing is left for later, and a checker is silenced only with a reason beside it."""
    for number, line in enumerate(source.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: unfinished"
        if BARE_EXCUSE.search(line):
            yield f"{path}:{number}: silences a checker without a reason"


def foreign_places(path: Path, source: str) -> Iterator[str]:
    """No file names a package registry's host or a path of somebody's machine."""
    for number, line in enumerate(source.splitlines(), 1):
        if found := FOREIGN.search(line):
            yield f"{path}:{number}: names {found.group()}"


def loose_locks(path: Path, source: str) -> Iterator[str]:
    """A lock pins every package to one version with its hashes and names no index, link or folder."""
    for entry in re.split(r"\n(?=\S)", source.replace("\\\n", " ")):
        pinned = entry.split("#")[0].strip()
        if not pinned:
            continue
        if pinned.startswith("-") or "://" in pinned or " @ " in pinned:
            yield f"{path}: names a place: {pinned[:60]}"
        elif not re.match(r"[a-z0-9.-]+==\S+", pinned) or not HASH.search(pinned):
            yield f"{path}: not pinned by hash: {pinned[:60]}"


def loose_parts(path: Path, source: str) -> Iterator[str]:
    """The lock of what checks the widget's types pins each part by its hash, and names no place either."""
    for name, entry in json.loads(source)["packages"].items():
        if "resolved" in entry:
            yield f"{path}: names a place: {entry['resolved'][:60]}"
        if name and not str(entry.get("integrity", "")).startswith("sha512-"):
            yield f"{path}: not pinned by hash: {name}"


def locked(source: str) -> set[str]:
    """Return the `name==version` pins of a lock."""
    return set(re.findall(r"^([a-z0-9.-]+==[^\s;\\]+)", source, re.MULTILINE))


def wanted(pyproject: str, *groups: str) -> set[str]:
    """Return the names of the packages that the project asks for, in the lock's spelling."""
    tables = tomllib.loads(pyproject)
    asked = [*tables["project"]["dependencies"]]
    for group in groups:
        asked += tables["dependency-groups"][group]
    return {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", one)[0]).lower() for one in asked}


def _imported(node: ast.AST, path: Path) -> list[str]:
    """Return the modules that a statement imports, in full; `from a import b` may mean the module a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    start = list(path.parts[: -node.level]) if node.level else []
    return [".".join([*start, *([node.module] if node.module else []), alias.name]) for alias in node.names]


def _channel(parts: tuple[str, ...]) -> str | None:
    """Return which channel a module of bot/ belongs to: bot/web/chat.py to web, bot/telegram_updates.py to telegram."""
    if len(parts) < 2 or parts[0] != "bot":
        return None
    return next((one for one in CHANNELS if re.match(rf"{one}(?:_|$)", parts[1])), None)


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _dataclasses(tree: ast.Module) -> Iterator[ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            "dataclass" in ast.unparse(mark) for mark in node.decorator_list
        ):
            yield node


def _keywords(record: ast.ClassDef) -> dict[str, object]:
    marks = [mark for mark in record.decorator_list if isinstance(mark, ast.Call)]
    given = [keyword for mark in marks for keyword in mark.keywords]
    return {one.arg: one.value.value for one in given if one.arg and isinstance(one.value, ast.Constant)}


def _says_repr_false(value: ast.expr | None) -> bool:
    if not isinstance(value, ast.Call):
        return False
    return any(one.arg == "repr" and ast.unparse(one.value) == "False" for one in value.keywords)
