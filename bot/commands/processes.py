"""Commands that start processes: everything in one, or one role each."""

from __future__ import annotations

import argparse
import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import uvloop

from bot import logs, running, side_by_side
from bot.commands.office import CommandRefused, Office, command

# Objects made before the collector looks for cycles, 700 by default: a group of turns makes tens of thousands that are
# all gone a moment later, and looking cost a tenth of a turn.
GARBAGE_LOOK = 50_000


def add(commands: Any) -> None:
    """Add `serve`, `web`, `telegram` and `worker` to the command line."""
    serve = command(
        commands, "serve", "run web, Telegram and worker in one process, until stopped; migrates by itself"
    )
    serve.set_defaults(run=_serve)
    web = command(
        commands, "web", "run the web role alone: chat, pages and console for visitors and colleagues"
    )
    web.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="how many processes share the port; 1 where not given",
    )
    web.add_argument("--one-of-many", action="store_true", help=argparse.SUPPRESS)  # as `many` starts them
    web.set_defaults(run=_web)
    telegram = command(
        commands, "telegram", "run the Telegram role alone: the chat with whoever writes to the bot"
    )
    telegram.set_defaults(run=_telegram)
    work = "run the worker alone: mails and deliveries, retention, unfinished erasures, the audit's chain, moved keys"
    command(commands, "worker", work).set_defaults(run=_worker)


def _run(office: Office, role: Coroutine[Any, Any, None], *, ends_with_stdin: bool = False) -> int:
    gc.freeze()  # modules and configuration stay to the end: they need not be looked at again
    gc.set_threshold(GARBAGE_LOOK, 20, 100)
    logs.set_up(office.settings.log_level, office.settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(running.until_stopped(role, ends_with_stdin=ends_with_stdin))
    return 0


def _serve(asked: argparse.Namespace, office: Office) -> int:
    return _run(office, running.serve(office.settings, office.loaded, office.environment, office.say))


def _web(asked: argparse.Namespace, office: Office) -> int:
    settings, loaded = office.settings, office.loaded
    if asked.workers > 1:
        return side_by_side.many(["web", "--one-of-many"], asked.workers)
    role = running.web_only(settings, loaded, office.say, shared=asked.one_of_many)
    return _run(office, role, ends_with_stdin=asked.one_of_many)


def _telegram(asked: argparse.Namespace, office: Office) -> int:
    if not office.settings.telegram_bot_token:
        raise CommandRefused("no Telegram bot is configured: set TELEGRAM_BOT_TOKEN (from @BotFather)")
    return _run(office, running.telegram_only(office.settings, office.loaded, office.say))


def _worker(asked: argparse.Namespace, office: Office) -> int:
    return _run(office, running.worker_only(office.settings, office.loaded, office.environment))
