"""A whole desk for tests: real storage, real routes on a real port, up and down as often as a journey wants."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack
from datetime import date
from functools import cache
from pathlib import Path

from bot.desk import Desk
from bot.running import open_desk, web_role
from config.load import Loaded, load
from config.settings import Settings
from storage.sources import Sources

CONFIG = Path(__file__).parent.parent / "config"
NEXT = """version = "next"
published_on = {published}
effective_on = {effective}
changes = {{ en = "The phone may be kept longer.", zh-CN = "电话号码的保存时间更长。" }}
major = ["use"]
reduces_rights = false
"""


@cache
def shipped() -> Loaded:
    """Return the configuration that ships. It is frozen: tests may share it."""
    return load(CONFIG)


def two_versions(folder: Path, *, published: date, effective: date) -> Loaded:
    """Return the shipped configuration with one more policy version, whose texts differ in one sentence."""
    shutil.copytree(CONFIG, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    current, fresh = folder / "policy" / "2026-11", folder / "policy" / "next"
    shutil.copytree(current, fresh)
    (fresh / "policy.toml").write_text(
        NEXT.format(published=published, effective=effective), encoding="utf-8"
    )
    for name, old, new in (("en.md", "## In short", "## Quite shortly"), ("zh-CN.md", "##", "## 新")):
        text = (current / name).read_text(encoding="utf-8")
        (fresh / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return load(folder)


def settings(var: Path, data_url: str, keyring_url: str, **more: str) -> Settings:
    """Return the settings of a development desk that lives in `var`."""
    environment = {
        "ASKFIRST_VAR": str(var),
        "DATABASE_URL": data_url,
        "KEYRING_URL": keyring_url,
        "ASKFIRST_CONFIG": str(CONFIG),
        **more,
    }
    return Settings.from_environment(environment)


class House:
    """A desk that can be started and stopped; `url` is where it answers."""

    def __init__(
        self, chosen: Settings, loaded: Loaded | None = None, sources: Sources | None = None
    ) -> None:
        """Nothing is opened before `start`. `sources` replace clock, ids and randomness."""
        self.settings = chosen
        self.sources = sources or Sources()
        self.loaded = loaded or shipped()
        self.desk: Desk
        self.url = ""
        self._port = 0
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Open storage and serve; the port stays the same over restarts."""
        self.desk = await self._stack.enter_async_context(
            open_desk(self.settings, self.loaded, self.sources, migrate=True)
        )
        self._port = await self._stack.enter_async_context(web_role(self.desk, port=self._port))
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Stop serving and close storage."""
        await self._stack.aclose()

    async def restart(self) -> None:
        """Stop and start again."""
        await self.stop()
        await self.start()
