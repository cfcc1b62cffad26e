"""What is sent to the app, by whichever road is set up, and how the app acknowledged it.

With a request URL: signed HTTP. Without: Socket Mode. The app has three seconds.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import (  # pydantic reads the annotations of Forgery
    Awaitable,
    Callable,
    Mapping,
)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import aiohttp

from sandbox.faults import FaultKind
from sandbox.signed_http import OK, SignedPost, SignedPosts
from sandbox.socket_mode import NotConnectedError

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.socket_mode import SocketHub
    from sandbox.wire import Json

ACK_LIMIT = 3.0
Road = Callable[[], Awaitable["Ack"]]
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


@dataclass(frozen=True, slots=True)
class Forgery:
    """How a delivery over HTTP differs from an honest one.

    `headers` replace the computed ones, None takes one away; it is signed `skew` seconds from now.
    """

    headers: Mapping[str, str | None] = field(default_factory=dict)
    skew: float = 0.0


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
        self,
        envelope: Json,
        *,
        attempt: int = 0,
        reason: str = "",
        forgery: Forgery | None = None,
    ) -> Ack:
        """Deliver and wait for the ack. Every fault and failure becomes an Ack with an error."""
        if envelope["type"] == "events_api":
            envelope = {**envelope, "retry_attempt": attempt, "retry_reason": reason}
        faults, traffic = self._installation.faults, self._installation.traffic
        transport = "http" if self.request_url else "socket"
        entry = traffic.note("delivery", transport=transport, envelope=envelope, attempt=attempt)
        fault = faults.take("deliver", {"type": envelope["type"]})
        if fault and fault.kind is FaultKind.LOSE:
            entry["outcome"] = "lost"
            return Ack("operation_timeout", reason="timeout")
        road = self._road(envelope, attempt, reason, forgery or Forgery(), entry)
        copies = 2 if fault and fault.kind is FaultKind.DUPLICATE else 1
        return await self.travel(road, entry, copies=copies)

    async def travel(self, road: Road, entry: Json, *, copies: int = 1) -> Ack:
        """So many copies at once down the road, each within the limit; the first one's ack."""
        clock = self._installation.workspace.clock
        began = clock.now()
        entry["outcome"] = "waiting"
        acks = await asyncio.gather(*(self._within_limit(road) for _ in range(copies)))
        entry["outcome"] = acks[0].error or "acked"
        entry["acks"] = [ack.body for ack in acks]
        entry["took"] = clock.now() - began
        return acks[0]

    async def _within_limit(self, road: Road) -> Ack:
        try:
            return await self._installation.workspace.clock.within(road(), self.ack_limit)
        except TimeoutError:
            return Ack(
                "operation_timeout", reason="http_timeout" if self.request_url else "timeout"
            )

    def _road(
        self, envelope: Json, attempt: int, reason: str, forgery: Forgery, entry: Json
    ) -> Road:
        if self.request_url is None:
            return lambda: self._through_socket(envelope)
        retry = {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason}
        headers = {**(retry if attempt else {}), **forgery.headers}
        now = self._installation.workspace.clock.now() + forgery.skew
        post = self._posts.signed(envelope, now=now, headers=headers)
        entry["post"] = {"headers": dict(post.headers), "body": post.body.decode()}
        return lambda: self.post(post)

    async def _through_socket(self, envelope: Json) -> Ack:
        try:
            return Ack(body=await self._hub.send(envelope))
        except NotConnectedError:
            return Ack("dispatch_failed", reason="timeout")

    async def post(self, post: SignedPost) -> Ack:
        """Post these very bytes to the request URL."""
        try:
            answer = await self._posts.send(self.request_url or "", post)
        except (aiohttp.ClientError, OSError):
            return Ack("dispatch_failed", reason="connection_failed")
        if answer.status != OK:
            body = {"status": answer.status, "body": answer.body}
            return Ack("dispatch_failed", body, "http_error", answer.may_retry)
        return Ack(body=answer.body or None)

    async def close(self) -> None:
        """Close the HTTP connections."""
        await self._posts.close()
