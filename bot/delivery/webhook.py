"""Signed webhooks after Standard Webhooks: one secret a recipient, the same `webhook-id` on every retry."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp
import orjson
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from bot.delivery import DeliveryFailed
from intake.rules import Recipient

TIMEOUT = aiohttp.ClientTimeout(total=15)  # seconds; Standard Webhooks asks for 15 to 30


class Webhooks:
    """Sends events to the recipients' addresses. `environment` holds their secrets under the configured names."""

    def __init__(self, session: aiohttp.ClientSession, environment: Mapping[str, str]) -> None:
        self._session = session
        self._environment = environment

    async def send(self, recipient: Recipient, event: Mapping[str, Any], *, name: str, at: datetime) -> None:
        """Deliver `event`; return when the recipient answered 2xx.

        Args: name: the same at every try; at: of this try (UTC), signed, so that an old one cannot be replayed.
        Raises: DeliveryFailed for any other answer, a missing or unusable secret; what aiohttp raises if none came.
        """
        body = orjson.dumps(event)
        headers = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer(recipient).sign(name, at, body.decode()),
        }
        post = self._session.post(
            recipient.address, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
        async with post as answer:
            if not 200 <= answer.status < 300:
                raise DeliveryFailed(f"the webhook of {recipient.id} answered {answer.status}")

    def _signer(self, recipient: Recipient) -> Webhook:
        try:
            return Webhook(self._environment.get(recipient.secret_env, ""))
        except (EmptyWebhookSecretError, binascii.Error):
            raise DeliveryFailed(
                f"{recipient.secret_env} holds no webhook secret for {recipient.id}"
            ) from None
