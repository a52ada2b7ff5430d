"""How others are told: signed webhooks and mail notices, carried from the outbox by the worker.

`courier` decides what a task becomes, `webhook` and `mail` send it. Whatever raises here is tried again later.
"""

from __future__ import annotations


class DeliveryFailed(Exception):
    """The other side did not take it. The message names a status or a missing setting, never content."""
