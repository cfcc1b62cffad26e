"""Socket Mode: our websockets to Slack, kept alive and watched.

The SDK's client pings and reconnects by itself; it has been seen to stop doing so for good. So
each of ours is watched: one that was out of touch for a minute is thrown away for a new one. With
two of them one can be refreshed by Slack while the other takes what comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp
import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.config.proxy import proxy_for
from bot.slack.client import quiet_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from slack_bolt import BoltResponse
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest
    from slack_sdk.web.async_client import AsyncWebClient

log = structlog.get_logger("curfew.slack")

CONNECTIONS: Final = 2
PING_EVERY: Final = 5.0
LOOK_EVERY: Final = 2.0
OUT_OF_TOUCH: Final = 60.0
"""Seconds without a sign from Slack after which a connection is made anew from nothing."""

DRAIN: Final = 3.0
"""Seconds for what is being answered when we stop: longer nobody waits for an ack."""

OK: Final = 200


class Dispatch(Protocol):
    """The gateway's way in."""

    async def __call__(
        self, body: dict[str, object], *, headers: Mapping[str, str]
    ) -> BoltResponse: ...


class Connections:
    """Our sockets. Each envelope comes through one of them and is answered through it."""

    def __init__(
        self,
        app_token: str,
        client: AsyncWebClient,
        dispatch: Dispatch,
        *,
        count: int = CONNECTIONS,
        out_of_touch: float = OUT_OF_TOUCH,
        look_every: float = LOOK_EVERY,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Opens nothing. Slack allows ten for one app, all replicas together."""
        self._links = [
            _Link(app_token, client, dispatch, patience=out_of_touch, now=now) for _ in range(count)
        ]
        self._look_every = look_every
        self._watch: asyncio.Task[None] | None = None

    @property
    def up(self) -> int:
        """How many are connected now."""
        return sum(link.is_up for link in self._links)

    @property
    def ready(self) -> bool:
        """Slack can reach us."""
        return self.up > 0

    async def start(self) -> None:
        """Begin to connect, for as long as it takes; returns at once."""
        for link in self._links:
            link.open()
        self._watch = asyncio.create_task(self._keep_watch(), name="watch of the sockets")

    async def stop(self) -> None:
        """Answer what came in, then close. May be repeated."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await asyncio.gather(*(link.drain(DRAIN) for link in self._links))
        await asyncio.gather(*(link.close() for link in self._links))

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.sleep(self._look_every)
            for link in self._links:
                await link.look()


class _Link:
    """One place for a connection, with the client that holds it now."""

    def __init__(
        self,
        app_token: str,
        client: AsyncWebClient,
        dispatch: Dispatch,
        *,
        patience: float,
        now: Callable[[], float],
    ) -> None:
        self._app_token = app_token
        self._client = client
        self._dispatch = dispatch
        self._patience = patience
        self._now = now
        self._socket: SocketModeClient | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._in_touch = now()
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        socket = self._socket
        if socket is None or socket.stale or socket.closed:
            return False
        return socket.current_session is not None and not socket.current_session.closed

    def open(self) -> None:
        """A new client that connects until it is connected."""
        socket = SocketModeClient(
            app_token=self._app_token,
            web_client=self._client,
            logger=quiet_logger("socket"),
            ping_interval=PING_EVERY,
            on_message_listeners=[self._heard],
        )
        # As in `open_client`: the environment's proxy without regard to NO_PROXY was put here.
        socket.proxy = proxy_for(self._client.base_url)
        socket.socket_mode_request_listeners.append(self._came)
        self._socket = socket
        self._in_touch = self._now()
        self._connecting = asyncio.create_task(_connect(socket), name="socket to Slack")

    async def look(self) -> None:
        """Throw the client away when Slack gave no sign through it for too long."""
        socket = self._socket
        if socket is not None and self.is_up and socket.last_ping_pong_time is not None:
            self._in_touch = max(self._in_touch, socket.last_ping_pong_time)
        if self._now() - self._in_touch > self._patience:
            log.warning("socket out of touch, made anew", seconds=self._patience)
            await self.close()
            self.open()

    async def drain(self, limit: float) -> None:
        """Wait for the answers that are under way."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=limit)

    async def close(self) -> None:
        """End the connection and everything that the client started."""
        socket, self._socket = self._socket, None
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        if socket is None:
            return
        own = [socket.message_processor, socket.current_session_monitor, socket.message_receiver]
        try:
            async with asyncio.timeout(DRAIN):
                await socket.close()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            log.info("socket did not close cleanly", error=type(error).__name__)
            await socket.aiohttp_client_session.close()
        # `close` only asks them to end.
        await asyncio.gather(*(task for task in own if task is not None), return_exceptions=True)

    async def _heard(self, _: aiohttp.WSMessage) -> None:
        self._in_touch = self._now()

    async def _came(self, socket: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        headers = {}
        if request.retry_attempt:
            headers["x-slack-retry-num"] = str(request.retry_attempt)
            headers["x-slack-retry-reason"] = str(request.retry_reason or "")
        said = await self._dispatch(request.payload, headers=headers)
        if said.status != OK:
            return
        try:
            await socket.send_socket_mode_response(
                SocketModeResponse(request.envelope_id, payload=_payload(said))
            )
        except (aiohttp.ClientError, OSError) as error:
            # Slack sends events again; who clicked sees that it did not work and clicks again.
            log.warning("ack lost with its socket", error=type(error).__name__)


async def _connect(socket: SocketModeClient) -> None:
    await socket.connect()  # type: ignore[no-untyped-call] # the SDK leaves it untyped


def _payload(said: BoltResponse) -> dict[str, object] | None:
    if not said.body:
        return None
    if said.first_headers().get("content-type", "").startswith("application/json"):
        found: dict[str, object] = json.loads(said.body)
        return found
    return {"text": said.body}
