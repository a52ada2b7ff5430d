"""Files that never change while the process runs: read once, packed once, answered with an ETag."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import rcssmin
import rjsmin
from aiohttp import hdrs, web

TYPES: Mapping[str, str] = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
WIDGET_FOR_ALL: Mapping[str, str] = {  # the widget's files hold nothing of anybody: every page may load them
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
SOON = "public, max-age=300"  # seconds: a new version reaches every page within five minutes
FOR_EVER = "public, max-age=31536000, immutable"  # seconds: a year; the address changes with the content
REVALIDATE = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, ready to be sent."""

    body: bytes = field(repr=False)
    packed: bytes = field(repr=False)
    etag: str
    content_type: str

    @classmethod
    def of(cls, body: bytes, suffix: str) -> Asset:
        """Return the asset of `body`; the same bytes have the same ETag in every process."""
        packed = gzip.compress(body, mtime=0)
        return cls(body, packed, f'"{hashlib.sha256(body).hexdigest()[:20]}"', TYPES[suffix])

    def answer(
        self, request: web.Request, caching: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """Return the file, packed where the client takes that; 304 where it has it already."""
        carried = {"ETag": self.etag, "Cache-Control": caching, "Vary": "Accept-Encoding", **(headers or {})}
        known = request.headers.get(hdrs.IF_NONE_MATCH, "")
        if self.etag in {one.strip().removeprefix("W/") for one in known.split(",")}:
            return web.Response(status=304, headers=carried)
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            carried["Content-Encoding"] = "gzip"
            return web.Response(
                body=self.packed, headers=carried, content_type=self.content_type, charset="utf-8"
            )
        return web.Response(body=self.body, headers=carried, content_type=self.content_type, charset="utf-8")


def read_assets(folder: Path) -> dict[str, Asset]:
    """Return the assets of a folder by file name."""
    files = sorted(path for path in folder.iterdir() if path.suffix in TYPES)
    return {path.name: Asset.of(path.read_bytes(), path.suffix) for path in files}


def version_of(assets: Iterable[Asset]) -> str:
    """Return a name for exactly these contents."""
    return hashlib.sha256("".join(asset.etag for asset in assets).encode()).hexdigest()[:12]


# The widget's modules and their looks travel together: one parcel opens the panel, one talks, one is for
# networks without WebSockets. One round trip each.
PARCELS: Mapping[str, tuple[str, ...]] = {
    "panel.js": ("elements.js", "words.js", "shell.js", "panel.js"),
    "polling.js": ("polling.js",),
    "talk.js": (
        *("unsent.js", "opening.js", "socket.js", "link.js", "connection.js", "sayings.js", "transcript.js"),
        *("cards.js", "counter.js", "inputs.js", "remember.js", "mydata.js", "certificate.js", "visit.js"),
        *("banner.js", "keys.js", "question.js", "conversation.js", "talk.js"),
    ),
}
# for V8: compile it all while it arrives, beside the page's own thread
EAGERLY = "//# allFunctionsCalledOnLoad\n"
_IMPORTS = re.compile(r'^(?:im|ex)port \{([^}]*)\} from "\./([\w.]+)";\n', re.MULTILINE)
_LOOKS = re.compile(r'^import (\w+) from "\./([\w.]+\.css)" with \{ type: "css" \};\n', re.MULTILINE)


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def _minified(module: str) -> str:
    return str(rjsmin.jsmin(module))


def _dressed(folder: Path, text: str) -> str:
    """Put the style sheets that a module imports into it: not every browser can import them yet."""

    def sheet(found: re.Match[str]) -> str:
        css = json.dumps(rcssmin.cssmin(_read(folder, found[2])), ensure_ascii=False)
        return f"const {found[1]} = new CSSStyleSheet();\n{found[1]}.replaceSync({css});\n"

    return _LOOKS.sub(sheet, text)


def parcel(folder: Path, name: str) -> str:
    """Return the modules of a parcel as one module; imports lead to the parcel that has what they name.

    Comments and idle space stay at home.
    """
    home = {module: other for other, modules in PARCELS.items() for module in modules}
    texts = [_read(folder, module) for module in PARCELS[name]]
    wanted = [found for text in texts for found in _IMPORTS.finditer(text) if home[found[2]] != name]
    imports = {
        (one.strip(), home[found[2]]): None for found in wanted for one in found[1].split(",") if one.strip()
    }
    lines = [f'import {{ {one} }} from "./{there}";\n' for one, there in imports]
    code = [*lines, *(_dressed(folder, _IMPORTS.sub("", text)) for text in texts)]
    return EAGERLY + _minified("".join(code))


def loader(folder: Path, version: str) -> str:
    """Return what a page fetches first; it fetches the parts from addresses of this version."""
    return _minified(_read(folder, "widget.js").replace("widget/0/", f"widget/{version}/"))


class Widget:
    """The loader at one address for ever, and its parts at addresses that change with their contents."""

    def __init__(self, folder: Path) -> None:
        """Read the widget's files and pack them."""
        self._parts = {name: Asset.of(parcel(folder, name).encode(), ".js") for name in PARCELS}
        self._version = version_of(self._parts.values())
        self._loader = Asset.of(loader(folder, self._version).encode(), ".js")

    async def loader(self, request: web.Request) -> web.Response:
        """`GET /widget.js`."""
        return self._loader.answer(request, SOON, WIDGET_FOR_ALL)

    async def part(self, request: web.Request) -> web.Response:
        """`GET /widget/{version}/{name}`; a page with an older loader gets today's parts, and does not keep them."""
        part = self._parts.get(request.match_info["name"])
        if part is None:
            raise web.HTTPNotFound
        caching = FOR_EVER if request.match_info["version"] == self._version else REVALIDATE
        return part.answer(request, caching, WIDGET_FOR_ALL)


@cache
def widget_of(folder: Path) -> Widget:
    """Return the widget whose files are in a folder: read and packed once, for every desk in this process."""
    return Widget(folder)
