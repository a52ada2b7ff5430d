"""A desk that says what a test tells it to: for what the real one says rarely, or only when something is wrong."""

from __future__ import annotations

import json
from typing import Any

from playwright.async_api import Route, WebSocketRoute

from tests.chat_window import Window


class Script:
    """A desk that says what a test tells it to, through the browser's own network."""

    def __init__(self) -> None:
        """Nothing is said yet."""
        self.frames: list[dict[str, Any]] = []
        self.heard: list[dict[str, Any]] = []
        self.answers = True
        self.socket: WebSocketRoute | None = None

    async def begin(self, seen: Window) -> None:
        """Answer for the desk on this page."""
        await seen.page.route("**/api/v1/sessions", self._session)
        await seen.page.route_web_socket("**/api/v1/chat", self.chat)

    async def _session(self, route: Route) -> None:
        session = {
            "session": "s",
            "token": "t",
            "locale": "en",
            "bot": True,
            "company": "Example",
            "policy": {},
        }
        await route.fulfill(status=201, content_type="application/json", body=json.dumps(session))

    def chat(self, socket: WebSocketRoute) -> None:
        """Take a socket."""
        self.socket = socket
        socket.on_message(lambda text: self._hear(json.loads(text)))

    def _hear(self, frame: dict[str, Any]) -> None:
        self.heard.append(frame)
        if frame["type"] == "hello":
            self.tell({"type": "welcome", "session": "s", "locale": "en", "seq": len(self.frames)})
            for one in self.frames[frame["after"] :]:
                self.tell(one)
        elif self.answers:
            self.tell({"type": "ack", "id": frame["id"], "seq": len(self.frames) + 1})
            self.say("visitor", frame.get("text") or frame["value"], id=frame["id"])

    def tell(self, frame: dict[str, Any]) -> None:
        """Send a frame."""
        assert self.socket is not None
        self.socket.send(json.dumps(frame))

    def say(self, sender: str, text: str, **more: Any) -> None:
        """Add a message and send it."""
        at = "2026-11-22T20:00:00.000Z"
        frame = {
            "type": "message",
            "seq": len(self.frames) + 1,
            "from": sender,
            "at": at,
            "text": text,
            **more,
        }
        self.frames.append(frame)
        if self.socket:
            self.tell(frame)
