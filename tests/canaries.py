"""Canaries: invented details that must stand nowhere in the clear, in whatever form, and the search for them."""

from __future__ import annotations

import base64
import gzip
import html
import json
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

LATIN = "Kanarivogel"  # stands in every Latin canary, and in no program and no dictionary of one
CHINESE = "金丝雀"  # the same in Chinese
ID_NUMBER = "11010519491231002X"  # the example of the standard, GB 11643-1999
BANK_CARDS = ("4111111111111111", "5555555555554444")  # what card schemes publish for tests
CREDIT_CODE = "91350100M000100Y43"  # the example of python-stdnum's documentation
FORBIDDEN = (ID_NUMBER, *BANK_CARDS)
CODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
GZIP = b"\x1f\x8b\x08"  # RFC 1952 §2.3.1
WHOLE_NUMBER_MIN = 2**32  # a smaller one stands anywhere by chance
END = -1  # no byte: a needle ends here
Tree = dict[int, "Tree"]
_EMPTY = re.compile(rb"\0{64,}")  # what databases have set aside, and slow to search
_FOLDS = re.compile(rb"=?\r?\n[ \t]?")  # where mails and dumps break long lines

# What a person types, field by field; numbers and domains are reserved or plainly invented.
DETAILS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "name": f"Wen {LATIN}",
        "company": f"{LATIN} Valves Ltd",
        "phone": "+86 138 0000 4711",
        "email": f"wen.{LATIN.lower()}@example.com",
        "position": f"Head of {LATIN} piping",
        "need": f"Does the gateway read {LATIN} meters over Modbus?",
        "address": f"1 {LATIN} Road, Hangzhou",
        "credit_code": CREDIT_CODE,
    },
    "zh-CN": {
        "name": f"{CHINESE}文",
        "company": f"{CHINESE}阀门示例有限公司",
        "phone": "13800004712",
        "email": f"li.{LATIN.lower()}@example.com",
        "position": f"{CHINESE}管道主管",
        "need": f"网关能不能读取{CHINESE}电表？",
        "address": f"杭州市{CHINESE}路 1 号",
        "credit_code": CREDIT_CODE,
    },
}


def written(value: str) -> set[str]:
    """Return how a value may be written: as it is, and a number in the ways of people and programs."""
    bare = "".join(value.split())
    digits = bare.lstrip("+")
    if not digits.rstrip("X").isdigit():
        return {value}
    ways = {value, bare, digits, _in_groups(digits, 4)}
    if digits.startswith("86") or len(digits) == 11:
        mobile = digits[-11:]
        parts = mobile[:3], mobile[3:7], mobile[7:]
        ways |= {mobile, f"+86{mobile}", *(sign.join(parts) for sign in " -.")}
    return ways


def odd_ways(value: str) -> set[str]:
    """Return how a mobile number may be written besides: by those who mean to hide it, too."""
    mobile = "".join(filter(str.isdigit, value))[-11:]
    if not re.fullmatch(r"\+?[\d ]+", value) or not mobile.startswith("1") or len(mobile) != 11:
        return set()
    first, second, third = mobile[:3], mobile[3:7], mobile[7:]
    return {
        mobile[::-1],
        f"0086{mobile}",
        f"+86-{first}-{second}-{third}",
        f"({first}) {second} {third}",
        f"({first}){second}-{third}",
        f"{first}/{second}/{third}",
        " ".join(mobile),
        "-".join(mobile),
        mobile.translate(FULL_WIDTH),
    }


def forms(value: str) -> set[bytes]:
    """Return the bytes by which a value would betray itself, whatever the case of Latin letters in them."""
    found: set[bytes] = set()
    for text in written(value):
        raws = [text.encode(coding) for coding in CODINGS]
        found.update(raws)
        found.update(raw.hex().encode() for raw in raws)
        found.update(form.encode() for form in _escaped(text))
    for text in odd_ways(value):
        found.update((text.encode(), text.encode("utf-16-le"), *(form.encode() for form in _escaped(text))))
    found.update(_as_number(value))
    return {form.lower() for form in found}


def packed(value: str) -> set[bytes]:
    """Return what of a value is the same wherever it stands in a longer text that is base64, with cases kept."""
    texts = {way for text in written(value) for way in (text, text.lower(), text.upper())}
    raws = {text.encode(coding) for text in texts for coding in CODINGS}
    return {form for raw in raws for form in _base64(raw)}


def _escaped(text: str) -> Iterator[str]:
    """Yield a text as JSON, URLs, HTML, mails, programs and PostgreSQL escape it."""
    yield json.dumps(text)[1:-1]
    yield quote(text)
    yield quote(text, safe="")
    yield quote(text).replace("%20", "+")
    yield html.escape(text)
    yield "".join(sign if sign.isascii() else f"&#{ord(sign)};" for sign in text)
    yield "".join(sign if sign.isascii() else f"&#x{ord(sign):x};" for sign in text)
    yield quopri.encodestring(text.encode()).decode().replace("=\n", "")
    yield repr(text.encode())[2:-1]
    yield "".join(chr(byte) if byte < 0x80 else f"\\{byte:03o}" for byte in text.encode())


def _in_groups(digits: str, size: int) -> str:
    return " ".join(digits[place : place + size] for place in range(0, len(digits), size))


def _as_number(value: str) -> Iterator[bytes]:
    """Yield a number as SQLite and PostgreSQL store whole numbers."""
    for digits in filter(str.isdigit, written(value)):
        if WHOLE_NUMBER_MIN <= int(digits) < 2**63:
            yield int(digits).to_bytes(8, "little")
            yield int(digits).to_bytes(6 if int(digits) < 2**47 else 8)


def _base64(raw: bytes) -> Iterator[bytes]:
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        inner = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


class Search:
    """Looks for canaries in bytes and files; `hits` says where one stands, never what it is."""

    def __init__(self, canaries: Iterable[str]) -> None:
        """Prepare every form of every canary."""
        values = list(canaries)
        self._forms = {form: place for place, value in enumerate(values) for form in forms(value)}
        self._packed = {form: place for place, value in enumerate(values) for form in packed(value)}
        self._any_form, self._any_packed = _any_of(self._forms), _any_of(self._packed)

    def hits(self, name: str, content: bytes) -> list[str]:
        """Return which canaries stand in `content`, by their place in the list; broken lines are put together."""
        found: set[int] = set()
        for shown in {content} if b"\0" in content else {content, _FOLDS.sub(b"", content)}:
            found |= {self._forms[one] for one in self._any_form.findall(shown.lower())}
            found |= {self._packed[one] for one in self._any_packed.findall(shown)}
        return sorted(f"{name}: canary {place}" for place in found)

    def in_files(self, folder: Path, *, since: float = 0.0) -> list[str]:
        """Return the hits in every file under a folder, their names included, that was written after `since` (Unix)."""
        found: list[str] = []
        for path in sorted(folder.rglob("*")):
            found += self.hits("a file's name", path.name.encode())
            if path.is_file() and path.stat().st_mtime >= since:
                found += self.hits(str(path), _EMPTY.sub(b"\0", _content(path)))
        return found


def _any_of(needles: Iterable[bytes]) -> re.Pattern[bytes]:
    """Return a pattern of all needles, a tree of their bytes: one pass finds them all, several times as fast."""
    tree: Tree = {}
    for needle in needles:
        branch = tree
        for byte in needle:
            branch = branch.setdefault(byte, {})
        branch[END] = {}
    return re.compile(_pattern(tree), re.DOTALL)


def _pattern(tree: Tree) -> bytes:
    if END in tree:
        return b""
    ways = [re.escape(bytes([byte])) + _pattern(branch) for byte, branch in tree.items()]
    return ways[0] if len(ways) == 1 else b"(?:" + b"|".join(ways) + b")"


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content.startswith(GZIP) else content
