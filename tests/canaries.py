"""Canaries: invented details that must stand nowhere in the clear, in whatever form, and the search for them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

LATIN = "Kanarivogel"  # stands in every Latin canary, and in no program and no dictionary of one
CHINESE = "金丝雀"  # the same in Chinese
ID_NUMBER = "11010519491231002X"  # the example of the standard, GB 11643-1999
BANK_CARDS = ("4111111111111111", "5555555555554444")  # what card schemes publish for tests
FORBIDDEN = (ID_NUMBER, *BANK_CARDS)
_EMPTY = re.compile(rb"\0{64,}")  # what databases have set aside, and slow to search

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
    },
    "zh-CN": {
        "name": f"{CHINESE}文",
        "company": f"{CHINESE}阀门示例有限公司",
        "phone": "13800004712",
        "email": f"li.{LATIN.lower()}@example.com",
        "position": f"{CHINESE}管道主管",
        "need": f"网关能不能读取{CHINESE}电表？",
        "address": f"杭州市{CHINESE}路 1 号",
    },
}


def written(value: str) -> set[str]:
    """Return how a value may be written: as it is, in capitals or small letters, a number with and without spaces."""
    ways = {value, value.upper(), value.lower(), value.casefold()}
    bare = "".join(value.split())
    if bare.lstrip("+").rstrip("X").isdigit():
        digits = bare.lstrip("+")
        ways |= {bare, digits, " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))}
        if digits.startswith("86") or len(digits) == 11:
            mobile = digits[-11:]
            ways |= {
                mobile,
                f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}",
                f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}",
            }
    return ways


def forms(value: str) -> set[bytes]:
    """Return the bytes by which a value would betray itself in a file."""
    found: set[bytes] = set()
    for text in written(value):
        raws = [text.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030")]
        found.update(raws)
        escaped = json.dumps(text)[1:-1]
        quoted = quote(text)
        for ascii_form in (escaped, escaped.upper(), quoted, quoted.lower(), quoted.replace("%20", "+")):
            found.add(ascii_form.encode())
        for raw in raws:
            found.update((raw.hex().encode(), raw.hex().upper().encode()))
            found.update(_base64(raw))
    return found


def _base64(raw: bytes) -> Iterator[bytes]:
    """Yield what of `raw` is the same wherever it stands in a longer text that is encoded as a whole."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        inner = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


class Search:
    """Looks for canaries in bytes and files; `hits` says where one stands, never what it is."""

    def __init__(self, canaries: Iterable[str]) -> None:
        """Prepare every form of every canary."""
        self._needles = {needle: place for place, value in enumerate(canaries) for needle in forms(value)}

    def hits(self, name: str, content: bytes) -> list[str]:
        """Return which canaries stand in `content`, by their place in the list."""
        return sorted(
            {f"{name}: canary {place}" for needle, place in self._needles.items() if needle in content}
        )

    def in_files(self, folder: Path, *, since: float = 0.0) -> list[str]:
        """Return the hits in every file under a folder, their names included, that was written after `since` (Unix)."""
        found: list[str] = []
        for path in sorted(folder.rglob("*")):
            found += self.hits("a file's name", path.name.encode())
            if path.is_file() and path.stat().st_mtime >= since:
                found += self.hits(str(path), _EMPTY.sub(b"\0", path.read_bytes()))
        return found
