"""What is sent to the app, by whichever road is set up, and how the app acknowledged it.

With a request URL: signed HTTP. Without: Socket Mode. The app has three seconds.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import aiohttp

from sandbox.faults import FaultKind
from sandbox.signed_http import OK, SignedPosts
from sandbox.socket_mode import NotConnectedError

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.socket_mode import SocketHub
    from sandbox.wire import Json

ACK_LIMIT = 3.0
EnvelopeType = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, slots=True)
class Ack:
    """How a delivery ended. `error` is None when the app acknowledged in time.

    `operation_timeout`: no answer in time; `dispatch_failed`: nobody there, or an HTTP error.
    `reason` is the word for a redelivery's header.
    """

    error: str | None = None
    body: object = None
    reason: str = ""
    may_retry: bool = True

    @property
    def is_ok(self) -> bool:
        return self.error is None


class Delivery:
    """The road to the app."""

    def __init__(self, installation: Installation, hub: SocketHub) -> None:
        self._installation = installation
        self._hub = hub
        self._posts = SignedPosts(installation.signing_secret)
        self.request_url: str | None = None
        self.ack_limit = ACK_LIMIT

    def envelope(self, kind: EnvelopeType, payload: Json) -> Json:
        """A new envelope. Interactions' acks may carry a payload; events' may not."""
        return {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }

    async def send(
        self, envelope: Json, *, attempt: int = 0, reason: str = "", extra: Json | None = None
    ) -> Ack:
        """Deliver and wait for the ack. Every fault and failure becomes an Ack with an error."""
        if envelope["type"] == "events_api":
            envelope = {**envelope, "retry_attempt": attempt, "retry_reason": reason}
        transport = "http" if self.request_url else "socket"
        clock = self._installation.workspace.clock
        began = clock.now()
        entry = self._installation.traffic.note(
            "delivery", transport=transport, envelope=envelope, attempt=attempt, outcome="waiting"
        )
        fault = self._installation.faults.take("deliver", {"type": envelope["type"]})
        if fault and fault.kind is FaultKind.LOSE:
            ack = Ack("operation_timeout", reason="timeout")
            entry["outcome"] = "lost"
            return ack
        copies = 2 if fault and fault.kind is FaultKind.DUPLICATE else 1
        acks = await asyncio.gather(
            *(self._once(envelope, attempt, reason, extra or {}) for _ in range(copies))
        )
        entry["outcome"] = acks[0].error or "acked"
        entry["acks"] = [ack.body for ack in acks]
        entry["took"] = clock.now() - began
        return acks[0]

    async def _once(self, envelope: Json, attempt: int, reason: str, extra: Json) -> Ack:
        url = self.request_url
        clock = self._installation.workspace.clock
        work = (
            self._post(url, envelope, attempt, reason, extra)
            if url
            else self._through_socket(envelope)
        )
        try:
            return await clock.within(work, self.ack_limit)
        except TimeoutError:
            return Ack("operation_timeout", reason="http_timeout" if url else "timeout")

    async def _through_socket(self, envelope: Json) -> Ack:
        try:
            return Ack(body=await self._hub.send(envelope))
        except NotConnectedError:
            return Ack("dispatch_failed", reason="timeout")

    async def _post(self, url: str, envelope: Json, attempt: int, reason: str, extra: Json) -> Ack:
        headers = {str(key): str(value) for key, value in extra.items()}
        if attempt:
            headers |= {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason}
        now = self._installation.workspace.clock.now()
        try:
            answer = await self._posts.send(url, envelope, now=now, headers=headers)
        except (aiohttp.ClientError, OSError):
            return Ack("dispatch_failed", reason="connection_failed")
        if answer.status != OK:
            return Ack(
                "dispatch_failed",
                body={"status": answer.status, "body": answer.body},
                reason="http_error",
                may_retry=answer.may_retry,
            )
        return Ack(body=answer.body or None)

    async def close(self) -> None:
        """Close the HTTP connections."""
        await self._posts.close()
