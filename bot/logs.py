"""Logs carry event types, stages and opaque ids; libraries that print tokens or addresses are quieted."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

# httpx prints request URLs, and Telegram's hold the bot token; aiohttp's access log prints query strings; botocore
# prints whole requests and answers, and those of KMS hold what is wrapped.
QUIETED = (
    "httpx",
    "httpcore",
    "aiohttp.access",
    "telegram",
    "asyncio",
    "alembic",
    "botocore",
    "aiosmtplib",
    "hpack",
    "markdown_it",
    "urllib3",
)


def set_up(level: str, form: str) -> None:
    """Write logs to standard error as `console` lines or `json`, from `level` on. Called once, by the entry point."""
    shown: Processor = structlog.processors.JSONRenderer()
    if form == "console":
        shown = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),  # in a file or a journal they would be signs among the words
            exception_formatter=structlog.dev.plain_traceback,
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        # Not cached on first use: a logger that was would keep its stream whatever is set up later, and lines are rare.
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    for name in QUIETED:
        logging.getLogger(name).setLevel(logging.WARNING)
