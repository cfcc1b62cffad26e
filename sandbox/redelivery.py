"""Sending to the app what Slack would rarely or never send: again, late, out of order, forged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.signed_http import SignedPost
from sandbox.wire import RefusedActError

if TYPE_CHECKING:
    from sandbox.delivery import Ack, Delivery, Forgery
    from sandbox.installation import Installation


class Redelivery:
    """Beside the road of ordinary deliveries, by the same transport."""

    def __init__(self, installation: Installation, delivery: Delivery) -> None:
        self._installation = installation
        self._delivery = delivery

    async def again(self, number: int, *, times: int = 1) -> list[Ack]:
        """Send the envelope of a traffic entry again, unchanged; `times` copies at once."""
        entry = self._installation.traffic.find(number)
        if entry is None or entry["kind"] != "delivery":
            raise RefusedActError("no_such_delivery", f"Entry {number} is no delivery.")
        envelope = entry["envelope"]
        attempt = entry["attempt"]
        sends = (self._delivery.send(envelope, attempt=attempt) for _ in range(times))
        return await asyncio.gather(*sends)

    async def replayed(self, number: int) -> Ack:
        """Post the very bytes of an earlier delivery again, old signature and all: HTTP only."""
        entry = self._installation.traffic.find(number)
        if entry is None or "post" not in entry:
            raise RefusedActError("no_such_delivery", f"Entry {number} is no delivery by HTTP.")
        old = entry["post"]
        post = SignedPost(old["body"].encode(), old["headers"])
        again = self._installation.traffic.note(
            "delivery", transport="http", envelope=entry["envelope"], attempt=entry["attempt"]
        )
        return await self._delivery.travel(lambda: self._delivery.post(post), again)

    async def forged(
        self, envelope: object, *, times: int = 1, forgery: Forgery | None = None
    ) -> list[Ack]:
        """Send an envelope of one's own making; over HTTP also with other headers."""
        if not isinstance(envelope, dict) or not {"type", "payload"} <= envelope.keys():
            raise RefusedActError("invalid_envelope", "An envelope has a type and a payload.")
        whole = self._delivery.envelope(envelope["type"], envelope["payload"]) | envelope
        sends = (self._delivery.send(whole, forgery=forgery) for _ in range(times))
        return await asyncio.gather(*sends)
