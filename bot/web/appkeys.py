"""What the application carries: `request.app[DESK]`. A module of its own, so that pages need not import the factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:  # the desk builds everything, so nothing here needs it before it runs
    from bot.desk import Desk
    from bot.web.chat_socket import ChatSocket
    from bot.web.pace import Pace

DESK: web.AppKey[Desk] = web.AppKey("desk")
PACE: web.AppKey[Pace] = web.AppKey("pace")
SOCKETS: web.AppKey[set[ChatSocket]] = web.AppKey("sockets")
