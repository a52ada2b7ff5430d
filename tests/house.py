"""A whole desk for tests: real storage, real routes on a real port, up and down as often as a journey wants."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

from bot.desk import Desk
from bot.running import open_desk, web_role
from config.load import Loaded, load
from config.settings import Settings
from storage.sources import Sources

CONFIG = Path(__file__).parent.parent / "config"


@cache
def shipped() -> Loaded:
    """Return the configuration that ships. It is frozen: tests may share it."""
    return load(CONFIG)


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
