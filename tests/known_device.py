"""A browser in the store that is remembered, comes back and is forgotten; and a thief with a copy of its cookie."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

from storage.people.devices import Return
from tests.remembering import Visitor


class Device:
    """A browser of a visitor."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.memory = visitor, visitor.memory
        self.cookie = ""

    def session(self, token_hash: bytes = b"") -> Any:
        """Return a session of the store."""
        return self.memory.run(
            self.memory.store.session, token_hash or self.visitor.token_hash, self.memory.now()
        )

    def remembered(self, given: str | None = None, token_hash: bytes = b"") -> Return:
        """Have it remembered, with its cookie or a `given` one; keep the next."""
        kept: Return = self.memory.run(
            self.memory.store.remember_device,
            self.session(token_hash),
            self.cookie if given is None else given,
            self.memory.now(),
        )
        self.cookie = kept.cookie or self.cookie
        return kept

    def forgotten(self, given: str | None = None, token_hash: bytes = b"") -> frozenset[bytes]:
        """Have it forgotten; return the tokens whose sessions ended."""
        ended: frozenset[bytes] = self.memory.run(
            self.memory.store.forget_device,
            self.session(token_hash),
            self.cookie if given is None else given,
            self.memory.now(),
        )
        return ended

    def returns(self, cookie: str = "", site: str = "default") -> Return:
        """Come back with a cookie; keep the next one."""
        token_hash = hashlib.sha256(uuid4().bytes).digest()
        now = self.memory.now()
        back: Return = self.memory.run(
            self.memory.store.come_back,
            cookie or self.cookie,
            site=site,
            token_hash=token_hash,
            expires_at=now + timedelta(days=1),
            now=now,
        )
        self.cookie = back.cookie or self.cookie
        return back


class Thief(Device):
    """Somebody with a copy of a cookie, who came back with it before its owner."""

    def __init__(self, owner: Device) -> None:
        super().__init__(owner.visitor)
        self.cookie = owner.cookie
        back = self.returns().session
        assert back is not None
        self.token_hash = back.token_hash
