"""Visitors on the web: one over the socket (with a second socket watching), one over plain HTTP."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from tests.house import House
from tests.journey import Shown
from tests.mailing import mailed_code

_CLOSED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
PATIENCE = 10.0  # seconds until a message that should have come counts as missing


def shown(frame: Mapping[str, Any]) -> Shown:
    """Return what the visitor sees of a message frame."""
    expects = frame["expects"]
    options = tuple(option["value"] for option in expects.get("options", ()))
    return Shown(frame["text"], expects, frame.get("rejected", {}).get("code", ""), options)


class WebVoice(ABC):
    """What both web voices share: a session, numbered client ids, the last frame."""

    channel = "web"

    def __init__(self, house: House, client: ClientSession) -> None:
        """Speak to `house`."""
        self.house, self.client = house, client
        self.token = ""
        self.cookie = ""
        self.count = 0
        self.sent: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []  # what a scribe wrote down, for the published transcripts

    async def begin(self, locale: str) -> None:
        """Open a session."""
        body = {"site": "default", "locale": locale}
        async with self.client.post(f"{self.house.url}/api/v1/sessions", json=body) as answer:
            assert answer.status == 201, await answer.text()
            session = await answer.json()
        assert session["bot"] is True
        self.token = session["token"]

    def frame(self, **content: Any) -> dict[str, Any]:
        """Return the next frame to send."""
        self.count += 1
        self.sent = {"id": f"c{self.count}", **content}
        return self.sent

    async def say(self, text: str) -> None:
        """Type."""
        await self.send(self.frame(type="say", text=text))

    async def pick(self, value: str, purposes: tuple[str, ...]) -> None:
        """Choose an option."""
        more = {"purposes": list(purposes)} if purposes else {}
        await self.send(self.frame(type="pick", value=value, **more))

    @abstractmethod
    async def send(self, frame: dict[str, Any]) -> None:
        """Send a frame."""

    async def remember(self) -> None:
        """Have the desk remember this device: the answer sets the cookie."""
        await self._visit({"Authorization": f"Bearer {self.token}"}, remember=True)

    async def _visit(self, headers: dict[str, str], **body: Any) -> dict[str, Any]:
        """Ask for a session as a browser does on the desk's own page."""
        headers["Origin"] = self.house.settings.public_url
        async with self.client.post(
            f"{self.house.url}/api/v1/sessions", json=body, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
            session: dict[str, Any] = await answer.json()
        return session

    async def come_back(self) -> None:
        """Forget the token, and get another one for the cookie."""
        session = await self._visit({"Cookie": self.cookie})
        assert session["resumed"] is True
        self.token = session["token"]

    async def code(self) -> str:
        """Return the one-time code that was mailed last."""
        return await mailed_code(self.house.desk)

    def note(self, to: str, frame: dict[str, Any]) -> None:
        """Write down a frame of the socket."""
        self.frames.append({"to": to, "frame": frame})


class HttpVoice(WebVoice):
    """Speaks over plain HTTP: a message is a request, its replies are the answer."""

    def __init__(self, house: House, client: ClientSession) -> None:
        """Speak to `house`."""
        super().__init__(house, client)
        self.unread: deque[Mapping[str, Any]] = deque()
        self.seen = 0
        self.answer: tuple[int, dict[str, Any]] = (0, {})

    async def open(self, locale: str) -> None:
        """Open a session and read the greeting."""
        await self.begin(locale)
        await self._read()

    async def _read(self) -> None:
        """Read what is new."""
        messages = f"{self.house.url}/api/v1/messages?after={self.seen}"
        async with self.client.get(messages, headers=self.headers) as answer:
            self.unread.extend((await answer.json())["messages"])

    async def come_back(self) -> None:
        """Read what the desk says to who comes back."""
        await super().come_back()
        await self._read()

    @property
    def headers(self) -> dict[str, str]:
        """Return what authenticates."""
        return {"Authorization": f"Bearer {self.token}"}

    async def send(self, frame: dict[str, Any]) -> None:
        """Post the frame; keep its answer."""
        self.answer = await self.post(frame)
        self.unread.extend(self.answer[1].get("messages", ()))

    async def post(self, frame: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of a posted frame."""
        async with self.client.post(
            f"{self.house.url}/api/v1/messages", json=frame, headers=self.headers
        ) as answer:
            return answer.status, await answer.json()

    async def next(self) -> Shown:
        """Return the desk's next message."""
        while self.unread:
            message = self.unread.popleft()
            self.seen = message["seq"]
            if message["from"] == "bot":
                return shown(message)
        raise AssertionError(f"nothing more was said: {self.answer}")

    async def again(self) -> None:
        """Post the same frame: the same acknowledgement, and no message more than there was."""
        status, body = await self.post(self.sent)
        assert (status, body["ack"], body["messages"]) == (
            self.answer[0], self.answer[1]["ack"], self.answer[1]["messages"],
        )  # fmt: skip

    async def refused(self, code: str) -> None:
        """Check the problem's code."""
        assert self.answer[0] >= 400
        assert self.answer[1]["code"] == code

    async def erased(self) -> None:
        """The answer carries the certificate; the token is gone; the certificate is confirmed to whoever asks."""
        certificate = self.answer[1]["erased"]["certificate"]
        status, _ = await self.post(self.frame(type="say", text="hello?"))
        assert status == 410
        async with self.client.get(f"{self.house.url}/api/v1/certificates/{certificate['id']}") as answer:
            assert (await answer.json())["id"] == certificate["id"]

    async def restart(self) -> None:
        """The token outlives the process."""
        await self.house.restart()


class SocketVoice(WebVoice):
    """Speaks over the socket; a second socket of the same session sees everything too."""

    def __init__(self, house: House, client: ClientSession) -> None:
        """Speak to `house`."""
        super().__init__(house, client)
        self.socket: ClientWebSocketResponse
        self.witness: ClientWebSocketResponse
        self.seen = 0
        self.watched = 0
        self.ack: dict[str, Any] = {}
        self.welcome: dict[str, Any] = {}

    async def open(self, locale: str) -> None:
        """Open a session and two sockets."""
        await self.begin(locale)
        await self.connect()

    async def connect(self) -> None:
        """Open both sockets from the watermark on."""
        self.socket = await self._hello(self.seen)
        self.note("server", {"type": "hello", "token": self.token, "after": self.seen})
        self.note("client", self.welcome)
        self.witness = await self._hello(self.watched)

    async def _hello(self, after: int) -> ClientWebSocketResponse:
        socket = await self.client.ws_connect(f"{self.house.url}/api/v1/chat")
        await socket.send_json({"type": "hello", "token": self.token, "after": after})
        welcome = await socket.receive_json(timeout=PATIENCE)
        assert welcome["type"] == "welcome", welcome
        self.welcome = welcome
        return socket

    async def send(self, frame: dict[str, Any]) -> None:
        """Send the frame and await its acknowledgement."""
        await self.socket.send_json(frame)
        self.note("server", frame)
        self.ack = await self._until("ack", "error")

    async def _until(self, *kinds: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = await self.socket.receive_json(timeout=PATIENCE)
            self.note("client", frame)
            if frame["type"] in kinds:
                return frame
            assert frame["type"] in ("message", "erased"), frame  # a part was erased, the session goes on

    async def next(self) -> Shown:
        """Return the desk's next message; numbers have no gap, and the witness sees the same."""
        while True:
            frame = await self._until("message")
            assert frame["seq"] == self.seen + 1, (frame, self.seen)
            self.seen = frame["seq"]
            await self._witnessed(frame)
            if frame["from"] == "bot":
                return shown(frame)

    async def _witnessed(self, frame: dict[str, Any]) -> None:
        other = await self.witness.receive_json(timeout=PATIENCE)
        while other["type"] == "erased":
            other = await self.witness.receive_json(timeout=PATIENCE)
        assert other == frame
        self.watched = frame["seq"]

    async def again(self) -> None:
        """Send the same frame: the same acknowledgement; nothing else is said (the next line would find it)."""
        await self.socket.send_json(self.sent)
        self.note("server", self.sent)
        frame = await self.socket.receive_json(timeout=PATIENCE)
        self.note("client", frame)
        assert frame == self.ack

    async def refused(self, code: str) -> None:
        """Check the error frame."""
        assert (self.ack["type"], self.ack["code"]) == ("error", code)

    async def erased(self) -> None:
        """Both sockets are told with the certificate and closed with 4410."""
        for socket in (self.socket, self.witness):
            frame = await socket.receive_json(timeout=PATIENCE)
            while frame["type"] == "message":
                frame = await socket.receive_json(timeout=PATIENCE)
            assert frame["type"] == "erased"
            assert frame["certificate"]["scope"] == "all"
            closing = await asyncio.wait_for(socket.receive(), PATIENCE)
            assert (closing.type in _CLOSED, socket.close_code) == (True, 4410), (closing, socket.close_code)
            if socket is self.socket:
                self.note("client", frame)

    async def restart(self) -> None:
        """The sockets are told that the server goes away; the visitor comes back by watermark."""
        await asyncio.gather(self.house.restart(), self._closed(self.socket), self._closed(self.witness))
        await self.connect()

    async def come_back(self) -> None:
        """Close both sockets, as a page does that is left, and open two others."""
        for socket in (self.socket, self.witness):
            await socket.close()
        await super().come_back()
        await self.connect()

    async def _closed(self, socket: ClientWebSocketResponse) -> None:
        message = await asyncio.wait_for(socket.receive(), PATIENCE)
        assert message.type in _CLOSED
