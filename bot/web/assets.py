"""Files that never change while the process runs: read once, packed once, answered with an ETag."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


class Widget:
    """The loader at one address for ever, and its parts at addresses that change with their contents."""

    def __init__(self, folder: Path) -> None:
        """Read the widget's files."""
        self._parts = read_assets(folder)
        loader = self._parts.pop("widget.js")
        self._version = version_of(self._parts.values())
        named = loader.body.replace(b'"widget/0/"', f'"widget/{self._version}/"'.encode())
        self._loader = Asset.of(named, ".js")

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
